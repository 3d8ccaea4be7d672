//! Flags that several commands share: the settings, and what a request holds.

use std::path::PathBuf;

use clap::Args;
use ultraai::ChatRequest;
use ultraai_settings::Sources;

use super::{Names, whole};
use crate::flags::OptionFlags;

/// What decides who is asked, and how.
#[derive(Args, Debug)]
pub(crate) struct SettingsFlags {
    #[command(flatten)]
    pub(crate) file: FileFlag,

    /// How several models make one answer; `ultraai strategies` lists them. Also `ULTRAAI_STRATEGY`
    #[arg(long, value_name = "NAME", value_parser = Names::STRATEGIES, hide_possible_values = true)]
    pub(crate) strategy: Option<String>,

    /// Ask this one only, or these when repeated: a configured provider's name, or TYPE or TYPE/MODEL of a linked one
    #[arg(short, long = "provider", value_name = "ID", value_parser = Names::PROVIDERS, hide_possible_values = true)]
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

/// What every request holds besides its messages.
#[derive(Args, Debug)]
pub(crate) struct RequestFlags {
    /// Upper bound of every answer, in tokens. Default: the provider's
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole, help_heading = "Request")]
    pub(crate) max_tokens: Option<u64>,

    /// Randomness of the answers, from 0. Default: the provider's
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = "Request")]
    pub(crate) temperature: Option<f64>,
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

impl RequestFlags {
    /// The request with what the arguments set.
    pub(crate) fn applied_to(&self, request: ChatRequest) -> ChatRequest {
        request.edited(|request| {
            request.max_tokens = self.max_tokens;
            request.temperature = self.temperature;
        })
    }
}
