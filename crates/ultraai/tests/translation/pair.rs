//! One pair of protocols: what becomes of each thing between them.

use std::fmt::Debug;

use ultraai::{Answering, ChatRequest, ChatResponse, Codec, Error, ErrorKind, Losses, ServerCodec};
use ultraai_testkit::{
    codecs::{fold_frames, frames_of_with, read_back_with},
    features::{ANSWERS, Feature, REQUESTS, answer_with, request_with},
};

use crate::protocols::Protocol;

/// What becomes of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It arrives.
    Kept,
    /// Who would say it has no words for it.
    Unsayable,
    /// It is left out, for these reasons, where the user allows that, and refused by name where not.
    Lost(Vec<String>),
    /// It arrives in another form.
    Changed(&'static str),
    /// It belongs to another vendor, and nobody else sees it.
    Hidden,
    /// Something is wrong.
    Wrong(String),
}

/// What becomes of everything between a caller and a provider.
pub(crate) struct Pair {
    pub(crate) caller: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) requests: Vec<(&'static str, Fate)>,
    pub(crate) answers: Vec<(&'static str, Fate)>,
}

/// One side.
struct Side {
    codec: Box<dyn Codec>,
    server: Box<dyn ServerCodec>,
}

impl Side {
    fn of(protocol: &Protocol) -> Self {
        let side = Self { codec: (protocol.codec)(), server: (protocol.server)() };
        assert_eq!((side.codec.protocol(), side.server.protocol()), (protocol.name, protocol.name));
        side
    }

    /// The request in this protocol's words and read again, and what was lost.
    fn request(&self, request: &ChatRequest) -> Result<(ChatRequest, Vec<String>), Error> {
        let mut losses = Losses::noted();
        let read = read_back_with(&*self.codec, &*self.server, request, &mut losses)?;
        Ok((read, losses.as_slice().to_vec()))
    }

    /// The whole answer in this protocol's words and read again, and what was lost.
    fn answer(
        &self,
        request: &ChatRequest,
        answer: &ChatResponse,
    ) -> Result<(ChatResponse, Vec<String>), Error> {
        let mut losses = Losses::noted();
        let body = self.server.encode_response(&answering(request), answer, &mut losses)?;
        Ok((self.codec.decode(request, &body.into())?, losses.as_slice().to_vec()))
    }

    /// The same as a stream.
    fn stream(
        &self,
        request: &ChatRequest,
        answer: &ChatResponse,
    ) -> Result<(ChatResponse, Vec<String>), Error> {
        let mut losses = Losses::noted();
        let frames = frames_of_with(&*self.server, &answering(request), answer, &mut losses)?;
        Ok((fold_frames(&*self.codec, request, &frames)?, losses.as_slice().to_vec()))
    }
}

fn answering(request: &ChatRequest) -> Answering<'_> {
    Answering { request, id: "0123456789abcdef", created: 1_700_000_000 }
}

impl Pair {
    pub(crate) fn of(caller: &Protocol, provider: &Protocol) -> Self {
        let (from, to) = (Side::of(caller), Side::of(provider));
        Self {
            caller: caller.name,
            provider: provider.name,
            requests: REQUESTS.iter().map(|feature| (feature.name, request(&from, &to, feature))).collect(),
            answers: ANSWERS.iter().map(|feature| (feature.name, answer(&from, &to, feature))).collect(),
        }
    }

    /// What is wrong, each with the pair's name.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        self.requests.iter().chain(&self.answers).filter_map(|(what, fate)| match fate {
            Fate::Wrong(why) => Some(format!("{} to {}: {what}: {why}", self.caller, self.provider)),
            _ => None,
        })
    }
}

/// What is left of a thing that was said to one side, or what became of it there.
fn judge<T: Debug + 'static>(
    feature: &Feature<T>,
    made: Result<(T, Vec<String>), Error>,
) -> Result<(T, Fate), Fate> {
    match made {
        Ok((_, losses)) if !losses.is_empty() => Err(Fate::Lost(losses)),
        Ok((said, _)) if (feature.is_said)(&said) => Ok((said, Fate::Kept)),
        Ok((said, _)) => match feature.otherwise.iter().find(|(_, is_said)| is_said(&said)) {
            Some((form, _)) => Ok((said, Fate::Changed(form))),
            None if feature.is_private => Err(Fate::Hidden),
            None => Err(Fate::Wrong(format!("it is lost without a word: {said:?}"))),
        },
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Err(Fate::Lost(vec![error.message().to_owned()]))
        }
        Err(error) => Err(Fate::Wrong(format!("{error:?}"))),
    }
}

/// What becomes of a thing after both sides. What who says it cannot say is not this test's business.
fn fate<T: Debug + 'static>(
    feature: &Feature<T>,
    said: Result<(T, Vec<String>), Error>,
    hear: impl FnOnce(T) -> Result<(T, Vec<String>), Error>,
) -> Fate {
    match judge(feature, said) {
        Ok((said, Fate::Kept)) => judge(feature, hear(said)).map_or_else(|fate| fate, |(_, fate)| fate),
        _ => Fate::Unsayable,
    }
}

fn request(from: &Side, to: &Side, feature: &Feature<ChatRequest>) -> Fate {
    fate(feature, from.request(&request_with(feature)), |said| to.request(&said))
}

/// The provider says it, whole and live, and the caller hears it, whole and live.
fn answer(caller: &Side, provider: &Side, feature: &Feature<ChatResponse>) -> Fate {
    let asked = ChatRequest::from_prompt("hello").edited(|request| request.model = "m".try_into().ok());
    let answer = answer_with(feature);
    let whole = fate(feature, provider.answer(&asked, &answer), |said| caller.answer(&asked, &said));
    let live = fate(feature, provider.stream(&asked, &answer), |said| caller.stream(&asked, &said));
    match (whole, live) {
        (Fate::Wrong(why), _) => Fate::Wrong(why),
        (_, Fate::Wrong(why)) => Fate::Wrong(format!("live: {why}")),
        (Fate::Unsayable, fate) | (fate, Fate::Unsayable) => fate,
        (Fate::Kept | Fate::Changed(_), Fate::Lost(why)) => {
            Fate::Lost(why.into_iter().map(|why| format!("live: {why}")).collect())
        }
        (whole, live) if whole == live || matches!(whole, Fate::Lost(_)) => whole,
        (whole, live) => Fate::Wrong(format!("whole it is {whole:?}, and live {live:?}")),
    }
}
