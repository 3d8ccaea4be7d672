//! The arguments of `embed` and of `models`, which ask one provider each without an orchestrator.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ultraai::{EmbeddingTask, Truncate, duration};

use super::{FileFlag, Names, whole};

#[derive(Args, Debug)]
pub(crate) struct Embed {
    /// The texts, a vector each; `-`, or none where input is piped in, reads a text from each line of standard input
    #[arg(value_name = "TEXT")]
    pub(crate) texts: Vec<String>,

    #[command(flatten)]
    pub(crate) file: FileFlag,

    /// Ask this one: a configured provider's name, or TYPE or TYPE/MODEL of a linked one. Default: the first that has a model of embeddings, or with --model the first that makes any
    #[arg(short, long, value_name = "ID", value_parser = Names::EMBEDDERS, hide_possible_values = true)]
    pub(crate) provider: Option<String>,

    /// The model. Default: the one of TYPE/MODEL, the provider's `model` where its name holds `embed`, else the vendor's usual one
    #[arg(short, long, value_name = "NAME", help_heading = "Request")]
    pub(crate) model: Option<String>,

    /// How many numbers a vector has, for models that can make shorter ones. Default: the model's own
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole, help_heading = "Request")]
    pub(crate) dimensions: Option<u64>,

    /// What the vectors are for, where a model was trained for it: `query`, `document`, `similarity`, `classification`,
    /// `clustering`, `question_answering`, `fact_verification`, `code_query`, or a vendor's own word
    #[arg(long, value_name = "WORD", value_parser = task, help_heading = "Request")]
    pub(crate) task: Option<EmbeddingTask>,

    /// What becomes of a text that is longer than the model reads. Default: the provider's
    #[arg(long, value_name = "WORD", help_heading = "Request")]
    pub(crate) truncate: Option<Cut>,

    /// Upper bound of the time for all vectors, in seconds. Default: the option `timeout_seconds`, else 120
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) timeout_seconds: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Models {
    #[command(flatten)]
    pub(crate) file: FileFlag,

    /// List the models of this one only, or of these when repeated: a configured provider's name, or TYPE of a linked one
    #[arg(short, long = "provider", value_name = "ID", value_parser = Names::LISTERS, hide_possible_values = true)]
    pub(crate) providers: Vec<String>,

    /// Upper bound of the time for each provider, in seconds. Default: 30
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) timeout_seconds: Option<Duration>,

    /// Print it as JSON, with all that the providers say of their models
    #[arg(long)]
    pub(crate) json: bool,
}

/// What becomes of a text that is too long.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Cut {
    /// It is refused.
    Never,
    /// Its start is cut off.
    Start,
    /// Its end is cut off.
    End,
}

impl From<Cut> for Truncate {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Never => Self::Never,
            Cut::Start => Self::Start,
            Cut::End => Self::End,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn task(word: &str) -> Result<EmbeddingTask, std::convert::Infallible> {
    Ok(EmbeddingTask::of(word))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "it must be a number above 0".to_owned())?;
    duration("--timeout-seconds", seconds).map_err(|error| error.message().to_owned())
}
