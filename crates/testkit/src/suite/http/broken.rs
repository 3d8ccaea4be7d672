//! Answers that are none, and answers that break off.

use ultraai_core::{Delivery, ErrorKind, Recovery};

use super::{
    super::{
        connect::{Connect, TEXTS, text},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    asked, failing, fails_as,
};
use crate::{End, Framing, Reply};

pub(super) const SCENARIOS: &[Scenario<Connect>] = scenarios![
    a_page_is_no_answer,
    an_error_with_a_good_status,
    an_answer_without_content,
    an_empty_body,
    garbage,
    a_cut_body,
    a_cut_stream,
    a_stream_without_an_end,
    a_stream_without_events,
    an_error_in_a_stream,
    garbage_in_a_stream,
    a_connection_closed_at_once,
    a_stream_in_any_pieces,
];

fn whole(connect: &Connect) -> Reply {
    connect.speaks().answer(connect.model_name().as_str(), &TEXTS.concat())
}

fn live(connect: &Connect) -> Reply {
    connect.speaks().live(connect.model_name().as_str(), &TEXTS)
}

async fn a_page_is_no_answer(connect: &Connect) -> Verdict {
    fails_as(connect, &[ErrorKind::Undecodable], &Reply::html(200)).await
}

async fn an_error_with_a_good_status(connect: &Connect) -> Verdict {
    let reply = connect.speaks().error(500, "Something is wrong.").with_status(200);
    for delivery in [Delivery::Whole, Delivery::Live] {
        failing(connect, delivery, reply.clone()).await?;
    }
    Ok(())
}

async fn an_answer_without_content(connect: &Connect) -> Verdict {
    let reply = connect.speaks().nothing(connect.model_name().as_str());
    let error = failing(connect, Delivery::Whole, reply).await?;
    let kinds = [ErrorKind::EmptyAnswer, ErrorKind::Undecodable];
    ensure!(kinds.contains(&error.kind()), "it says {}, which is none of {kinds:?}", text(error));
    Ok(())
}

async fn an_empty_body(connect: &Connect) -> Verdict {
    let kinds = [ErrorKind::Undecodable, ErrorKind::EmptyAnswer, ErrorKind::Interrupted];
    fails_as(connect, &kinds, &Reply::body(200, "application/json", "")).await
}

async fn garbage(connect: &Connect) -> Verdict {
    for body in [&b"{\"choices\":[{\"mess"[..], b"\xff\xfe\x00", b"[1, 2]", b"null"] {
        let error = failing(connect, Delivery::Whole, Reply::body(200, "application/json", body)).await?;
        ensure!(error.kind() == ErrorKind::Undecodable, "it says {}", text(error));
    }
    Ok(())
}

async fn a_cut_body(connect: &Connect) -> Verdict {
    let whole = whole(connect);
    let cuts = [
        whole.clone().cut_after(40).ending(End::Closed),
        whole.clone().cut_after(40).ending(End::Reset),
        whole.framed(Framing::Chunked).cut_after(40).ending(End::Closed),
    ];
    for reply in cuts {
        let error = failing(connect, Delivery::Whole, reply).await?;
        ensure!(error.kind() == ErrorKind::Interrupted, "it says {}", text(error));
    }
    Ok(())
}

async fn a_cut_stream(connect: &Connect) -> Verdict {
    let pieces = connect.speaks().pieces_before_end(2);
    for end in [End::Closed, End::Reset] {
        // The pause lets the client read what came before the cut: a reset drops what is unread.
        let pause = std::time::Duration::from_millis(10);
        let reply = live(connect).pieces(pieces).ending(end).paced(pause);
        let error = failing(connect, Delivery::Live, reply).await?;
        ensure!(error.kind() == ErrorKind::Interrupted, "cut off by {end:?}, it says {}", text(error));
        let partial = error.partial().map(ultraai_core::ChatResponse::text).unwrap_or_default();
        // After a reset the last piece may be lost with the connection.
        let received = if end == End::Reset { TEXTS[0].to_owned() } else { TEXTS[..2].concat() };
        ensure!(
            partial.starts_with(&received),
            "the error carries {} bytes of what was received",
            partial.len()
        );
    }
    Ok(())
}

async fn a_stream_without_an_end(connect: &Connect) -> Verdict {
    // HTTP ends as it should, and the protocol does not.
    let reply = live(connect).pieces(connect.speaks().pieces_before_end(TEXTS.len()));
    let error = failing(connect, Delivery::Live, reply).await?;
    ensure!(error.kind() == ErrorKind::Interrupted, "it says {}", text(error));
    Ok(())
}

async fn a_stream_without_events(connect: &Connect) -> Verdict {
    let error = failing(connect, Delivery::Live, live(connect).pieces(0)).await?;
    let kinds = [ErrorKind::Interrupted, ErrorKind::EmptyAnswer, ErrorKind::Undecodable];
    ensure!(kinds.contains(&error.kind()), "it says {}, which is none of {kinds:?}", text(error));
    Ok(())
}

async fn an_error_in_a_stream(connect: &Connect) -> Verdict {
    let reply = connect.speaks().live_error(connect.model_name().as_str(), TEXTS[0]);
    let error = failing(connect, Delivery::Live, reply).await?;
    ensure!(
        error.kind().recovery() != Recovery::GiveUp,
        "it says {}, and the vendor is overloaded",
        text(error)
    );
    ensure!(error.kind() != ErrorKind::Undecodable, "it does not know the error for what it is");
    let partial = error.partial().map(ultraai_core::ChatResponse::text).unwrap_or_default();
    ensure!(partial == TEXTS[0], "the error does not carry what was received");
    Ok(())
}

async fn garbage_in_a_stream(connect: &Connect) -> Verdict {
    let error = failing(connect, Delivery::Live, connect.speaks().live_garbage()).await?;
    ensure!(error.kind() == ErrorKind::Undecodable, "it says {}", text(error));
    Ok(())
}

async fn a_connection_closed_at_once(connect: &Connect) -> Verdict {
    for reply in [Reply::close(), Reply::reset()] {
        fails_as(connect, &[ErrorKind::Interrupted, ErrorKind::Connect], &reply).await?;
    }
    Ok(())
}

async fn a_stream_in_any_pieces(connect: &Connect) -> Verdict {
    // Seven bytes fall into the middle of frames, of JSON escapes and of characters.
    for size in [1, 7, 64 * 1024] {
        let bench = connect.always(live(connect).in_pieces_of(size))?;
        let answer = asked(&bench, connect, Delivery::Live).await.map_err(text)?;
        ensure!(answer.text() == TEXTS.concat(), "in pieces of {size} bytes the answer is another");
    }
    Ok(())
}
