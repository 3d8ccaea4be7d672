//! A provider that does what a script says, and remembers what it was asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ModelName, Provider, Result, async_trait,
};
use ultraai_simulation::{Step, Visits, play};

/// A provider that replays a script, one step for each call. A clone is the same provider.
///
/// A call after the last step panics: whoever asks more often than the script says has a bug that the test
/// is meant to find. [`always`](Self::always) repeats one step for ever.
///
/// ```
/// # use ultraai_core::{Error, ErrorKind};
/// # use ultraai_testkit::{ProviderExt as _, Scripted};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let inner = Scripted::new([Err(Error::new(ErrorKind::RateLimited, "slow down")), Ok("hello")]);
/// assert!(inner.ask("anybody there?").await.is_err());
/// assert_eq!(inner.ask("anybody there?").await.unwrap().text(), "hello");
/// assert_eq!(inner.count(), 2);
/// # }
/// ```
#[derive(Clone)]
pub struct Scripted {
    name: Arc<str>,
    capabilities: Capabilities,
    script: Arc<Mutex<Script>>,
    visits: Arc<Visits>,
}

struct Script {
    steps: VecDeque<Step>,
    repeated: Option<Step>,
    calls: Vec<Call>,
}

/// What a scripted provider was asked.
#[derive(Clone, Debug)]
pub struct Call {
    /// The request.
    pub request: Arc<ChatRequest>,
    /// The context it came with: attempt, deadline, candidate.
    pub context: CallContext,
    /// When it came.
    pub at: Instant,
}

impl Scripted {
    /// A provider that replays `steps`, one for each call.
    pub fn new<S: Into<Step>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self::with_script(steps.into_iter().map(Into::into).collect(), None)
    }

    /// A provider that does the same with every call.
    pub fn always(step: impl Into<Step>) -> Self {
        Self::with_script(VecDeque::new(), Some(step.into()))
    }

    fn with_script(steps: VecDeque<Step>, repeated: Option<Step>) -> Self {
        Self {
            name: "scripted".into(),
            capabilities: Capabilities::default(),
            script: Arc::new(Mutex::new(Script { steps, repeated, calls: Vec::new() })),
            visits: Arc::default(),
        }
    }

    /// The same script after the steps so far: what every later call does.
    #[must_use]
    pub fn then_always(self, step: impl Into<Step>) -> Self {
        self.script().repeated = Some(step.into());
        self
    }

    /// The same provider under another name. Default: `scripted`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The same provider with other capabilities. Default: nothing is known.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.script().calls.len()
    }

    /// What it was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// The requests, in order.
    pub fn requests(&self) -> Vec<Arc<ChatRequest>> {
        self.script().calls.iter().map(|call| Arc::clone(&call.request)).collect()
    }

    /// Steps that nobody asked for yet.
    pub fn steps_left(&self) -> usize {
        self.script().steps.len()
    }

    /// Calls under way: neither their future nor their reply was dropped yet.
    pub fn in_flight(&self) -> usize {
        self.visits.in_flight()
    }

    /// Calls whose future or reply was dropped before the end.
    pub fn dropped(&self) -> usize {
        self.visits.dropped()
    }

    fn next(&self, cx: &CallContext, request: &Arc<ChatRequest>) -> Option<Step> {
        let mut script = self.script();
        let call = Call { request: Arc::clone(request), context: cx.clone(), at: Instant::now() };
        script.calls.push(call);
        script.steps.pop_front().or_else(|| script.repeated.clone())
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("name", &self.name)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        self.capabilities.clone()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let visit = self.visits.begin();
        let step = self.next(cx, &request);
        let Some(step) = step else {
            panic!("`{}` was asked {} times, more often than its script has steps", self.name, self.count());
        };
        play(step, visit).await
    }
}
