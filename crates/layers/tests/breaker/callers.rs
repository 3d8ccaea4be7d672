//! What speaks against the caller, and not against the candidate.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_does_not_speak_against_the_candidate_does_not_open_it() {
    let cx = CallContext::new();
    let unsent = failure(ErrorKind::Timeout).unsent();
    for error in
        [unsent, failure(ErrorKind::Rejected), failure(ErrorKind::ContextTooLong), failure(ErrorKind::Config)]
    {
        let inner = Scripted::always(error.clone());
        let provider = breaking(&inner);
        for _ in 0..50 {
            assert_eq!(kind(&provider).await, Some(error.kind()));
        }
    }
    let provider = breaking(&Scripted::always(Step::hang()));
    for _ in 0..50 {
        let child = cx.child();
        let call = provider.ask_in(&child, "hi");
        assert!(tokio::time::timeout(Duration::from_secs(9), call).await.is_err());
        child.abandon(AbandonReason::LostHedge);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_request_is_a_sign_of_life_and_an_unsent_one_is_not() {
    for (between, opens) in
        [(failure(ErrorKind::Rejected), false), (failure(ErrorKind::Unsupported).unsent(), true)]
    {
        let fails = |count: usize| (0..count).map(|_| Step::fail(FAILED));
        let inner = Scripted::new(fails(4).chain([between.into()]).chain(fails(1))).then_always("hello");
        let provider = breaking(&inner);
        for _ in 0..6 {
            kind(&provider).await;
        }
        assert_eq!(kind(&provider).await.is_some(), opens);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_does_not_speak_against_the_candidate() {
    for (patience, opens) in [(4, false), (6, true)] {
        let late = Step::fail(ErrorKind::Timeout).after(Duration::from_secs(patience));
        let provider = breaking(&Scripted::always(late));
        for _ in 0..5 {
            let cx = CallContext::new().with_timeout(Duration::from_secs(patience));
            assert_eq!(provider.ask_in(&cx, "hi").await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert_eq!(kind(&provider).await == Some(ErrorKind::CircuitOpen), opens, "after {patience} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_caller_can_provoke_does_not_open_it_for_others() {
    let empty = breaking(&Scripted::always(Step::fail(ErrorKind::EmptyAnswer)));
    for _ in 0..20 {
        assert_eq!(kind(&empty).await, Some(ErrorKind::EmptyAnswer));
    }
    // A deadline that a stranger set, or its share in which the first content must come.
    let stranger = || CallContext::new().hurried().with_timeout(Duration::from_mins(1));
    let share = || {
        let mut limits = AttemptLimits::default();
        limits.content_by = Some(Instant::now() + Duration::from_secs(3));
        CallContext::new().with_timeout(Duration::from_mins(1)).with_limits(limits)
    };
    for (cx, seconds) in [(&stranger as &dyn Fn() -> CallContext, 60), (&share, 3)] {
        let late = Step::fail(ErrorKind::Timeout).after(Duration::from_secs(seconds));
        let provider = breaking(&Scripted::always(late));
        for _ in 0..10 {
            assert_eq!(provider.ask_in(&cx(), "hi").await.unwrap_err().kind(), ErrorKind::Timeout);
        }
    }
}
