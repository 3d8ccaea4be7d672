//! The arguments of `simulate`.

use std::{num::NonZeroU64, path::PathBuf};

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// The settings file: strategy, options, layers and providers are its; keys are not needed, and no variable counts
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// The world file: when requests arrive, and how each provider behaves
    #[arg(short, long, value_name = "FILE")]
    pub(crate) world: PathBuf,

    /// How many requests arrive. Default: the world's
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = above_0)]
    pub(crate) requests: Option<NonZeroU64>,

    /// What everything is drawn under. Default: the world's
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_from_0)]
    pub(crate) seed: Option<u64>,

    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn above_0(text: &str) -> Result<NonZeroU64, &'static str> {
    text.parse().map_err(|_| "it must be a whole number above 0")
}

fn whole_from_0(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it must be a whole number from 0 up")
}
