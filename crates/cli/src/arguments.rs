//! The arguments, as `--help` shows them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ultraai::Lookup;
use ultraai_settings::Sources;

use crate::{exit, flags::OptionFlags};

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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask, and print the answer
    ///
    /// The answer goes to standard output, everything else to standard error. On a terminal the answer
    /// appears while it is made, and standard error shows how each provider gets on.
    #[command(after_help = exit::HELP)]
    Ask(Box<Ask>),
    /// List the providers: linked into this program, configured, reachable; and where their keys are
    Providers(Providers),
    /// List the strategies, with the layers, analyzers and selectors that are linked
    Strategies(Listing),
    /// Show what is in force and where each value comes from, or write a settings file
    Config(Box<Config>),
}

#[derive(Args, Debug)]
pub(crate) struct Ask {
    /// The prompt; what is piped in stands below it. `-`, or none where input is piped in, reads it from standard input
    ///
    /// Input that is no terminal is read to its end, also beside a prompt: where a service leaves a pipe open,
    /// redirect it from /dev/null.
    #[arg(conflicts_with = "file")]
    pub(crate) prompt: Option<String>,

    /// Read the prompt from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Instructions that stand before the prompt, as the system message
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,

    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    /// Upper bound of every answer, in tokens. Default: the provider's
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole, help_heading = "Request")]
    pub(crate) max_tokens: Option<u64>,

    /// Randomness of the answers, from 0. Default: the provider's
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = "Request")]
    pub(crate) temperature: Option<f64>,

    /// Print everything there is to know as one JSON object: answer, responses, ledger, trace; or the error
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Say why each candidate was asked, skipped, given up or trusted
    #[arg(short = 'v', long, help_heading = "Output")]
    pub(crate) explain: bool,

    /// Print nothing but the answer and errors
    #[arg(short, long, conflicts_with = "explain", help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// What decides who is asked, and how.
#[derive(Args, Debug)]
pub(crate) struct SettingsFlags {
    #[command(flatten)]
    pub(crate) file: FileFlag,

    /// How several models make one answer; `ultraai strategies` lists them. Also `ULTRAAI_STRATEGY`
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<String>,

    /// Ask this one only, or these when repeated: a configured provider's name, or TYPE or TYPE/MODEL of a linked one
    #[arg(short, long = "provider", value_name = "ID")]
    pub(crate) providers: Vec<String>,

    #[command(flatten)]
    pub(crate) options: OptionFlags,
}

#[derive(Args, Debug)]
pub(crate) struct FileFlag {
    /// The settings file. Default: `ULTRAAI_CONFIG`, else `ultraai.toml` here, else in the user's configuration folder
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl FileFlag {
    /// The environment, and the file that the argument names.
    pub(crate) fn sources(&self) -> Sources {
        let mut sources = Sources::environment();
        sources.file.clone_from(&self.config);
        sources
    }
}

impl SettingsFlags {
    /// The environment, and what the arguments set.
    pub(crate) fn sources(&self) -> Sources {
        let mut sources = self.file.sources();
        sources.arguments.strategy.clone_from(&self.strategy);
        sources.arguments.providers.clone_from(&self.providers);
        sources.arguments.options.clone_from(&self.options.0);
        sources
    }
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

    #[test]
    fn the_arguments_agree_with_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_option_is_a_flag() {
        let ask = Arguments::command().find_subcommand("ask").cloned().unwrap();
        for field in ultraai::Options::FIELDS {
            let flag = field.name.replace('_', "-");
            assert!(ask.get_arguments().any(|argument| argument.get_long() == Some(&flag)), "{flag}");
        }
    }
}
