//! What a vendor quotes back reaches no error text and no log.

use std::{error::Error as StdError, fmt::Write as _};

use ultraai_core::{Delivery, Error};

use super::{
    super::{
        connect::{Connect, KEY, PROMPT, PROMPT_WORD},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    asked,
};
use crate::{Reply, captured};

pub(super) const SCENARIOS: &[Scenario<Connect>] =
    scenarios![an_echoed_key_is_not_told, an_echoed_prompt_is_not_told];

/// Everything that an error prints, at every level.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, " {cause} {cause:?}");
        source = cause.source();
    }
    text
}

/// Asks a server that answers with `reply`, and looks for `needles` in whatever is printed.
async fn is_silent(connect: &Connect, what: &str, needles: &[&str], reply: Reply) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let bench = connect.always(reply.clone())?;
        let (answered, log) = captured(asked(&bench, connect, delivery)).await;
        let Err(error) = answered else { return Err("the server's error is taken for an answer".to_owned()) };
        for needle in needles {
            ensure!(!told(&error).contains(needle), "{what} stands in the error's text ({})", error.kind());
            ensure!(!log.contains(needle), "{what} stands in a log");
        }
    }
    Ok(())
}

async fn an_echoed_key_is_not_told(connect: &Connect) -> Verdict {
    let message = format!("Incorrect API key provided: {KEY}. Look it up on your page.");
    is_silent(connect, "the key", &[KEY], connect.speaks().error(401, &message)).await?;
    is_silent(connect, "the key", &[KEY], Reply::body(403, "text/plain", message.clone())).await?;
    is_silent(connect, "the key", &[KEY], Reply::body(200, "text/plain", message)).await
}

async fn an_echoed_prompt_is_not_told(connect: &Connect) -> Verdict {
    let message = format!("Invalid content: '{PROMPT}' is not allowed here.");
    let needles = [PROMPT_WORD];
    is_silent(connect, "the prompt", &needles, connect.speaks().error(400, &message)).await?;
    is_silent(connect, "the prompt", &needles, Reply::body(500, "text/plain", message.clone())).await?;
    is_silent(connect, "the prompt", &needles, Reply::body(200, "application/json", format!("\"{message}\"")))
        .await
}
