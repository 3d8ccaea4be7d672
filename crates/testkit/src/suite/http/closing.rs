//! Who leaves frees the connection, and nobody is sent elsewhere.

use std::{pin::pin, sync::Arc, time::Duration};

use ultraai_core::{Delivery, Provider as _, ledger::RowOutcome};

use super::{
    super::{
        connect::{Bench, Connect, KEY, TEXTS, text},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    asked,
};
use crate::{End, Reply, Server};

pub(super) const SCENARIOS: &[Scenario<Connect>] = scenarios![
    a_dropped_future_frees_the_connection,
    a_dropped_reply_frees_the_connection,
    a_finished_stream_keeps_the_connection,
    a_redirect_is_not_followed,
];

/// How soon after a drop the server must see the connection closed.
const FREED: Duration = Duration::from_millis(100);

/// Longer than a request takes to arrive.
const ARRIVED: Duration = Duration::from_secs(2);

async fn a_dropped_future_frees_the_connection(connect: &Connect) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let bench = connect.always(Reply::hang())?;
        {
            let mut call = pin!(asked(&bench, connect, delivery));
            tokio::select! {
                biased;
                _ = &mut call => return Err("the server says nothing, and it answers".to_owned()),
                came = bench.server().received(1, ARRIVED) => ensure!(came, "no request came"),
            }
        }
        freed(&bench).await?;
    }
    Ok(())
}

async fn a_dropped_reply_frees_the_connection(connect: &Connect) -> Verdict {
    let pieces = connect.speaks().pieces_before_end(2);
    let live = connect.speaks().live(connect.model_name().as_str(), &TEXTS);
    let bench = connect.always(live.pieces(pieces).ending(End::Hang))?;
    let request = Arc::new(connect.request(Delivery::Live));
    let reply = bench.attempt.chat(&bench.cx, request).await.map_err(text)?;
    ensure!(reply.is_live(), "the server answers live, and the reply is whole");
    let mut events = reply.into_events();
    events.next().await.ok_or("no event came")?.map_err(text)?;
    drop(events);
    freed(&bench).await
}

/// That the row says what happened, and that the server sees the client go.
async fn freed(bench: &Bench) -> Verdict {
    let outcome = bench.cx.ledger().report().rows.first().map(|row| row.outcome);
    ensure!(outcome == Some(RowOutcome::Abandoned), "the row says {outcome:?}");
    let closed = bench.server().all_closed(FREED).await;
    ensure!(closed, "{FREED:?} after the drop the connection is still open");
    Ok(())
}

async fn a_finished_stream_keeps_the_connection(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    for delivery in [Delivery::Live, Delivery::Whole, Delivery::Live] {
        asked(&bench, connect, delivery).await.map_err(text)?;
    }
    let connections = bench.server().connections();
    ensure!(connections == 1, "three requests, one after the other, took {connections} connections");
    Ok(())
}

async fn a_redirect_is_not_followed(connect: &Connect) -> Verdict {
    let model = connect.model_name().as_str().to_owned();
    let elsewhere = Server::always(connect.speaks().answer(&model, "from elsewhere"));
    let address = format!("http://localhost:{}/elsewhere", elsewhere.address().port());
    for status in [301, 302, 307, 308] {
        let bench = connect.always(Reply::redirect(status, &address))?;
        let answered = asked(&bench, connect, Delivery::Whole).await;
        let requests = elsewhere.requests();
        ensure!(!requests.iter().any(|request| request.mentions(KEY)), "the key was sent to another host");
        ensure!(requests.is_empty(), "a redirect ({status}) to another host is followed");
        ensure!(answered.is_err(), "a redirect ({status}) is taken for an answer");
    }
    Ok(())
}
