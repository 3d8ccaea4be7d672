//! An error as text: one line, then each cause with what to do about it.

use std::{error::Error as _, fmt::Write as _};

use ultraai::{Error, ErrorKind};
use ultraai_settings::{KeyPlace, ProviderSummary, host_and_port};

use crate::terminal::{BAD, DIM, printable};

/// The error, its causes, and what to do next.
pub(crate) fn text(error: &Error, providers: &[ProviderSummary]) -> String {
    let mut out = format!("{BAD}error:{BAD:#} {}\n", printable(&error.to_string()));
    if error.causes().is_empty() {
        write_rest(&mut out, error, providers, "  ");
        return out;
    }
    for cause in error.causes() {
        let _ = writeln!(out, "  {}", printable(&cause.to_string()));
        write_rest(&mut out, cause, providers, "    ");
    }
    out
}

fn write_rest(out: &mut String, error: &Error, providers: &[ProviderSummary], indent: &str) {
    let first = if error.causes().is_empty() { error.source() } else { None };
    let mut sources: Vec<_> =
        std::iter::successors(first, |&cause| cause.source()).map(ToString::to_string).collect();
    if error.kind() == ErrorKind::Connect {
        // The layers of a connection say the same again and again; the last one is the system's own word.
        sources = sources.pop().into_iter().collect();
    }
    for cause in sources {
        let _ = writeln!(out, "{indent}because: {}", printable(&cause));
    }
    let provider = error.provider().and_then(|id| providers.iter().find(|provider| provider.id == *id));
    if let Some(advice) = advice(error, provider) {
        let _ = writeln!(out, "{indent}{DIM}{}{DIM:#}", printable(&advice));
    }
}

/// What to do next, where the message does not say it already.
fn advice(error: &Error, provider: Option<&ProviderSummary>) -> Option<String> {
    let place = provider.and_then(|provider| provider.base_url.as_deref()).and_then(host_and_port);
    let model = provider.and_then(|provider| provider.model.as_deref());
    Some(match error.kind() {
        ErrorKind::Authentication => match provider.map(|provider| &provider.key) {
            Some(KeyPlace::Variable { name, is_set: true }) => {
                format!("check the key in the variable {name}")
            }
            Some(KeyPlace::Variable { name, is_set: false }) => format!("set the variable {name} to the key"),
            Some(KeyPlace::File(path)) => format!("check the key in the file {}", path.display()),
            Some(KeyPlace::Given(origin)) => format!("check the key at {origin}"),
            _ => "the server wants a key: name it with `api_key` in the settings".to_owned(),
        },
        ErrorKind::PermissionDenied => {
            "ask the vendor what this key may do, and in which countries".to_owned()
        }
        // Its message may ask that already.
        ErrorKind::Connect if error.message().contains("running") => return None,
        ErrorKind::Connect => match place {
            Some((host, port)) => {
                format!("is a server running at {host}:{port}, and does the network reach it?")
            }
            None => "does the network reach the provider?".to_owned(),
        },
        ErrorKind::ModelNotFound => match model {
            Some(model) => {
                format!("does the provider have the model `{model}`? check `model` and `base_url`")
            }
            None => "name a model: `model` in the settings, or --provider TYPE/MODEL".to_owned(),
        },
        ErrorKind::RateLimited | ErrorKind::Overloaded => {
            format!("try again {}, or configure another provider", when(error))
        }
        ErrorKind::ServerError => {
            format!(
                "the provider failed on its own side: try again {}, or configure another provider",
                when(error)
            )
        }
        ErrorKind::QuotaExhausted => "look at the account's balance and limits with the vendor".to_owned(),
        ErrorKind::ContextTooLong => {
            "shorten the prompt, or ask a model with a larger context window".to_owned()
        }
        ErrorKind::Timeout => raise_the_limit(error.message()).to_owned(),
        _ => return None,
    })
}

/// Which limit to raise: messages name the one that was met.
fn raise_the_limit(message: &str) -> &'static str {
    let met = |limit: &str| message.contains(limit);
    if met("`gap_timeout_seconds`") {
        "raise the limit: --gap-timeout-seconds"
    } else if met("`first_event_timeout_seconds`") {
        "raise the limit: --first-event-timeout-seconds, or --timeout-seconds, half of which it is unless it is set"
    } else if met("provider's `timeout_seconds`") {
        "raise the limit: `timeout_seconds` of this provider in the settings"
    } else {
        "raise the limit: --timeout-seconds"
    }
}

/// When it is worth to try again: the provider's own delay, where it named one.
fn when(error: &Error) -> String {
    match error.retry_after() {
        // Rounded up: who comes too early is refused again.
        Some(delay) => format!("in {:.0} s", delay.as_secs_f64().ceil().max(1.0)),
        None => "later".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ultraai::ProviderId;

    use super::*;

    #[test]
    fn the_limit_that_was_met_is_the_one_to_raise() {
        for (message, limit) in [
            ("nothing more came within `gap_timeout_seconds`", "--gap-timeout-seconds\n"),
            ("no content came within `first_event_timeout_seconds`", "--first-event-timeout-seconds, or "),
            ("it took too long (the provider's `timeout_seconds`)", "`timeout_seconds` of this provider"),
            ("no answer within the deadline (`timeout_seconds` is 3)", "--timeout-seconds\n"),
            ("the gateway gave up", "--timeout-seconds\n"),
        ] {
            let text = text(&Error::new(ErrorKind::Timeout, message), &[]);
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.contains(&format!("  raise the limit: {limit}")), "{text}");
        }
    }

    #[test]
    fn each_cause_stands_with_its_advice() {
        let refused = Error::new(ErrorKind::Connect, "the connection was refused")
            .with_provider(ProviderId::new("near").unwrap())
            .with_source(
                Error::new(ErrorKind::Connect, "client error")
                    .with_source(std::io::Error::other("os error 111")),
            );
        let error = Error::new(ErrorKind::Exhausted, "nobody answered").with_causes(vec![refused]);
        let text = anstream::adapter::strip_str(&text(&error, &[])).to_string();
        assert_eq!(
            text,
            "error: nobody answered\n  near: the connection was refused\n    because: os error 111\n    does the network reach the provider?\n"
        );
    }
}
