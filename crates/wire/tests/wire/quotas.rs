//! What heads say of rate limits is told as soon as they are there.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ultraai_core::{CallContext, Provider as _, Quota, QuotaObserver, RateLimits};
use ultraai_testkit::{End, Reply, Server};
use ultraai_wire::Limits;

use crate::support::{SOON, prompt, provider};

#[derive(Debug, Default)]
struct Told(Mutex<Vec<RateLimits>>);

impl QuotaObserver for Told {
    fn observe(&self, limits: &RateLimits) {
        self.0.lock().unwrap().push(*limits);
    }
}

fn limited(reply: Reply, remaining: &str) -> Reply {
    reply
        .header("x-ratelimit-limit-requests", "50")
        .header("x-ratelimit-remaining-requests", remaining)
        .header("x-ratelimit-reset-requests", "1.5s")
}

#[tokio::test]
async fn rate_limits_are_told_with_answers_and_with_refusals_and_before_the_body() {
    let quota = |remaining| Some(Quota::new(Some(50), remaining, Duration::from_millis(1500)));
    let stream = limited(Reply::sse(["a"]), "7").ending(End::Hang);
    let refusal = limited(Reply::body(429, "text/plain", "slow down"), "0");
    let own_word = limited(Reply::body(429, "text/plain", "slow down"), "0").header("retry-after", "9");
    for (reply, remaining, retry_after) in [
        (stream, 7, None),
        (limited(Reply::json(200, &serde_json::json!({})), "6"), 6, None),
        (refusal, 0, Some(Duration::from_millis(1500))),
        (own_word, 0, Some(Duration::from_secs(9))),
    ] {
        let server = Server::always(reply);
        let told = Arc::new(Told::default());
        let cx = CallContext::new().with_quota_observer(told.clone());
        let provider = provider(&server.url(), Limits::default());
        let reply = tokio::time::timeout(SOON, provider.chat(&cx, prompt())).await.unwrap();
        let told = told.0.lock().unwrap().clone();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].requests, told[0].retry_after), (quota(remaining), retry_after));
        assert_eq!(reply.err().and_then(|error| error.retry_after()), retry_after);
    }
    // Where nothing is said, nobody is bothered.
    let server = Server::always(Reply::json(200, &serde_json::json!({})));
    let told = Arc::new(Told::default());
    let cx = CallContext::new().with_quota_observer(told.clone());
    assert!(provider(&server.url(), Limits::default()).chat(&cx, prompt()).await.is_ok());
    assert!(told.0.lock().unwrap().is_empty());
}
