//! A whole provider: a protocol's codec at an endpoint.

use std::{sync::Arc, time::Duration};

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Codec, Delivery, EndpointId, Error, ErrorKind,
    Framing, ModelName, Provider, Result, async_trait,
};

use crate::{
    Endpoint, Response, delay::retry_after, frames::FrameDecoder, hygiene::cleaned, live::LiveBody,
    quota::rate_limits,
};

/// How long the body of an error is waited for at most: its status says most of it.
const ERROR_BODY_TIME: Duration = Duration::from_secs(2);

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

    async fn failure(&self, cx: &CallContext, request: &ChatRequest, response: Response) -> Error {
        let status = response.status();
        let delay = retry_after(&response, cx.clock().now());
        let request_id = request_id(&response);
        let time = error_body_time(cx, request.delivery);
        let body = response.into_body().read_start(self.endpoint.limits().error_body, time).await;
        let error = self.clean(self.codec.error(status, &body).with_status(status), request);
        let error = match delay {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        };
        identified(error.with_body(body), request_id)
    }

    fn clean(&self, error: Error, request: &ChatRequest) -> Error {
        cleaned(error, request, self.endpoint.secret())
    }

    /// Reads an answer of a good status; which form it has is up to the server, whatever was asked for.
    async fn answer(&self, request: Arc<ChatRequest>, response: Response) -> Result<ChatReply> {
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
                    request,
                    secret,
                    request_id,
                )))
            }
            None if said_stream || lines || messages => {
                Err(Error::new(ErrorKind::Interrupted, "the stream ended before its first event"))
            }
            None => Err(Error::new(ErrorKind::EmptyAnswer, "the provider answered with an empty body")),
            Some(_) => {
                let form = if said.is_empty() { "of no named type" } else { said.as_str() };
                let message =
                    format!("the answer is neither JSON nor a stream of events ({form}): check `base_url`");
                Err(self.clean(Error::new(ErrorKind::Undecodable, message), &request))
            }
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
        let body = self.codec.encode(&request, &mut losses).map_err(Error::unsent)?;
        cx.report_losses(&losses);
        let (route, headers) = (self.codec.route(&request), self.codec.headers(&request));
        let response = self.endpoint.post_json(route.as_ref(), &headers, body).await?;
        cx.report_rate_limits(&rate_limits(&response, cx.clock().now()));
        let id = request_id(&response);
        match response.is_success() {
            true => self.answer(request, response).await.map_err(|error| identified(error, id)),
            false => Err(self.failure(cx, &request, response).await),
        }
    }
}

/// A third of the shortest limit: a body that hangs must not make a timeout of what the status has said.
fn error_body_time(cx: &CallContext, delivery: Delivery) -> Duration {
    let limits = cx.limits();
    let first_event = limits.first_event.filter(|_| delivery == Delivery::Live);
    let shortest = [cx.remaining_until_content(), limits.attempt, first_event].into_iter().flatten().min();
    shortest.map_or(ERROR_BODY_TIME, |limit| ERROR_BODY_TIME.min(limit / 3))
}

fn request_id(response: &Response) -> Option<String> {
    let names = ["x-request-id", "request-id", "x-amzn-requestid"];
    let id = names.into_iter().find_map(|name| response.header(name))?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn identified(error: Error, request_id: Option<String>) -> Error {
    match request_id {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}
