//! What every provider does that talks to a server over HTTP. These run in real time, with limits of tens of
//! milliseconds.

mod broken;
mod closing;
mod limits;
mod secrets;
mod statuses;

use std::sync::Arc;

use ultraai_core::{ChatResponse, Delivery, Error, ErrorKind, Provider as _};

use super::{
    connect::{Bench, Connect, text},
    scenario::{Scenario, Verdict, ensure},
};
use crate::Reply;

pub(super) fn scenarios() -> impl Iterator<Item = &'static Scenario<Connect>> {
    [statuses::SCENARIOS, broken::SCENARIOS, closing::SCENARIOS, limits::SCENARIOS, secrets::SCENARIOS]
        .into_iter()
        .flatten()
}

/// Asks once, through the attempt, and reads the answer to its end.
async fn asked(bench: &Bench, connect: &Connect, delivery: Delivery) -> Result<ChatResponse, Error> {
    let request = Arc::new(connect.request(delivery));
    bench.attempt.chat(&bench.cx, request).await?.collect().await
}

/// The error that `reply` is for this delivery.
async fn failing(connect: &Connect, delivery: Delivery, reply: Reply) -> Result<Error, String> {
    let bench = connect.always(reply)?;
    match asked(&bench, connect, delivery).await {
        Ok(_) => Err(format!("asked for a {delivery:?} answer, it takes this for one")),
        Err(error) => Ok(error),
    }
}

/// That `reply` is an error of one of `kinds`, for both deliveries.
async fn fails_as(connect: &Connect, kinds: &[ErrorKind], reply: &Reply) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let error = failing(connect, delivery, reply.clone()).await?;
        ensure!(
            kinds.contains(&error.kind()),
            "asked for a {delivery:?} answer, it says {}, which is none of {kinds:?}",
            text(error)
        );
    }
    Ok(())
}
