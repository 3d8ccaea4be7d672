//! The arguments of `ask` and of `show`, which prints what `ask` kept.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{RequestFlags, SettingsFlags};

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

    /// Send an image, a PDF, a text, a sound or a moving picture along: a file, or an address that the provider fetches
    ///
    /// What it is is told by the end of its name. May be given several times; what a provider cannot take makes it
    /// refuse, and another one is asked.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) attach: Vec<String>,

    /// Have the answer be JSON that follows the JSON schema in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,

    /// Ask the orchestrator of the table `[orchestrators.NAME]` of the settings file. Default: that of `[orchestrator]`
    #[arg(long, value_name = "NAME", conflicts_with = "strategy", value_hint = ValueHint::Other)]
    pub(crate) orchestrator: Option<String>,

    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    #[command(flatten)]
    pub(crate) request: RequestFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,

    /// Keep the request and its outcome in a file that `ultraai show` reads; it holds the prompt and all answers
    ///
    /// It is JSON that the user alone may read. That it can be written is checked before anything is asked; it
    /// appears when there is an answer, and as a whole.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) save: Option<PathBuf>,

    /// Let --save replace a file that is there
    #[arg(long, requires = "save", help_heading = "Output")]
    pub(crate) force: bool,
}

/// What is printed, and how.
#[derive(Args, Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, as users write them")]
pub(crate) struct OutputFlags {
    /// Print everything there is to know as one JSON object: answer, responses, ledger, trace; or the error
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Print every candidate's answer too, before the answer: side by side on a wide terminal
    ///
    /// Each stands with its model, what came of it, time, tokens and cost. They go to standard output, one below the
    /// other as Markdown where that is no terminal; without --compare a pipe gets the answer alone. --json holds
    /// all of it anyway.
    #[arg(long, help_heading = "Output")]
    pub(crate) compare: bool,

    /// Tell what this process counted for each candidate: attempts, failures, percentiles of time, health, cost
    #[arg(long, help_heading = "Output")]
    pub(crate) stats: bool,

    /// Say why each candidate was asked, skipped, given up or trusted
    #[arg(short = 'v', long, help_heading = "Output")]
    pub(crate) explain: bool,

    /// Print nothing but the answer, errors, and what another flag asks for
    #[arg(short, long, conflicts_with = "explain", help_heading = "Output")]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The file that `ask --save` wrote; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}
