//! The arguments, as `--help` shows them.

mod ask;
mod chat;
mod embed;
mod keys;
mod names;
mod serve;
mod settings;
mod simulate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use ultraai::Lookup;

pub(crate) use self::{
    ask::{Ask, OutputFlags, Show},
    chat::Chat,
    embed::{Embed, Models},
    keys::{CreateKey, Keys, KeysAction, ListKeys, RevokeKey, StateFlags},
    names::Names,
    serve::Serve,
    settings::{FileFlag, RequestFlags, SettingsFlags},
    simulate::Simulate,
};
use crate::exit;

/// Asks several language models and returns one answer, with what it cost and why it came to be.
#[derive(Debug, Parser)]
#[command(
    name = "ultraai",
    version,
    after_help = exit::HELP,
    max_term_width = 110,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Tell on standard error what happens, without prompts, answers and keys: error, warn, info, debug or trace. Default: `RUST_LOG`
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
}

/// The part of the help of `simulate` that shows a world.
const SIMULATE_HELP: &str = "\
A world file:
  requests = 100_000
  arrivals_per_second = 20            # or: concurrency = 50
  [providers.fast]                    # as the settings call it; [default] is for all others
  latency = { p50_seconds = 0.8, p99_seconds = 8 }
  failure_rate = 0.01

Exit codes:
  0    a report, whatever became of the requests
  2    wrong arguments, settings or world
  130  Ctrl-C";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask, and print the answer
    ///
    /// The answer goes to standard output, everything else to standard error. On a terminal the answer
    /// appears while it is made, and standard error shows how each provider gets on.
    #[command(after_help = exit::HELP)]
    Ask(Box<Ask>),
    /// Ask several times, in one conversation
    ///
    /// On a terminal lines are edited with the usual keys, and the answers appear while they are made: Ctrl-C
    /// drops the answer under way, Ctrl-D ends, and a line that ends with `\` goes on in the next. Where standard
    /// input is no terminal each of its lines is a prompt. A line that begins with `/` is a command.
    #[command(after_help = exit::chat_help())]
    Chat(Box<Chat>),
    /// Print an outcome again that `ask --save` wrote
    #[command(after_help = exit::HELP)]
    Show(Show),
    /// List the providers: linked into this program, configured, reachable; and where their keys are
    Providers(Providers),
    /// List the models of the configured providers, as each provider lists them
    #[command(after_help = exit::MODELS_HELP)]
    Models(Models),
    /// Print the vectors of texts as JSON
    ///
    /// The texts are the arguments, or each line of standard input that is not blank. One provider is asked, once: the first
    /// one that has a model of embeddings, unless --provider names another.
    #[command(after_help = exit::EMBED_HELP)]
    Embed(Box<Embed>),
    /// List the strategies, with the layers, analyzers, selectors, sources of prices and tokenizers that are linked
    Strategies(Listing),
    /// Show what is in force and where each value comes from, or write a settings file
    Config(Box<Config>),
    /// Serve the OpenAI and Anthropic APIs to other programs
    ///
    /// Without access keys it only serves this machine; `ultraai keys create` makes one. SIGTERM and Ctrl-C let requests
    /// and streams under way end, for as long as `gateway.shutdown_timeout_seconds` says; a second one does not.
    #[command(after_help = exit::SERVE_HELP)]
    Serve(Box<Serve>),
    /// Make, list and revoke the access keys of `serve`
    ///
    /// They are with the running server, else in the folder that it reads: the command does as well while none runs.
    #[command(after_help = exit::KEYS_HELP)]
    Keys(Keys),
    /// Let many requests run in virtual time, with providers that a world file simulates, and report what came of them
    ///
    /// Strategy, options, layers and selector are those of the settings file, and the engine is the real one: only the
    /// wire of each provider is replaced. Nothing is sent and nothing costs. The same seed makes the same report.
    #[command(after_help = SIMULATE_HELP)]
    Simulate(Simulate),
    /// Print completions for a shell
    ///
    /// For bash: `ultraai completions bash > ~/.local/share/bash-completion/completions/ultraai`. For zsh, a
    /// file `_ultraai` in a folder of `$fpath`; for fish, `~/.config/fish/completions/ultraai.fish`.
    Completions(Completions),
    /// Print the manual page
    ///
    /// `ultraai man > ~/.local/share/man/man1/ultraai.1` installs it, and `ultraai man | man -l -` shows it.
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Providers {
    #[command(flatten)]
    pub(crate) file: FileFlag,

    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Listing {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Config {
    /// Write a commented settings file instead, and leave one that is there alone; `-` prints it
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = ultraai_settings::FILE_NAME)]
    pub(crate) init: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    /// Print it as JSON
    #[arg(long, conflicts_with = "init")]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write a page for each command into this folder instead, and make the folder where there is none
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// A whole number, in words that the others of this program use.
fn whole(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it must be a whole number above 0")
}

/// Whether a variable is set, as providers look it up.
pub(crate) fn is_set(variable: &str) -> bool {
    Lookup::environment().get(variable).is_some()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::flags::SHARED;

    #[test]
    fn the_arguments_agree_with_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_option_of_one_request_is_a_flag() {
        for name in ["ask", "chat"] {
            let command = Arguments::command().find_subcommand(name).cloned().unwrap();
            for field in ultraai::Options::FIELDS {
                let flag = field.name.replace('_', "-");
                let is_flag = command.get_arguments().any(|argument| argument.get_long() == Some(&flag));
                assert_eq!(is_flag, !SHARED.contains(&field.name), "{flag}");
            }
        }
    }
}
