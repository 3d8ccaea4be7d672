//! One attempt: its limits, its commit point, its row.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, AttemptLimits, CallContext, ChatEvent, ChatRequest, ChatResponse, Cost, Delivery, Delta,
    Deposit, Details, Error, ErrorKind, FinishReason, Part, Price, Provider, ProviderId, Purse, Usage,
    UsageSource, VendorState,
    attempt::Attempt,
    ledger::{Row, RowOutcome},
    stats::CandidateStats,
};
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

const SECOND: Duration = Duration::from_secs(1);

fn attempt(inner: &Scripted) -> (Attempt, Arc<CandidateStats>) {
    let stats = Arc::new(CandidateStats::default());
    let price = Price::per_million_dollars(1.0, 2.0);
    let attempt =
        Attempt::new(Arc::new(inner.clone()), ProviderId::new("one").unwrap(), price, Arc::clone(&stats));
    (attempt, stats)
}

fn limits(first_event: u64, gap: u64, attempt: u64) -> CallContext {
    let mut limits = AttemptLimits::default();
    limits.first_event = Some(SECOND * u32::try_from(first_event).unwrap());
    limits.gap = Some(SECOND * u32::try_from(gap).unwrap());
    limits.attempt = Some(SECOND * u32::try_from(attempt).unwrap());
    CallContext::new().with_limits(limits)
}

fn row(cx: &CallContext) -> Row {
    let mut rows = cx.ledger().report().rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn live(prompt: &str) -> Arc<ChatRequest> {
    Arc::new(ChatRequest::from_prompt(prompt).with_delivery(Delivery::Live))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_row_with_its_tokens_and_its_cost() {
    let (attempt, stats) = attempt(&Scripted::new(["hello"]));
    let cx = CallContext::new();
    attempt.ask_in(&cx, "hi").await.unwrap();
    let row = row(&cx);
    assert_eq!((row.outcome, row.usage), (RowOutcome::Won, Some(Usage::reported(5, 1))));
    assert_eq!(row.cost, Cost::NanoDollars(5 * 1000 + 2000));
    assert_eq!((stats.snapshot().successes, stats.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_before_anything_was_sent_is_no_attempt() {
    let refusal = Error::new(ErrorKind::Unsupported, "it cannot send that").unsent();
    let inner = Scripted::new([Step::from(refusal), Step::from("hello")]);
    let (attempt, stats) = attempt(&inner);
    let cx = CallContext::new();
    let error = attempt.ask_in(&cx, "hi").await.unwrap_err();
    assert_eq!((error.kind(), error.provider().unwrap().as_str()), (ErrorKind::Unsupported, "one"));
    assert_eq!(cx.ledger().report().rows, []);
    let counted = stats.snapshot();
    assert_eq!((counted.requests, counted.in_flight, counted.failures.len()), (0, 0, 0));
    attempt.ask_in(&cx, "hi").await.unwrap();
    assert_eq!(row(&cx).outcome, RowOutcome::Won);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_settles_what_was_set_aside_for_it_whatever_becomes_of_it() {
    // Of a known cost it spends that, of an unknown one all that was set aside.
    let inner = Scripted::new([Step::from("hello"), Step::fail(ErrorKind::Timeout), Step::hang()]);
    let (attempt, _) = attempt(&inner);
    let purse = Purse::of(1_000_000);
    for spent in [7_000, 257_000, 507_000] {
        let deposit = Deposit::new(vec![purse.reserve(250_000).unwrap()]);
        let cx = CallContext::new().with_deposit(deposit);
        let asked = tokio::time::timeout(SECOND, attempt.ask_in(&cx, "hi")).await;
        drop(asked);
        assert_eq!((purse.reserved(), purse.spent()), (0, spent));
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_counted_is_estimated_and_marked() {
    let (attempt, _) = attempt(&Scripted::new([ChatResponse::from_text("12345678")]));
    let cx = CallContext::new();
    let response = attempt.ask_in(&cx, "1234").await.unwrap();
    assert_eq!(response.usage, Some(Usage::estimated(1 + 3, 2)));
    assert_eq!(row(&cx).usage.unwrap().source, UsageSource::Estimated);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_price_is_unknown_and_never_zero() {
    let stats = Arc::new(CandidateStats::default());
    let one = Attempt::new(Arc::new(Scripted::new(["hello"])), ProviderId::new("one").unwrap(), None, stats);
    let cx = CallContext::new();
    one.ask_in(&cx, "hi").await.unwrap();
    assert_eq!(row(&cx).cost, Cost::Unknown);
    assert_eq!(cx.ledger().totals().cost(), Cost::Unknown);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_before_the_commit_point_is_an_error_of_the_call() {
    let started = ChatEvent::Started { model: None, request_id: None };
    for (step, kind) in [
        (Step::live([Beat::from(started.clone())]), ErrorKind::Interrupted),
        (
            Step::live([Beat::from(started.clone()), Beat::fail(ErrorKind::ServerError)]),
            ErrorKind::ServerError,
        ),
        (Step::live([Beat::from(started), Beat::from(""), Beat::finished()]), ErrorKind::EmptyAnswer),
    ] {
        let (attempt, _) = attempt(&Scripted::new([step]));
        let cx = CallContext::new();
        let error = attempt.chat(&cx, live("hi")).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.provider().unwrap(), &"one");
        assert_eq!((row(&cx).outcome, row(&cx).error), (RowOutcome::Failed, Some(kind)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_breaks_after_the_commit_point_says_what_was_received() {
    let (attempt, _) = attempt(&Scripted::new([Step::live(["It is", " sunny"])]));
    let cx = CallContext::new();
    let reply = attempt.chat(&cx, live("hi")).await.unwrap();
    let error = reply.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let partial = error.partial().unwrap();
    assert_eq!(partial.text(), "It is sunny");
    assert_eq!(partial.usage, Some(Usage::estimated(4, 3)));
    assert_eq!(row(&cx).outcome, RowOutcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_without_counted_tokens_says_an_estimate_before_its_end() {
    let (attempt, _) = attempt(&Scripted::new([Step::live([Beat::from("hello"), Beat::finished()])]));
    let events = attempt.ask_live(&CallContext::new(), "hi").await.unwrap();
    let events: Vec<_> = events.into_iter().map(Result::unwrap).collect();
    let usage = ChatEvent::Usage(Usage::estimated(4, 2));
    let end = ChatEvent::Finished { finish_reason: FinishReason::Stop };
    assert_eq!(events, [ChatEvent::text("hello"), usage, end]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_at_its_length_is_no_error() {
    let end = ChatEvent::Finished { finish_reason: FinishReason::Length };
    let (attempt, _) = attempt(&Scripted::new([Step::live([Beat::from(end)])]));
    let answer = attempt.chat(&CallContext::new(), live("hi")).await.unwrap().collect().await.unwrap();
    assert!(!answer.is_complete());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_holds_nothing_is_an_error_unless_its_end_says_why() {
    use FinishReason as F;
    let other = |word: &str| F::Other(word.to_owned());
    let plain = ChatRequest::from_prompt("hi");
    let mut stop = plain.clone();
    stop.stop_sequences.push("x".into());
    let spare = CallContext::new().with_spare();
    let cx = CallContext::new();
    for (reason, told, request, cx, kind) in [
        (F::Stop, None, &plain, &cx, Some(ErrorKind::EmptyAnswer)),
        (F::ToolCalls, None, &stop, &cx, Some(ErrorKind::EmptyAnswer)),
        (other("unknown"), None, &plain, &cx, Some(ErrorKind::EmptyAnswer)),
        (F::Stop, None, &stop, &cx, None),
        (F::Stop, Some("x"), &plain, &cx, None),
        (F::Length, None, &plain, &spare, None),
        (other("pause_turn"), None, &plain, &spare, None),
        (F::ContentFilter, None, &plain, &cx, None),
        (F::ContentFilter, None, &plain, &spare, Some(ErrorKind::ContentFiltered)),
    ] {
        let mut details = Details::default();
        details.stop_sequence = told.map(str::to_owned);
        let mut whole = ChatResponse::default().with_finish_reason(reason.clone());
        whole.stop_sequence = details.stop_sequence.clone();
        let begins = ChatEvent::Started { model: None, request_id: None };
        let ends = [ChatEvent::Details(details), ChatEvent::Finished { finish_reason: reason.clone() }];
        let thinks = [ChatEvent::Delta(Delta::Reasoning("hm".into()))];
        let silent = Step::live([begins].into_iter().chain(ends.clone()).map(Beat::from));
        let thinking = Step::live(thinks.into_iter().chain(ends).map(Beat::from));
        for (step, is_live, begun) in
            [(Step::whole(whole), false, false), (silent, true, false), (thinking, true, true)]
        {
            let (attempt, _) = attempt(&Scripted::new([step]));
            let delivery = if is_live { Delivery::Live } else { Delivery::Whole };
            let asked = attempt.chat(cx, Arc::new(request.clone().with_delivery(delivery))).await;
            let answer = match asked {
                Ok(reply) => reply.collect().await,
                Err(error) => Err(error),
            };
            // What has begun goes on nowhere else.
            let kind = kind.filter(|kind| !begun || *kind == ErrorKind::EmptyAnswer);
            let what = format!("{reason:?}, {told:?}, {is_live}, {begun}");
            match answer {
                Ok(answer) => assert!(kind.is_none() && !answer.is_good(), "{what}"),
                Err(error) => assert_eq!(Some(error.kind()), kind, "{what}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_its_vendor_has_words_for_is_an_answer() {
    let part = |state| ChatEvent::Delta(Delta::Part(Box::new(Part::Vendor(state))));
    let thinks = || Beat::from(ChatEvent::Delta(Delta::Reasoning("hm".into())));
    let call = || Beat::from(part(VendorState::new("openai-responses", json!("call"))));
    let begins = || Beat::from(ChatEvent::Delta(Delta::PartStart));
    let hidden = || Beat::from(part(VendorState::silent("anthropic", json!("hidden"))));
    for (beats, is_answer) in [
        (vec![call()], true),
        (vec![thinks(), call()], true),
        // It may take longer than the first content may.
        (vec![begins(), Beat::pause(5 * SECOND), call()], true),
        (vec![thinks(), hidden()], false),
        (vec![hidden()], false),
        (vec![begins()], false),
    ] {
        let step = Step::live(beats.into_iter().chain([Beat::finished()]));
        let (attempt, _) = attempt(&Scripted::new([step]));
        let answer = match attempt.chat(&limits(3, 9, 9), live("hi")).await {
            Ok(reply) => reply.collect().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => assert!(is_answer && answer.is_good()),
            Err(error) => assert_eq!((is_answer, error.kind()), (false, ErrorKind::EmptyAnswer)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_first_content_is_a_timeout() {
    for step in [
        Step::hang(),
        Step::live([Beat::from(ChatEvent::Started { model: None, request_id: None }), Beat::hang()]),
    ] {
        let (attempt, _) = attempt(&Scripted::new([step]));
        let before = Instant::now();
        let error = attempt.chat(&limits(3, 9, 9), live("hi")).await.unwrap_err();
        assert_eq!((error.kind(), before.elapsed()), (ErrorKind::Timeout, 3 * SECOND));
        assert!(error.message().contains("first_event_timeout_seconds"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_may_take_longer_than_the_first_content_of_a_live_one() {
    let (attempt, _) = attempt(&Scripted::new([Step::from("hello").after(5 * SECOND)]));
    assert!(attempt.ask_in(&limits(3, 3, 9), "hi").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn silence_within_an_answer_is_a_timeout() {
    let (attempt, _) = attempt(&Scripted::new([Step::live([
        Beat::from("a"),
        Beat::pause(SECOND),
        Beat::from("b"),
        Beat::hang(),
    ])]));
    let before = Instant::now();
    let error = attempt.chat(&limits(9, 2, 9), live("hi")).await.unwrap().collect().await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::Timeout, 3 * SECOND));
    assert_eq!(error.partial().unwrap().text(), "ab");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_trickles_ends_at_its_own_limit() {
    let beats = (0..20).flat_map(|_| [Beat::from("a"), Beat::pause(SECOND)]);
    let (attempt, _) = attempt(&Scripted::new([Step::live(beats)]));
    let before = Instant::now();
    let error = attempt.chat(&limits(9, 2, 5), live("hi")).await.unwrap().collect().await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::Timeout, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_slow_caller_is_not_taken_for_a_slow_provider() {
    let (attempt, _) = attempt(&Scripted::new([Step::streamed(["a", "b", "c"])]));
    let mut events = attempt.chat(&limits(1, 1, 1), live("hi")).await.unwrap().into_events();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event.unwrap());
        tokio::time::sleep(10 * SECOND).await;
    }
    assert!(matches!(last, Some(ChatEvent::Finished { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_comes_back_in_the_middle_of_an_event_is_no_silent_provider() {
    // Two pauses in a row: when the caller comes back the first is over, and there is nothing to hand out yet all the same.
    let end = Beat::from(ChatEvent::Finished { finish_reason: FinishReason::Stop });
    let beats = [Beat::from("a"), Beat::pause(SECOND / 2), Beat::pause(SECOND / 20), Beat::from("b"), end];
    // It comes back long after the limit has passed, and soon after.
    let aways = [10 * SECOND, SECOND * 95 / 100];
    let limits = [limits(1, 1, 9), limits(9, 9, 1)];
    for (limits, away) in limits.iter().flat_map(|limits| aways.map(|away| (limits, away))) {
        let (attempt, _) = attempt(&Scripted::new([Step::live(beats.clone())]));
        let mut events = attempt.chat(limits, live("hi")).await.unwrap().into_events();
        let mut text = String::new();
        loop {
            // It looks and goes away.
            let looked = tokio::time::timeout(SECOND / 10, events.next()).await;
            tokio::time::sleep(away).await;
            let next = match looked {
                Ok(next) => next,
                Err(_) => events.next().await,
            };
            match next {
                Some(Ok(ChatEvent::Delta(Delta::Text(piece)))) => text += &piece,
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
                None => break,
            }
        }
        assert_eq!(text, "ab");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_reaches_nobody() {
    let inner = Scripted::always("hello");
    let (attempt, _) = attempt(&inner);
    let cx = CallContext::new().with_timeout(Duration::ZERO);
    assert_eq!(attempt.ask_in(&cx, "hi").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!((inner.count(), cx.ledger().report().rows.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_is_stopped_at_the_deadline() {
    let beats = (0..1000).flat_map(|_| [Beat::from("a"), Beat::pause(SECOND / 10)]);
    let (attempt, _) = attempt(&Scripted::new([Step::live(beats)]));
    let cx = CallContext::new().with_timeout(3 * SECOND);
    let error = attempt.chat(&cx, live("hi")).await.unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(cx.remaining(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_stands_in_the_ledger_with_its_reason() {
    let inner = Scripted::new([Step::hang()]);
    let (attempt, stats) = attempt(&inner);
    let cx = CallContext::new();
    let call = attempt.chat(&cx, live("1234"));
    assert!(tokio::time::timeout(SECOND, call).await.is_err());
    let row = row(&cx);
    assert_eq!((row.outcome, row.reason), (RowOutcome::Abandoned, Some(AbandonReason::CallerLeft)));
    assert_eq!(row.usage, Some(Usage::estimated(4, 0)));
    assert_eq!((inner.dropped(), stats.snapshot().abandoned, stats.in_flight()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reply_stands_in_the_ledger_with_what_was_written() {
    let (attempt, _) = attempt(&Scripted::new([Step::live([Beat::from("12345678"), Beat::hang()])]));
    let cx = CallContext::new();
    let reply = attempt.chat(&cx, live("1234")).await.unwrap();
    cx.abandon(AbandonReason::LostHedge);
    drop(reply);
    let row = row(&cx);
    assert_eq!((row.outcome, row.reason), (RowOutcome::Abandoned, Some(AbandonReason::LostHedge)));
    assert_eq!(row.usage, Some(Usage::estimated(4, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_anything_was_made_costs_nothing() {
    let (attempt, _) = attempt(&Scripted::new([Step::fail(ErrorKind::RateLimited)]));
    let cx = CallContext::new();
    attempt.ask_in(&cx, "hi").await.unwrap_err();
    assert_eq!(row(&cx).cost, Cost::NanoDollars(0));
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_a_whole_answer_gets_one_from_a_live_reply() {
    let (attempt, _) = attempt(&Scripted::new([Step::streamed(["a", "b"]), Step::live(["a"])]));
    let request = Arc::new(ChatRequest::from_prompt("hi"));
    let reply = attempt.chat(&CallContext::new(), Arc::clone(&request)).await.unwrap();
    assert!(!reply.is_live());
    // Before the commit point of a whole answer is before its end: the break is an error of the call.
    let error = attempt.chat(&CallContext::new(), request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}
