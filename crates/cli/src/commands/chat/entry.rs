//! What a line means: a prompt, or a command.

use std::fmt::Write as _;

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An empty line.
    Nothing,
    /// Something to ask.
    Prompt(String),
    /// Something to do.
    Command(Command),
    /// No command of ours; what is wrong with it.
    Unknown(String),
}

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Lists the commands.
    Help,
    /// Ends.
    Quit,
    /// Asks the last prompt again.
    Retry,
    /// Forgets what was said.
    Reset,
    /// Shows the instructions, sets them, or takes them away when the text is empty.
    System(Option<String>),
    /// Shows who is asked, or asks others from now on.
    Providers(Vec<String>),
    /// Says what the conversation took.
    Cost,
    /// Keeps the conversation in a file, or writes the one that keeps it already.
    Save(Option<String>),
}

/// Every command with what stands behind it, and what it does.
const COMMANDS: [(&str, &str, &str); 8] = [
    ("/help", "", "list these commands"),
    ("/retry", "", "ask the last prompt again; a new answer takes the old one's place"),
    ("/reset", "", "forget what was said, and begin anew"),
    ("/system", "[TEXT]", "show the instructions, or set them; `/system -` takes them away"),
    (
        "/providers",
        "[ID …]",
        "show who is asked, or ask these from now on; `all` asks all. /model is the same",
    ),
    ("/cost", "", "say what the conversation took so far"),
    ("/save", "[FILE]", "keep the conversation in a file, now and after each answer"),
    ("/quit", "", "end, as Ctrl-D does"),
];

/// The commands, a line each.
pub(crate) fn help() -> String {
    let mut out = String::new();
    for (name, argument, what) in COMMANDS {
        let usage = format!("{name} {argument}");
        let _ = writeln!(out, "  {usage:<18} {what}");
    }
    out.push_str("  //TEXT             ask TEXT with one / before it\n");
    out
}

/// The commands that `beginning` may become, each as it is typed; none where no command stands.
pub(super) fn commands_that_begin_with(beginning: &str) -> Vec<String> {
    let names =
        COMMANDS.iter().filter(|(name, _, _)| beginning.starts_with('/') && name.starts_with(beginning));
    names.map(|(name, argument, _)| format!("{name}{}", if argument.is_empty() { "" } else { " " })).collect()
}

impl Entry {
    /// What `line` means.
    pub(super) fn of(line: &str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        let Some(rest) = text.strip_prefix('/') else { return Self::Prompt(line.trim_end().to_owned()) };
        if rest.starts_with('/') {
            return Self::Prompt(rest.to_owned());
        }
        let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let argument = argument.trim();
        let given = (!argument.is_empty()).then(|| argument.to_owned());
        let command = match name {
            "system" => Command::System(given.map(|text| if text == "-" { String::new() } else { text })),
            "providers" | "provider" | "model" => {
                Command::Providers(argument.split_whitespace().map(str::to_owned).collect())
            }
            "save" => Command::Save(given),
            "help" | "?" | "quit" | "exit" | "retry" | "reset" | "cost" if given.is_some() => {
                return Self::Unknown(format!("/{name} takes nothing behind it: write /{name} alone"));
            }
            "help" | "?" => Command::Help,
            "quit" | "exit" => Command::Quit,
            "retry" => Command::Retry,
            "reset" => Command::Reset,
            "cost" => Command::Cost,
            _ => {
                return Self::Unknown(format!(
                    "no command `/{name}`: /help lists them, and //{name} asks it with one / before it"
                ));
            }
        };
        Self::Command(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_prompt_unless_it_begins_with_a_slash() {
        let prompt = |text: &str| Entry::Prompt(text.to_owned());
        assert_eq!(Entry::of("  \n"), Entry::Nothing);
        assert_eq!(Entry::of("what is 1/2?\n"), prompt("what is 1/2?"));
        assert_eq!(Entry::of("//etc/passwd"), prompt("/etc/passwd"));
        assert_eq!(Entry::of(" /cost "), Entry::Command(Command::Cost));
        assert_eq!(Entry::of("/system be  brief"), Entry::Command(Command::System(Some("be  brief".into()))));
        assert_eq!(Entry::of("/system -"), Entry::Command(Command::System(Some(String::new()))));
        let both = vec!["a".to_owned(), "b/c".to_owned()];
        assert_eq!(Entry::of("/model a b/c"), Entry::Command(Command::Providers(both)));
        assert!(matches!(Entry::of("/etc/passwd"), Entry::Unknown(_)));
        assert!(matches!(Entry::of("/reset everything"), Entry::Unknown(_)));
    }

    #[test]
    fn a_beginning_is_completed_to_commands_alone() {
        assert_eq!(commands_that_begin_with("/s"), ["/system ", "/save "]);
        assert_eq!(commands_that_begin_with("/q"), ["/quit"]);
        assert!(commands_that_begin_with("").is_empty() && commands_that_begin_with("/save x").is_empty());
    }

    #[test]
    fn every_command_that_help_names_is_one() {
        for (name, _, _) in COMMANDS {
            assert!(matches!(Entry::of(name), Entry::Command(_)), "{name}");
        }
    }
}
