//! The arguments of `chat`.

use std::path::PathBuf;

use clap::Args;

use super::{RequestFlags, SettingsFlags};

#[derive(Args, Debug)]
pub(crate) struct Chat {
    /// Instructions that stand before the conversation, as the system message
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,

    /// Go on with a conversation that was kept; the file is read only, unless --save names it too
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    /// Keep the conversation in a file, after each answer; it holds all prompts and answers
    ///
    /// It is JSON that the user alone may read. Nothing is kept anywhere without this or /save.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    /// Let --save replace a file that is there
    #[arg(long, requires = "save")]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    #[command(flatten)]
    pub(crate) request: RequestFlags,

    /// Say of each answer why each candidate was asked, skipped, given up or trusted
    #[arg(short = 'v', long, help_heading = "Output")]
    pub(crate) explain: bool,

    /// Print nothing but the answers, errors, and what a command asks for
    #[arg(short, long, conflicts_with = "explain", help_heading = "Output")]
    pub(crate) quiet: bool,
}
