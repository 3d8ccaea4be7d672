//! The table of what was observed.

use std::fmt::Write as _;

use crate::{
    COMMAND,
    pair::{Fate, Pair},
};

pub(crate) fn table(pairs: &[Pair]) -> String {
    let mut text = format!(
        "# What is lost between two protocols\n\n\
        <!-- Written by `{COMMAND}`. -->\n\n\
        A caller speaks one protocol, and the provider that is asked another. For each thing that a chat can say: **yes**, it\n\
        arrives; a number, it is lost for the reason below the table, which an error says by name unless losses are allowed, or\n\
        it changes no answer and is left out with a word;\n\
        —, who would say it has no words for it; *hidden*, it belongs to one vendor, and another never sees it; other words, it\n\
        arrives in that form. Answers are the same whole and live unless a reason says otherwise.\n"
    );
    for side in pairs.chunk_by(|one, other| one.caller == other.caller) {
        let caller = side.first().map_or("", |pair| pair.caller);
        let _ = write!(text, "\n## Callers of `{caller}`\n");
        part(&mut text, "the request says", side, |pair| &pair.requests);
        part(&mut text, "the answer says", side, |pair| &pair.answers);
    }
    text
}

/// One table and its reasons.
fn part(text: &mut String, title: &str, side: &[Pair], of: fn(&Pair) -> &Vec<(&'static str, Fate)>) {
    let names: Vec<_> = side.iter().map(|pair| format!(" `{}` |", pair.provider)).collect();
    let _ = writeln!(text, "\n| {title} |{}\n| --- |{}", names.concat(), " --- |".repeat(side.len()));
    let mut reasons: Vec<String> = Vec::new();
    let rows = side.first().map_or(0, |pair| of(pair).len());
    for row in 0..rows {
        let _ = write!(text, "| {} |", of(&side[0])[row].0);
        for pair in side {
            let cell = match &of(pair)[row].1 {
                Fate::Kept => "yes".to_owned(),
                Fate::Unsayable => "—".to_owned(),
                Fate::Changed(form) => (*form).to_owned(),
                Fate::Hidden => "*hidden*".to_owned(),
                Fate::Wrong(_) => "**wrong**".to_owned(),
                Fate::Lost(why) => numbers(why, &mut reasons),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    if !reasons.is_empty() {
        text.push('\n');
    }
    for (number, reason) in (1..).zip(&reasons) {
        let _ = writeln!(text, "{number}. {reason}");
    }
}

/// The numbers of these reasons, in a list that grows.
fn numbers(why: &[String], reasons: &mut Vec<String>) -> String {
    let mut numbers = Vec::new();
    for reason in why {
        let place = reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
            reasons.push(reason.clone());
            reasons.len() - 1
        });
        numbers.push((place + 1).to_string());
    }
    numbers.dedup();
    numbers.join(", ")
}
