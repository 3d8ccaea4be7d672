//! What a scripted provider does with one call, as data.

use std::time::Duration;

use ultraai_core::{ChatEvent, ChatResponse, Error, ErrorKind, FinishReason, Usage};

/// What one call of a scripted provider does.
///
/// Made from a text (a whole answer), a [`ChatResponse`], an [`Error`], a `Result` of these, or with the
/// functions below.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) delay: Duration,
    pub(crate) act: Act,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Whole(Box<ChatResponse>),
    Fail(Error),
    Live(Vec<Beat>),
    Hang,
}

impl Step {
    /// A whole answer.
    pub fn whole(response: ChatResponse) -> Self {
        Self::of(Act::Whole(Box::new(response)))
    }

    /// An error of `kind`, whose message says that it was scripted.
    pub fn fail(kind: ErrorKind) -> Self {
        failure(kind).into()
    }

    /// A live answer of exactly these beats. Where no `Finished` is among them, it is cut off.
    pub fn live<B: Into<Beat>>(beats: impl IntoIterator<Item = B>) -> Self {
        Self::of(Act::Live(beats.into_iter().map(Into::into).collect()))
    }

    /// A complete live answer of these texts: `Started`, the texts, `Usage` and `Finished`.
    pub fn streamed<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut beats =
            vec![Beat::from(ChatEvent::Started { model: Some(MODEL.to_owned()), request_id: None })];
        beats.extend(texts.into_iter().map(Beat::from));
        beats.push(ChatEvent::Usage(Usage::reported(5, beats.len() as u64 - 1)).into());
        beats.push(ChatEvent::Finished { finish_reason: FinishReason::Stop }.into());
        Self::of(Act::Live(beats))
    }

    /// No answer, ever.
    pub fn hang() -> Self {
        Self::of(Act::Hang)
    }

    /// The same, begun after `delay`.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn of(act: Act) -> Self {
        Self { delay: Duration::ZERO, act }
    }
}

/// The model that scripted answers name.
pub(crate) const MODEL: &str = "scripted-model";

/// An error of `kind`, whose message says that it was scripted.
pub fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, format!("scripted failure: {kind}"))
}

impl From<&str> for Step {
    fn from(text: &str) -> Self {
        let mut response = ChatResponse::from_text(text).with_usage(Usage::reported(5, 1));
        response.model = Some(MODEL.to_owned());
        Self::whole(response)
    }
}

impl From<String> for Step {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<ChatResponse> for Step {
    fn from(response: ChatResponse) -> Self {
        Self::whole(response)
    }
}

impl From<Error> for Step {
    fn from(error: Error) -> Self {
        Self::of(Act::Fail(error))
    }
}

impl<T: Into<Step>> From<Result<T, Error>> for Step {
    fn from(result: Result<T, Error>) -> Self {
        result.map_or_else(Self::from, Into::into)
    }
}

/// One beat of a live answer: an event, an error, a pause, or silence without end.
#[derive(Clone, Debug)]
pub struct Beat(pub(crate) BeatKind);

#[derive(Clone, Debug)]
pub(crate) enum BeatKind {
    Event(Box<ChatEvent>),
    Fail(Error),
    Pause(Duration),
    Hang,
}

impl Beat {
    /// Silence of this length.
    pub fn pause(length: Duration) -> Self {
        Self(BeatKind::Pause(length))
    }

    /// Silence without end.
    pub fn hang() -> Self {
        Self(BeatKind::Hang)
    }

    /// An error of `kind`, which ends the answer.
    pub fn fail(kind: ErrorKind) -> Self {
        failure(kind).into()
    }

    /// The complete end.
    pub fn finished() -> Self {
        ChatEvent::Finished { finish_reason: FinishReason::Stop }.into()
    }
}

impl From<ChatEvent> for Beat {
    fn from(event: ChatEvent) -> Self {
        Self(BeatKind::Event(Box::new(event)))
    }
}

impl From<&str> for Beat {
    fn from(text: &str) -> Self {
        ChatEvent::text(text).into()
    }
}

impl From<Error> for Beat {
    fn from(error: Error) -> Self {
        Self(BeatKind::Fail(error))
    }
}
