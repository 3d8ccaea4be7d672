//! How a suite gets the provider it tests.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, Error, KeySource, Lookup, ModelName, Provider,
    ProviderId, ProviderRegistration, Registry, Result, Secret, attempt::Attempt, stats::CandidateStats,
};

use crate::{Dialogue, Received, Reply, Server};

/// The key that a tested provider gets: it must appear in no text.
pub(super) const KEY: &str = "sk-testkit-5c0ffee5";
/// A word of every prompt: it must appear in no log and no error.
pub(super) const PROMPT_WORD: &str = "zebra-7c1f";
/// The prompt.
pub(super) const PROMPT: &str = "What does the zebra-7c1f eat?";
/// A word of every answer that a test's server gives.
pub(super) const ANSWER_WORD: &str = "clover-93ad";
/// The answers that a test's server gives, as they come live.
pub(super) const TEXTS: [&str; 3] = ["Grass, and ", "clover-93ad", ", mostly: ‘żółw’ 🦓."];

/// How a suite gets the provider it tests.
pub struct Connect {
    source: Source,
    settings: Map<String, Value>,
    model: ModelName,
    base_url_setting: String,
    dialogue: Option<Arc<dyn Dialogue>>,
}

enum Source {
    Registered(String),
    Built(String, Box<dyn Fn() -> Arc<dyn Provider>>),
}

/// The provider that is registered as `name`, built by that name: when it is not linked, the suite fails.
pub fn registered(name: &str) -> Connect {
    Connect::from(Source::Registered(name.to_owned()))
}

/// A provider that `build` makes, such as an orchestrator. `title` stands in reports.
pub fn built(title: &str, build: impl Fn() -> Arc<dyn Provider> + 'static) -> Connect {
    Connect::from(Source::Built(title.to_owned(), Box::new(build)))
}

impl From<Source> for Connect {
    fn from(source: Source) -> Self {
        let model = ModelName::new("test-model").expect("the name is not blank");
        let base_url_setting = "base_url".to_owned();
        Self { source, settings: Map::new(), model, base_url_setting, dialogue: None }
    }
}

impl Connect {
    /// Adds one of the provider's own settings.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// Says which model is asked. Default: `test-model`.
    ///
    /// # Panics
    /// When the name is blank.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = ModelName::new(model).expect("a model's name is not blank");
        self
    }

    /// Says that it speaks this protocol over HTTP, so that a loopback server can stand in for its vendor and
    /// the scenarios of the network run too.
    #[must_use]
    pub fn speaking(mut self, dialogue: impl Dialogue) -> Self {
        self.dialogue = Some(Arc::new(dialogue));
        self
    }

    /// Names the setting that takes the server's address. Default: `base_url`.
    #[must_use]
    pub fn base_url_setting(mut self, name: &str) -> Self {
        name.clone_into(&mut self.base_url_setting);
        self
    }

    pub(super) fn title(&self) -> String {
        match &self.source {
            Source::Registered(name) => format!("provider `{name}`"),
            Source::Built(title, _) => title.clone(),
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        matches!(self.source, Source::Registered(_))
    }

    pub(super) fn dialogue(&self) -> Option<&Arc<dyn Dialogue>> {
        self.dialogue.as_ref()
    }

    /// The server's half of the conversation; only scenarios of the network call it.
    pub(super) fn speaks(&self) -> &dyn Dialogue {
        self.dialogue.as_deref().expect("scenarios of the network run only with a dialogue")
    }

    pub(super) fn model_name(&self) -> &ModelName {
        &self.model
    }

    pub(super) fn registration(&self) -> Result<ProviderRegistration, String> {
        let Source::Registered(name) = &self.source else { return Err("it is not registered".to_owned()) };
        let registry = Registry::linked().map_err(text)?;
        registry.provider_registration(name).copied().map_err(text)
    }

    /// A request for the tested model.
    pub(super) fn request(&self, delivery: Delivery) -> ChatRequest {
        ChatRequest::from_prompt(PROMPT).with_model(self.model.clone()).with_delivery(delivery)
    }

    /// The provider, talking to the address `url` where it talks to one, with more settings.
    pub(super) fn build(&self, url: Option<&str>, more: &Map<String, Value>) -> Result<Arc<dyn Provider>> {
        let name = match &self.source {
            Source::Built(_, build) => return Ok(build()),
            Source::Registered(name) => name,
        };
        let registry = Registry::linked()?;
        let mut context = BuildContext::new(ProviderId::new("under-test")?, Lookup::empty());
        context.model = Some(self.model.clone());
        let takes_key = !registry.provider_registration(name)?.key_variables.is_empty();
        if takes_key || self.dialogue.is_some() {
            context.key = Some(KeySource::Given(Secret::new(KEY)?));
        }
        let mut settings = self.settings.clone();
        if let (Some(url), Some(dialogue)) = (url, &self.dialogue) {
            let address = format!("{url}{}", dialogue.base_path());
            settings.insert(self.base_url_setting.clone(), Value::String(address));
        }
        settings.extend(more.clone());
        registry.provider(name, Value::Object(settings), &context)
    }

    /// The provider and, where it talks to one, a server that answers every request well.
    pub(super) fn good(&self) -> Result<Bench, String> {
        let Some(dialogue) = self.dialogue.clone() else { return Bench::new(self, None) };
        let model = self.model.clone();
        self.with(move |request: &Received| match dialogue.wants_live(request) {
            true => dialogue.live(model.as_str(), &TEXTS),
            false => dialogue.answer(model.as_str(), &TEXTS.concat()),
        })
    }

    /// The provider and a server that does what `handler` says.
    pub(super) fn with(
        &self,
        handler: impl FnMut(&Received) -> Reply + Send + 'static,
    ) -> Result<Bench, String> {
        Bench::new(self, Some(Server::answering(handler)))
    }

    /// The provider and a server that gives one reply to every request.
    pub(super) fn always(&self, reply: Reply) -> Result<Bench, String> {
        Bench::new(self, Some(Server::always(reply)))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("title", &self.title()).finish_non_exhaustive()
    }
}

/// A provider in its attempt, with the books, and the server it talks to.
pub(super) struct Bench {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) attempt: Arc<Attempt>,
    pub(super) stats: Arc<CandidateStats>,
    pub(super) cx: CallContext,
    server: Option<Server>,
}

impl Bench {
    fn new(connect: &Connect, server: Option<Server>) -> Result<Self, String> {
        let url = server.as_ref().map(Server::url);
        let provider = connect.build(url.as_deref(), &Map::new()).map_err(text)?;
        Ok(Self::of(provider, server))
    }

    /// A provider that is there already.
    pub(super) fn of(provider: Arc<dyn Provider>, server: Option<Server>) -> Self {
        let stats = Arc::new(CandidateStats::default());
        let id = ProviderId::new("under-test").expect("the id is one");
        let attempt = Arc::new(Attempt::new(Arc::clone(&provider), id, None, Arc::clone(&stats)));
        Self { provider, attempt, stats, cx: CallContext::new(), server }
    }

    /// The server; only scenarios of the network call it.
    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("scenarios of the network have a server")
    }
}

/// An error as a scenario's failure.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
pub(super) fn text(error: Error) -> String {
    format!("{error} ({})", error.kind())
}
