//! Bytes into what reads a protocol.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::json;
use ultraai_core::{
    Answering, ChatEvent, ChatRequest, Codec, Delivery, Fold, Frame, Framing, Losses, ReasoningOptions,
    ResponseFormat, ServerCodec, Tool,
};
use ultraai_wire::{LineDecoder, RawFrame, SseDecoder};

use crate::framing::{Framer, chunks};

/// A frame of a stream may have this many bytes: more than a fuzzer writes.
const LIMIT: usize = 1 << 20;

/// A protocol that is fed.
#[derive(Debug)]
pub struct Protocol {
    codec: Box<dyn Codec>,
    server: Option<Box<dyn ServerCodec>>,
}

impl Protocol {
    /// A protocol that is spoken towards providers alone.
    pub fn client(codec: impl Codec) -> Self {
        Self { codec: Box::new(codec), server: None }
    }

    /// A protocol that is spoken both ways.
    pub fn both(codec: impl Codec + ServerCodec + Clone) -> Self {
        Self { codec: Box::new(codec.clone()), server: Some(Box::new(codec)) }
    }

    /// Towards providers.
    pub fn codec(&self) -> &dyn Codec {
        &*self.codec
    }

    /// Towards callers.
    pub fn server(&self) -> Option<&dyn ServerCodec> {
        self.server.as_deref()
    }

    /// Feeds `data`. The first byte says what the rest is: `0` a request, `1` an answer, `2` a stream, `3` an error; the
    /// second one how it is read.
    ///
    /// # Panics
    /// When a decoder does, and when a stream that is cut otherwise is another.
    pub fn feed(&self, data: &[u8]) {
        let [kind, seed, rest @ ..] = data else { return };
        match kind % 4 {
            0 => self.request(*seed, rest),
            1 => self.answer(*seed, rest),
            2 => self.stream(*seed, rest),
            _ => drop(self.codec.error(400 + u16::from(*seed), rest)),
        }
    }

    fn request(&self, seed: u8, body: &[u8]) {
        const PATHS: [&str; 4] = [
            "/models/m:generateContent",
            "/models/m:streamGenerateContent?alt=sse",
            "/model/m/converse",
            "/model/m/converse-stream",
        ];
        let request = match &self.server {
            Some(server) => server.decode_request(PATHS[usize::from(seed % 4)], body).ok(),
            None => serde_json::from_slice::<ChatRequest>(body).ok(),
        };
        let Some(request) = request else { return };
        let mut losses = if seed & 0x80 == 0 { Losses::noted() } else { Losses::refused() };
        drop((self.codec.route(&request), self.codec.headers(&request)));
        drop(self.codec.encode(&request, &mut losses));
    }

    fn answer(&self, seed: u8, body: &[u8]) {
        let request = asked(seed, Delivery::Whole);
        let answer = self.codec.decode(&request, &Bytes::copy_from_slice(body));
        let (Ok(answer), Some(server)) = (answer, &self.server) else { return };
        let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
        drop(server.encode_response(&to, &answer, &mut Losses::noted()));
    }

    fn stream(&self, seed: u8, stream: &[u8]) {
        let request = asked(seed, Delivery::Live);
        let whole = Bytes::copy_from_slice(stream);
        let at_once = self.events(&request, std::iter::once(whole.clone()));
        let cut = self.events(&request, chunks(&whole, seed));
        assert_eq!(at_once, cut, "cut otherwise, the stream is another");

        let (mut fold, mut out, mut losses) = (Fold::default(), Vec::new(), Losses::noted());
        let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
        let mut encoder = self.server.as_ref().map(|server| server.encoder(&to));
        for event in at_once.0 {
            let written =
                encoder.as_mut().map_or(Ok(()), |encoder| encoder.push(&event, &mut out, &mut losses));
            out.clear();
            if fold.push(event).and(written).is_err() {
                return;
            }
        }
        drop(fold.finish());
    }

    /// The events of a stream, and what was wrong with it.
    fn events(
        &self,
        request: &ChatRequest,
        chunks: impl Iterator<Item = Bytes>,
    ) -> (VecDeque<ChatEvent>, Option<String>) {
        match self.codec.framing() {
            Framing::ServerSentEvents => self.framed::<SseDecoder>(request, chunks),
            Framing::Lines => self.framed::<LineDecoder>(request, chunks),
            // Binary frames have a target of their own; here a line is one, of a name, a tab and the data.
            _ => self.framed::<LineDecoder>(request, chunks),
        }
    }

    fn framed<F: Framer>(
        &self,
        request: &ChatRequest,
        chunks: impl Iterator<Item = Bytes>,
    ) -> (VecDeque<ChatEvent>, Option<String>) {
        let named = !matches!(self.codec.framing(), Framing::ServerSentEvents | Framing::Lines);
        let (mut framer, mut decode) = (F::new(LIMIT), self.codec.decoder(request));
        let (mut frames, mut events) = (VecDeque::new(), VecDeque::new());
        let mut take = |frames: &mut VecDeque<RawFrame>, events: &mut VecDeque<ChatEvent>| {
            frames.drain(..).try_for_each(|frame| {
                let before = events.len();
                let (name, data) = match frame.data.iter().position(|byte| *byte == b'\t' && named) {
                    Some(tab) => (frame.data.slice(..tab), frame.data.slice(tab + 1..)),
                    None => (frame.name.clone(), frame.data.clone()),
                };
                let name = std::str::from_utf8(&name).unwrap_or_default();
                let read = decode(Some(Frame { name, data: &data }), events);
                let made = events.len() - before;
                assert!(made <= 64 + data.len(), "{made} events of {} bytes", data.len());
                read
            })
        };
        for chunk in chunks {
            let pushed = framer.push(&chunk, &mut frames);
            if let Err(error) = take(&mut frames, &mut events).and(pushed) {
                return (events, Some(error.to_string()));
            }
        }
        framer.end(&mut frames);
        let read = take(&mut frames, &mut events);
        let ended = read.and_then(|()| decode(None, &mut events));
        (events, ended.err().map(|error| error.to_string()))
    }
}

/// The request that an answer is read in the light of: each bit of `seed` asks for something that may be emulated.
fn asked(seed: u8, delivery: Delivery) -> ChatRequest {
    let mut request = ChatRequest::from_prompt("hello").with_delivery(delivery);
    request.model = "m".try_into().ok();
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    if seed & 1 != 0 {
        request.tools = vec![Tool::new("answer", schema.clone())];
    }
    if seed & 2 != 0 {
        request.response_format = Some(ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            description: None,
            schema,
            strict: Some(true),
        });
    }
    if seed & 4 != 0 {
        request.reasoning = Some(ReasoningOptions::default());
    }
    request
}
