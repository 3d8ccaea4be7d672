//! From a world file to a world.

use std::{fs, path::Path, sync::Arc, time::Duration};

use ultraai_core::{Error, ErrorKind, Result};

use super::{
    Shared, When, World,
    file::{Behaviour, File, OutagesTable, TraceTable},
};
use crate::{Arrivals, Latency, Simulation, Slow, Tokens, Trace, place::Text};

/// Where nobody says how many.
const REQUESTS: u64 = 10_000;
const ARRIVALS: Arrivals = Arrivals::PerSecond(10.0);
const PROMPT_TOKENS: Tokens = Tokens::Fixed(400);
const ANSWER_TOKENS: Tokens = Tokens::Fixed(250);
const LATENCY: Latency = Latency::Fixed(Duration::from_secs(1));

/// What slow calls are multiplied by where only their share is given.
const SLOWER: f64 = 10.0;

pub(super) fn read(path: &Path) -> Result<World> {
    let text = fs::read_to_string(path).map_err(|error| {
        let wrong = |what: &str| Error::new(ErrorKind::Config, format!("{} {what}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound => wrong("is not there: name a world file"),
            std::io::ErrorKind::InvalidData => wrong("is not UTF-8: save it as UTF-8"),
            _ => wrong("cannot be read").with_source(error),
        }
    })?;
    // Editors of Windows write a byte order mark, which TOML does not know.
    let text = Text { path, text: text.strip_prefix('\u{feff}').unwrap_or(&text) };
    let file: File = toml::from_str(text.text).map_err(|error| text.refused(&error))?;
    let arrivals = match (&file.arrivals_per_second, &file.concurrency) {
        (None, None) => ARRIVALS,
        (Some(rate), None) => Arrivals::PerSecond(rate.get_ref().0),
        (None, Some(most)) => Arrivals::Concurrent(most.get_ref().get()),
        (Some(_), Some(most)) => {
            let message = "`concurrency` and `arrivals_per_second` exclude each other: leave one out";
            return Err(text.wrong(Some(most.span()), message));
        }
    };
    let answer_tokens = file.answer_tokens.map_or(ANSWER_TOKENS, |tokens| tokens.0);
    let behaviour = |behaviour| simulation(behaviour, answer_tokens, text);
    Ok(World {
        requests: file.requests.map_or(REQUESTS, Into::into),
        seed: file.seed.unwrap_or(0),
        arrivals,
        live_share: file.live_share.map_or(0.0, |share| share.0),
        prompt_tokens: file.prompt_tokens.map_or(PROMPT_TOKENS, |tokens| tokens.0),
        path: path.to_owned(),
        default: file.default.map(behaviour).transpose()?,
        providers: file
            .providers
            .into_iter()
            .map(|(name, own)| Ok((name, behaviour(own)?)))
            .collect::<Result<_>>()?,
        outages: file
            .outages
            .into_iter()
            .map(|outages| {
                let span = outages.span();
                shared(outages.into_inner()).map_err(|message| text.wrong(Some(span), message))
            })
            .collect::<Result<_>>()?,
    })
}

fn simulation(own: Behaviour, answer_tokens: Tokens, text: Text<'_>) -> Result<Simulation> {
    let trace = match own.trace {
        None => None,
        Some(trace) => {
            let span = trace.span();
            let TraceTable { file, provider, model, at_the_end } = trace.into_inner();
            let path = text.path.parent().map_or_else(|| file.clone(), |folder| folder.join(&file));
            let read = Trace::read(&path, &provider, &model, at_the_end.into());
            let placed = |error: Error| {
                let message = text.wrong(Some(span), error.message()).message().to_owned();
                error.with_message(message)
            };
            Some(Arc::new(read.map_err(placed)?))
        }
    };
    let (requests, tokens) = own.rate_limit.map_or((None, None), |limit| (limit.requests, limit.tokens));
    let slower = own.slower.map_or(SLOWER, |slower| slower.0);
    Ok(Simulation {
        words_per_second: own.tokens_per_second.map(|rate| rate.0),
        answer_tokens: Some(own.answer_tokens.map_or(answer_tokens, |tokens| tokens.0)),
        slow: own.slow_share.map(|share| Slow { share: share.0, slower }),
        drift: own.drift.map(Into::into),
        failure_rate: own.failure_rate.map_or(0.0, |rate| rate.0),
        failures: own.failures.into_iter().map(|(kind, weight)| (kind, weight.0)).collect(),
        failure_after: own.failure_latency.map(|latency| latency.0),
        hang_rate: own.hang_rate.map_or(0.0, |rate| rate.0),
        brown_out: own.brown_out.map(Into::into),
        rate_limit: requests,
        token_limit: tokens,
        trace,
        latency: own.latency.map_or(LATENCY, |latency| latency.0),
        ..Simulation::default()
    })
}

fn shared(table: OutagesTable) -> Result<Shared, &'static str> {
    let lasting = table.lasting_seconds.0;
    let when = match (table.from_seconds, table.every_seconds) {
        (Some(from), None) => When::Once { from: from.0, lasting },
        (None, Some(every)) => When::Drawn { every: every.0, lasting },
        _ => {
            return Err(
                "set `from_seconds` for an outage at that time, or `every_seconds` for ones that are drawn",
            );
        }
    };
    Ok(Shared { providers: table.providers, how: table.how.into(), when })
}
