//! The table of what was observed.

use std::fmt::Write as _;

use ultraai_testkit::faults::{FAULTS, Fault, Group};

use crate::{
    COMMAND,
    case::{Case, PROTOCOLS, Setting},
    run::{End, Seen},
};

pub(crate) fn table(seen: &[(Case, Seen)]) -> String {
    let mut text = format!(
        "# What a caller gets for each fault\n\n\
        <!-- Written by `{COMMAND}`. -->\n\n\
        {} faults, each in the protocols of {}. *Alone*: the strategy `fallback` with this candidate only and\n\
        `max_retries = 2`. *Attempts* are those that reached the server, for a whole answer and for a live one; a live answer that\n\
        broke off after its first content is not asked for again, since a caller may have read it. *Beside others*: who answers\n\
        when one or two candidates that are well stand beside it, through every strategy, also where the faulty one is to write the\n\
        synthesis; what it had told live before it broke off is discarded. An error is named by its `ErrorKind`. Where protocols differ, each is named.\n",
        FAULTS.len(),
        PROTOCOLS.iter().map(|protocol| format!("`{}`", protocol.name)).collect::<Vec<_>>().join(", "),
    );
    for group in Group::ALL {
        let _ = write!(
            text,
            "\n## {group}\n\n\
            | fault | what the server does | alone, whole | alone, live | attempts | beside others |\n\
            | --- | --- | --- | --- | --- | --- |\n"
        );
        for fault in FAULTS.iter().filter(|fault| fault.group == group) {
            let alone = |live| Row { fault, live, seen };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} / {} | {} |",
                fault.name,
                what_it_does(fault),
                alone(false).cell(end),
                alone(true).cell(end),
                alone(false).cell(attempts),
                alone(true).cell(attempts),
                others(&alone(false).cell(who), &alone(true).cell(who)),
            );
        }
    }
    text
}

fn what_it_does(fault: &Fault) -> String {
    let lacking = PROTOCOLS
        .iter()
        .filter_map(|protocol| Some((fault.lacking_in(protocol.dialogue)?.to_owned(), protocol.name)));
    let mut text = fault.summary.to_owned();
    for (reason, who) in grouped(lacking) {
        let _ = write!(text, " (not {}: {reason})", who.join(", "));
    }
    text
}

/// What is said, each with who says it, in order.
fn grouped<'a>(said: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, Vec<&'a str>)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (word, who) in said {
        match groups.iter_mut().find(|(known, _)| *known == word) {
            Some((_, all)) => all.push(who),
            None => groups.push((word, vec![who])),
        }
    }
    groups
}

/// The cases of one fault alone, for one delivery.
struct Row<'a> {
    fault: &'static Fault,
    live: bool,
    seen: &'a [(Case, Seen)],
}

impl Row<'_> {
    /// What `say` says, once where all protocols agree.
    fn cell(&self, say: fn(&Seen) -> String) -> String {
        let own = self.seen.iter().filter(|(case, _)| {
            case.fault.name == self.fault.name && case.live == self.live && case.setting == Setting::Alone
        });
        let said = grouped(own.map(|(case, seen)| (say(seen), case.protocol.name)));
        match said.as_slice() {
            [(word, _)] => word.clone(),
            several => {
                let each = several.iter().map(|(word, who)| format!("{word} ({})", who.join(", ")));
                each.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

fn end(seen: &Seen) -> String {
    match &seen.end {
        End::Right => "the answer".to_owned(),
        End::Incomplete => "a part, marked as incomplete".to_owned(),
        End::Failed(kind) => format!("`{kind}`"),
        End::Other | End::Wrong(_) => format!("{:?}", seen.end),
    }
}

fn attempts(seen: &Seen) -> String {
    seen.attempts.to_string()
}

/// Who may answer where others are well.
fn who(seen: &Seen) -> String {
    match seen.end {
        End::Right => "either".to_owned(),
        _ => "another".to_owned(),
    }
}

fn others(whole: &str, live: &str) -> String {
    if whole == live { whole.to_owned() } else { format!("whole: {whole}; live: {live}") }
}
