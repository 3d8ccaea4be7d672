//! What the tests of the layer share.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::{AbortHandle, JoinSet, yield_now},
    time::{Instant, sleep},
};
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Delivery, Error, Layer as _, ModelName, Provider,
    Quota, RateLimits, Result, async_trait,
};
use ultraai_layers::limit::{LimitConfig, LimitLayer};
use ultraai_testkit::{ProviderExt as _, Scripted};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The layer with changed settings around `inner`.
pub(crate) fn limited(change: impl FnOnce(&mut LimitConfig), inner: impl Provider) -> Arc<dyn Provider> {
    let mut config = LimitConfig::default();
    change(&mut config);
    LimitLayer::new(config).unwrap().layer(Arc::new(inner))
}

/// Callers of one provider, each in a task of its own.
pub(crate) struct Callers {
    provider: Arc<dyn Provider>,
    start: Instant,
    tasks: JoinSet<Ended>,
    count: usize,
}

/// How a call ended: whose it was, after how many seconds, and with what error.
pub(crate) type Ended = (usize, u64, Option<Error>);

impl Callers {
    pub(crate) fn of(provider: &Arc<dyn Provider>) -> Self {
        Self { provider: Arc::clone(provider), start: Instant::now(), tasks: JoinSet::new(), count: 0 }
    }

    /// Another one comes, and has asked when this returns.
    pub(crate) async fn come(&mut self, cx: CallContext) -> AbortHandle {
        self.come_with(cx, "hi").await
    }

    pub(crate) async fn come_with(
        &mut self,
        cx: CallContext,
        request: impl Into<ChatRequest>,
    ) -> AbortHandle {
        let (provider, request, number, start) =
            (Arc::clone(&self.provider), request.into(), self.count, self.start);
        self.count += 1;
        let task = self.tasks.spawn(async move {
            let error = provider.ask_in(&cx, request).await.err();
            (number, start.elapsed().as_secs(), error)
        });
        yield_now().await;
        task
    }

    /// Those who ended, in the order that they did so.
    pub(crate) async fn ended(mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        while let Some(task) = self.tasks.join_next().await {
            ended.extend(task.ok());
        }
        ended
    }

    /// Who was answered, in order, and when, in seconds.
    pub(crate) async fn answered(self) -> Vec<(usize, u64)> {
        let ended = self.ended().await.into_iter();
        ended.filter(|(_, _, error)| error.is_none()).map(|(number, at, _)| (number, at)).collect()
    }
}

/// Asks for a live answer.
pub(crate) async fn live(provider: &Arc<dyn Provider>, cx: &CallContext) -> Result<ChatReply> {
    let request = ChatRequest::from_prompt("hi").with_delivery(Delivery::Live);
    provider.chat(cx, Arc::new(request)).await
}

/// A provider that says something of its limits before it answers: after what time, and what.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    pub(crate) inner: Scripted,
    said: Arc<Mutex<VecDeque<(Duration, RateLimits)>>>,
}

impl Telling {
    pub(crate) fn new(inner: Scripted, said: impl IntoIterator<Item = (u64, RateLimits)>) -> Self {
        let said = said.into_iter().map(|(after, limits)| (secs(after), limits)).collect();
        Self { inner, said: Arc::new(Mutex::new(said)) }
    }
}

#[async_trait]
impl Provider for Telling {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        // Counted as asked when it is sent.
        let reply = self.inner.chat(cx, request).await;
        if let Some((after, limits)) = said {
            if !after.is_zero() {
                sleep(after).await;
            }
            cx.report_rate_limits(&limits);
        }
        reply
    }
}

/// So many requests are left until `reset` seconds have passed.
pub(crate) fn requests_left(remaining: u64, limit: Option<u64>, reset: u64) -> RateLimits {
    let mut limits = RateLimits::default();
    limits.requests = Some(Quota::new(limit, remaining, secs(reset)));
    limits
}
