//! What every provider does, whatever it talks to.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use serde_json::{Map, Value};
use ultraai_core::{
    AbandonReason, ChatEvent, ChatRequest, ChatResponse, Delivery, ErrorKind, Media, MediaSource, Message,
    Part, Provider as _, ResponseFormat, Role, Support, Tool, ledger::RowOutcome,
};

use super::{
    connect::{Bench, Connect, KEY, PROMPT_WORD, text},
    scenario::{Scenario, Verdict, ensure, scenarios},
};
use crate::captured;

pub(super) const SCENARIOS: &[Scenario<Connect>] = scenarios![
    answers_whole,
    answers_live,
    both_deliveries_say_the_same,
    events_come_in_order,
    commits_at_the_first_content,
    several_at_once,
    a_dropped_future_is_abandoned,
    a_dropped_reply_is_abandoned,
    capabilities_are_honest,
    logs_no_content,
];

pub(super) const OF_REGISTERED: &[Scenario<Connect>] = scenarios![
    has_its_registered_name,
    settings_are_documented,
    unknown_settings_are_refused,
    debug_shows_no_key
];

async fn whole(bench: &Bench, connect: &Connect) -> Result<ChatResponse, String> {
    let request = Arc::new(connect.request(Delivery::Whole));
    let reply = bench.provider.chat(&bench.cx, request).await.map_err(text)?;
    reply.collect().await.map_err(text)
}

async fn events(bench: &Bench, connect: &Connect) -> Result<Vec<ChatEvent>, String> {
    let request = Arc::new(connect.request(Delivery::Live));
    let mut stream = bench.provider.chat(&bench.cx, request).await.map_err(text)?.into_events();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.map_err(text)?);
    }
    Ok(events)
}

async fn live(bench: &Bench, connect: &Connect) -> Result<ChatResponse, String> {
    let request = Arc::new(connect.request(Delivery::Live));
    let reply = bench.provider.chat(&bench.cx, request).await.map_err(text)?;
    reply.into_events().collect().await.map_err(text)
}

async fn answers_whole(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let answer = whole(&bench, connect).await?;
    ensure!(answer.is_good(), "the answer is not complete or holds nothing: {:?}", answer.finish_reason);
    ensure!(answer.model.is_some(), "the answer does not say which model gave it");
    ensure!(answer.usage.is_some(), "the answer carries no usage");
    Ok(())
}

async fn answers_live(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let answer = live(&bench, connect).await?;
    ensure!(answer.is_good(), "the answer is not complete or holds nothing: {:?}", answer.finish_reason);
    ensure!(answer.model.is_some(), "the answer does not say which model gave it");
    ensure!(answer.usage.is_some(), "the answer carries no usage");
    Ok(())
}

async fn both_deliveries_say_the_same(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let (whole, live) = (whole(&bench, connect).await?, live(&bench, connect).await?);
    ensure!(
        whole.text() == live.text(),
        "the texts differ: {} and {} bytes",
        whole.text().len(),
        live.text().len()
    );
    ensure!(whole.model == live.model, "the models differ: {:?} and {:?}", whole.model, live.model);
    ensure!(whole.finish_reason == live.finish_reason, "the finish reasons differ");
    ensure!(whole.usage == live.usage, "the usages differ: {:?} and {:?}", whole.usage, live.usage);
    Ok(())
}

async fn events_come_in_order(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let events = events(&bench, connect).await?;
    let told: Vec<_> = events.iter().filter(|event| !matches!(event, ChatEvent::Native(_))).collect();
    let starts = told.iter().filter(|event| matches!(event, ChatEvent::Started { .. })).count();
    ensure!(starts <= 1, "it began {starts} times");
    ensure!(
        starts == 0 || matches!(told.first(), Some(ChatEvent::Started { .. })),
        "`Started` is not the first event"
    );
    ensure!(matches!(told.last(), Some(ChatEvent::Finished { .. })), "`Finished` is not the last event");
    ensure!(told.iter().any(|event| event.is_commit()), "no event holds content");
    Ok(())
}

async fn commits_at_the_first_content(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let request = Arc::new(connect.request(Delivery::Live));
    let reply = bench.attempt.chat(&bench.cx, request).await.map_err(text)?;
    let was_live = reply.is_live();
    let answer = reply.collect().await.map_err(text)?;
    let report = bench.cx.ledger().report();
    // What an orchestrator asks for its part stands under its row.
    let rows: Vec<_> = report.rows.iter().filter(|row| row.parent.is_none()).collect();
    let [row] = rows.as_slice() else {
        return Err(format!("{} rows stand in the ledger, and it was asked once", rows.len()));
    };
    ensure!(row.outcome == RowOutcome::Won, "the row says {:?}", row.outcome);
    ensure!(
        !was_live || row.time_to_first_chunk_seconds.is_some(),
        "the row has no time to the first content"
    );
    ensure!(row.usage == answer.usage, "the row's usage is not the answer's");
    ensure!(bench.stats.in_flight() == 0, "it still counts as under way");
    Ok(())
}

async fn several_at_once(connect: &Connect) -> Verdict {
    const COUNT: usize = 8;
    let bench = connect.good()?;
    let request = Arc::new(connect.request(Delivery::Whole));
    let mut calls: Vec<_> =
        (0..COUNT).map(|_| Some(bench.provider.chat(&bench.cx, Arc::clone(&request)))).collect();
    let mut replies = Vec::new();
    poll_fn(|cx| {
        for call in &mut calls {
            if let Some(future) = call
                && let Poll::Ready(reply) = future.as_mut().poll(cx)
            {
                replies.push(reply);
                *call = None;
            }
        }
        if replies.len() == COUNT { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    for reply in replies {
        let answer = reply.map_err(text)?.collect().await.map_err(text)?;
        ensure!(answer.is_good(), "one of {COUNT} answers is not good");
    }
    Ok(())
}

/// Polls once, as whoever loses a race does.
pub(super) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

async fn a_dropped_future_is_abandoned(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    for delivery in [Delivery::Whole, Delivery::Live] {
        let mut call = bench.attempt.chat(&bench.cx, Arc::new(connect.request(delivery)));
        bench.cx.abandon(AbandonReason::LostHedge);
        // A provider that answers at once has nothing to abandon.
        let is_pending = poll_once(call.as_mut()).is_pending();
        drop(call);
        let Some(row) = bench.cx.ledger().report().rows.pop() else {
            return Err("no row stands in the ledger".into());
        };
        if is_pending {
            ensure!(row.outcome == RowOutcome::Abandoned, "the row says {:?}", row.outcome);
            ensure!(row.reason == Some(AbandonReason::LostHedge), "the row does not say why");
        }
        ensure!(bench.stats.in_flight() == 0, "it still counts as under way");
    }
    Ok(())
}

async fn a_dropped_reply_is_abandoned(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let request = Arc::new(connect.request(Delivery::Live));
    let reply = bench.attempt.chat(&bench.cx, request).await.map_err(text)?;
    let was_live = reply.is_live();
    let mut events = reply.into_events();
    events.next().await.ok_or("no event came")?.map_err(text)?;
    drop(events);
    let report = bench.cx.ledger().report();
    let row = report.rows.first().ok_or("no row stands in the ledger")?;
    let wanted = if was_live { RowOutcome::Abandoned } else { RowOutcome::Won };
    ensure!(row.outcome == wanted, "the row says {:?}", row.outcome);
    ensure!(row.usage.is_some(), "the row has no usage, not even an estimate");
    ensure!(bench.stats.in_flight() == 0, "it still counts as under way");
    Ok(())
}

async fn capabilities_are_honest(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let known = bench.provider.capabilities(connect.model_name());
    let png = Media::new(MediaSource::Url("http://127.0.0.1/a.png".into()));
    let pdf = Media::new(MediaSource::Url("http://127.0.0.1/a.pdf".into()));
    let with = |part: Part| -> ChatRequest {
        let message = Message::new(Role::User, vec![Part::text("Look."), part]);
        connect.request(Delivery::Whole).edited(|request| request.messages.push(message))
    };
    let plain = || connect.request(Delivery::Whole);
    let tool = Tool::new("clock", serde_json::json!({ "type": "object" }));
    let cases = [
        ("tools", known.tools, plain().edited(|request| request.tools.push(tool))),
        ("images", known.images, with(Part::Image(png))),
        ("documents", known.documents, with(Part::Document(pdf))),
        (
            "structured output",
            known.structured_output,
            plain().edited(|request| request.response_format = Some(ResponseFormat::JsonObject)),
        ),
    ];
    for (what, support, request) in cases {
        let answered = match bench.provider.chat(&bench.cx, Arc::new(request)).await {
            Ok(reply) => reply.collect().await.map(|_| ()),
            Err(error) => Err(error),
        };
        match answered.map_err(|error| error.kind()) {
            Ok(()) if support == Support::No => {
                return Err(format!("it cannot do {what}, and a request that asks for it is answered"));
            }
            Err(ErrorKind::Unsupported) if support == Support::Yes => {
                return Err(format!("it says that it can do {what}, and then that it cannot"));
            }
            Ok(()) | Err(ErrorKind::Unsupported) => {}
            Err(kind) => {
                return Err(format!("a request that asks for {what} ends as `{kind}`, not as `unsupported`"));
            }
        }
    }
    Ok(())
}

async fn logs_no_content(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    let work = async {
        let live =
            bench.attempt.chat(&bench.cx, Arc::new(connect.request(Delivery::Live))).await.map_err(text)?;
        let live = live.collect().await.map_err(text)?;
        whole(&bench, connect).await.map(|whole| (whole, live))
    };
    let (answers, log) = captured(work).await;
    let (whole, live) = answers?;
    ensure!(log.contains("gen_ai"), "the attempt's own span was not captured");
    for (what, needle) in [
        ("the key", KEY.to_owned()),
        ("the prompt", PROMPT_WORD.to_owned()),
        ("the answer", whole.text()),
        ("the answer", live.text()),
        ("a word of the answer", super::connect::ANSWER_WORD.to_owned()),
    ] {
        let found =
            log.lines().find(|entry| entry.contains(&needle)).and_then(|entry| entry.split('=').next());
        ensure!(found.is_none(), "{what} stands in a log: {found:?}");
    }
    Ok(())
}

async fn has_its_registered_name(connect: &Connect) -> Verdict {
    let registration = connect.registration()?;
    let wanted = registration.semconv_name.unwrap_or(registration.name);
    let bench = connect.good()?;
    ensure!(bench.provider.name() == wanted, "it calls itself `{}`, not `{wanted}`", bench.provider.name());
    ensure!(!registration.summary.is_empty(), "its registration has no summary");
    Ok(())
}

async fn settings_are_documented(connect: &Connect) -> Verdict {
    let registration = connect.registration()?;
    for (place, field) in registration.fields.iter().enumerate() {
        let told = field.doc.contains("Default") || field.doc.contains("Needed");
        ensure!(told, "`{}` does not say its default, nor that it is needed", field.name);
        let twice = registration.fields[..place].iter().any(|other| other.name == field.name);
        ensure!(!twice, "`{}` is listed twice", field.name);
    }
    Ok(())
}

async fn unknown_settings_are_refused(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    drop(bench);
    let mut settings = Map::new();
    settings.insert("no_such_setting".to_owned(), Value::from(1));
    match connect.build(Some("http://127.0.0.1:9"), &settings) {
        Ok(_) => Err("an unknown setting is taken".to_owned()),
        Err(error) => {
            let is_clear = error.kind() == ErrorKind::Config && error.to_string().contains("no_such_setting");
            ensure!(is_clear, "the error does not name the setting: {}", text(error));
            Ok(())
        }
    }
}

async fn debug_shows_no_key(connect: &Connect) -> Verdict {
    let bench = connect.good()?;
    ensure!(!format!("{:?}{:#?}", bench.provider, bench.attempt).contains(KEY), "`Debug` prints the key");
    Ok(())
}
