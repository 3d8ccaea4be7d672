//! Tracing on standard error, when it is asked for.

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, format::FmtSpan},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::failure::Failure;

/// Our own crates, by the beginning of their names. What libraries below log may hold bytes of requests.
const OURS: &str = "ultraai";

/// Starts to tell what happens, when an argument or `RUST_LOG` names a level.
pub(crate) fn start(level: Option<&str>) -> Result<(), Failure> {
    let variable = std::env::var("RUST_LOG").unwrap_or_default();
    let level: LevelFilter = match level {
        Some(level) => level.parse().map_err(|_| {
            Failure::usage(format!(
                "--log: no level `{level}`: name one of error, warn, info, debug, trace or off"
            ))
        })?,
        // The variable serves other programs too, so what it means to them is no error here.
        None => variable.parse().unwrap_or(LevelFilter::OFF),
    };
    if level != LevelFilter::OFF {
        let layer =
            fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_span_events(FmtSpan::CLOSE);
        tracing_subscriber::registry().with(layer).with(Targets::new().with_target(OURS, level)).init();
    }
    Ok(())
}
