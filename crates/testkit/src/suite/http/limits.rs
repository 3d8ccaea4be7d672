//! Nothing is waited for longer than its limit, and a slow stream that keeps its limits is read to its end.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{AttemptLimits, Delivery, ErrorKind, Provider as _};

use super::super::{
    connect::{Bench, Connect, TEXTS, text},
    scenario::{Scenario, Verdict, ensure, scenarios},
};
use crate::{End, Reply};

pub(super) const SCENARIOS: &[Scenario<Connect>] = scenarios![
    silence_before_the_head,
    silence_after_the_head,
    silence_in_a_stream,
    silence_in_a_body,
    the_deadline_is_kept,
    a_slow_stream_within_its_limits,
];

const LIMIT: Duration = Duration::from_millis(60);

/// Longer than the limit and what a busy machine adds, shorter than any default.
const LATE: Duration = Duration::from_secs(3);

fn limits(set: impl FnOnce(&mut AttemptLimits)) -> AttemptLimits {
    let mut limits = AttemptLimits::default();
    set(&mut limits);
    limits
}

/// That the attempt over `reply` ends with `Timeout`, and in time.
async fn times_out(connect: &Connect, delivery: Delivery, limits: AttemptLimits, reply: Reply) -> Verdict {
    let mut bench = connect.always(reply)?;
    bench.cx = bench.cx.with_limits(limits);
    ends_in_time(&bench, connect, delivery).await
}

async fn ends_in_time(bench: &Bench, connect: &Connect, delivery: Delivery) -> Verdict {
    let before = Instant::now();
    let request = Arc::new(connect.request(delivery));
    let answered = match bench.attempt.chat(&bench.cx, request).await {
        Ok(reply) => reply.collect().await,
        Err(error) => Err(error),
    };
    let Err(error) = answered else { return Err("the server does not end, and it answers".to_owned()) };
    ensure!(error.kind() == ErrorKind::Timeout, "it says {}", text(error));
    ensure!((LIMIT..LATE).contains(&before.elapsed()), "it gave up after {:?}", before.elapsed());
    ensure!(bench.server().all_closed(Duration::from_millis(100)).await, "the connection is still open");
    Ok(())
}

async fn silence_before_the_head(connect: &Connect) -> Verdict {
    let attempt = limits(|limits| limits.attempt = Some(LIMIT));
    times_out(connect, Delivery::Whole, attempt, Reply::hang()).await?;
    let first_event = limits(|limits| limits.first_event = Some(LIMIT));
    times_out(connect, Delivery::Live, first_event, Reply::hang()).await
}

async fn silence_after_the_head(connect: &Connect) -> Verdict {
    let live = connect.speaks().live(connect.model_name().as_str(), &TEXTS);
    let first_event = limits(|limits| limits.first_event = Some(LIMIT));
    times_out(connect, Delivery::Live, first_event, live.pieces(0).ending(End::Hang)).await
}

async fn silence_in_a_stream(connect: &Connect) -> Verdict {
    let pieces = connect.speaks().pieces_before_end(2);
    let live = connect.speaks().live(connect.model_name().as_str(), &TEXTS);
    let gap = limits(|limits| limits.gap = Some(LIMIT));
    times_out(connect, Delivery::Live, gap, live.pieces(pieces).ending(End::Hang)).await
}

async fn silence_in_a_body(connect: &Connect) -> Verdict {
    let whole = connect.speaks().answer(connect.model_name().as_str(), &TEXTS.concat());
    let attempt = limits(|limits| limits.attempt = Some(LIMIT));
    times_out(connect, Delivery::Whole, attempt, whole.cut_after(40).ending(End::Hang)).await
}

async fn the_deadline_is_kept(connect: &Connect) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let mut bench = connect.always(Reply::hang())?;
        bench.cx = bench.cx.with_timeout(LIMIT);
        ends_in_time(&bench, connect, delivery).await?;
    }
    Ok(())
}

async fn a_slow_stream_within_its_limits(connect: &Connect) -> Verdict {
    // The pieces together take longer than the gap between two may, which leaves room for what a busy machine adds.
    let live = connect.speaks().live(connect.model_name().as_str(), &TEXTS).paced(Duration::from_millis(80));
    let mut bench = connect.always(live)?;
    bench.cx = bench.cx.with_limits(limits(|limits| limits.gap = Some(Duration::from_millis(250))));
    let request = Arc::new(connect.request(Delivery::Live));
    let reply = bench.attempt.chat(&bench.cx, request).await.map_err(text)?;
    let answer = reply.collect().await.map_err(text)?;
    ensure!(answer.text() == TEXTS.concat(), "the answer is not what the server sent");
    Ok(())
}
