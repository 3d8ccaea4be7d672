//! A whole provider: a protocol's codec at an endpoint.

use std::sync::Arc;

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Codec, Delivery, EndpointId, Error, ErrorKind,
    Framing, ModelName, Native, Provider, Result, async_trait,
};

use crate::{
    Endpoint, Response,
    exchange::{failure, identified, no_json, nothing, request_id},
    frames::FrameDecoder,
    hygiene::cleaned,
    live::{LiveBody, Source},
    quota::rate_limits,
};

/// A provider that speaks a protocol over HTTP.
#[derive(Debug)]
pub struct HttpProvider<C> {
    name: &'static str,
    endpoint: Endpoint,
    codec: C,
}

impl<C: Codec> HttpProvider<C> {
    /// A provider of the name `gen_ai.provider.name` that speaks `codec` at `endpoint`.
    pub fn new(name: &'static str, endpoint: Endpoint, codec: C) -> Self {
        Self { name, endpoint, codec }
    }

    fn clean(&self, error: Error, request: &ChatRequest) -> Error {
        cleaned(error, request, self.endpoint.secret())
    }

    /// Reads an answer of a good status; which form it has is up to the server, whatever was asked for.
    async fn answer(&self, request: Arc<ChatRequest>, passes: bool, response: Response) -> Result<ChatReply> {
        let protocol = self.codec.protocol();
        let said = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let live = request.delivery == Delivery::Live;
        let said_stream = said.starts_with("text/event-stream");
        let said_messages = said.starts_with("application/vnd.amazon.eventstream");
        let request_id = request_id(&response);
        let limits = self.endpoint.limits();
        let framing = self.codec.framing();
        // What a stream may hold bounds a whole answer too, until it is known which of them came.
        let mut body = response.into_body().limited(limits.stream.max(limits.body));
        let first = body.first_byte().await?;
        // Lines are JSON too, so only the server's own word or the question tells them from a whole answer.
        let said_lines = said.contains("ndjson") || said.contains("jsonl");
        let asked_for_lines = live && !said.starts_with("application/json") && first == Some(b'{');
        let lines = framing == Framing::Lines && (said_lines || asked_for_lines);
        // The first byte of a message's length, which is never so large that it is an opening brace.
        let asked_for_messages = live && said.is_empty() && first == Some(0);
        let messages = framing == Framing::AwsEventStream && (said_messages || asked_for_messages);
        match first {
            Some(b'{' | b'[') if !lines => {
                let body = body.read(limits.body).await?;
                match self.codec.decode(&request, &body) {
                    Ok(mut answer) => {
                        answer.request_id = answer.request_id.or(request_id);
                        answer.origin = Some(protocol);
                        answer.native = passes.then(|| Native::new(protocol, body));
                        Ok(ChatReply::whole(answer))
                    }
                    Err(error) => Err(self.clean(error, &request).with_body(body)),
                }
            }
            Some(first)
                if lines || messages || (said_stream && first != b'<') || body.looks_like_events() =>
            {
                let secret = self.endpoint.secret().cloned();
                Ok(ChatReply::live(LiveBody::new(
                    body.limited(limits.stream),
                    self.codec.decoder(&request),
                    FrameDecoder::new(framing, limits.frame),
                    Source { protocol, passes },
                    request,
                    secret,
                    request_id,
                )))
            }
            None if said_stream || lines || messages => {
                Err(Error::new(ErrorKind::Interrupted, "the stream ended before its first event"))
            }
            None => Err(nothing()),
            Some(_) => Err(self.clean(no_json("neither JSON nor a stream of events", &said), &request)),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a method that core adds must be thought about here")]
impl<C: Codec> Provider for HttpProvider<C> {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.codec.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new(self.endpoint.address().host_and_port(), self.endpoint.secret()))
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let mut losses = cx.losses();
        let native = request.native_in(self.codec.protocol());
        let native = native.and_then(|native| self.codec.native(&request, native));
        let passes = native.is_some();
        let body = match native {
            Some(body) => body,
            None => self.codec.encode(&request, &mut losses).map_err(Error::unsent)?,
        };
        cx.report_losses(&losses);
        let (route, headers) = (self.codec.route(&request), self.codec.headers(&request));
        let response = self.endpoint.post_json(route.as_ref(), &headers, body).await?;
        cx.report_rate_limits(&rate_limits(&response, cx.clock().now()));
        let id = request_id(&response);
        match response.is_success() {
            true => self.answer(request, passes, response).await.map_err(|error| identified(error, id)),
            false => {
                let live = request.delivery == Delivery::Live;
                let first_event = cx.limits().first_event.filter(|_| live);
                let read = |status, body: &[u8]| {
                    self.clean(self.codec.error(status, body).with_status(status), &request)
                };
                Err(failure(cx, &self.endpoint, response, first_event, read).await)
            }
        }
    }
}
