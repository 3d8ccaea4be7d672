//! A whole embedder: a protocol's codec at an endpoint.

use ultraai_core::{
    CallContext, ChatResponse, Embedder, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse,
    EndpointId, Error, ErrorKind, Result, Usage, async_trait,
};

use crate::{
    Endpoint,
    exchange::{identified, whole, within},
    hygiene::cleaned_of,
};

/// An embedder that speaks a protocol over HTTP.
///
/// More inputs than the vendor takes at once go in several exchanges, one after the other, so that one request makes no burst
/// that runs into a rate limit. The first that fails ends it, with its own error; what the ones before used stands in
/// [`Error::partial`].
#[derive(Debug)]
pub struct HttpEmbedder<C> {
    name: &'static str,
    endpoint: Endpoint,
    codec: C,
}

impl<C: EmbeddingCodec> HttpEmbedder<C> {
    /// An embedder of the name `gen_ai.provider.name` that speaks `codec` at `endpoint`.
    pub fn new(name: &'static str, endpoint: Endpoint, codec: C) -> Self {
        Self { name, endpoint, codec }
    }

    /// The vectors of `input`, whose first stands at `first` in the request, in one exchange.
    async fn exchange(
        &self,
        cx: &CallContext,
        request: &EmbeddingRequest,
        (first, input): (usize, &[EmbeddingInput]),
        body: Vec<u8>,
    ) -> Result<EmbeddingResponse> {
        let clean = |error| {
            cleaned_of(error, input.iter().filter_map(EmbeddingInput::as_text), self.endpoint.secret())
        };
        let response = self.endpoint.post_json(self.codec.route(request).as_ref(), &[], body).await?;
        let tokens = self.codec.usage_header().and_then(|name| response.header(name)?.trim().parse().ok());
        let failed = |status, body: &[u8]| clean(self.codec.error(status, body).with_status(status));
        let (body, id) = whole(cx, &self.endpoint, response, failed).await?;
        let read = self.codec.decode(request, &body).and_then(|answer| counted(answer, first, input.len()));
        match read {
            Ok(mut answer) => {
                answer.request_id = answer.request_id.or(id);
                answer.usage = answer.usage.or(tokens.map(|tokens| Usage::reported(tokens, 0)));
                Ok(answer)
            }
            Err(error) => Err(identified(clean(error).with_body(body), id)),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a method that core adds must be thought about here")]
impl<C: EmbeddingCodec> Embedder for HttpEmbedder<C> {
    fn name(&self) -> &str {
        self.name
    }

    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new(self.endpoint.address().host_and_port(), self.endpoint.secret()))
    }

    async fn embed(&self, cx: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        if request.input.is_empty() {
            let message = "there is nothing to embed: `input` is empty";
            return Err(Error::new(ErrorKind::InvalidRequest, message).unsent());
        }
        let batches = self.codec.batch(request).batches(&request.input);
        // Whether all can be said is known before anything is sent.
        let mut bodies = Vec::with_capacity(batches.len());
        for (at, input) in batches.iter().enumerate() {
            let mut losses = cx.losses();
            bodies.push(self.codec.encode(request, input, &mut losses).map_err(Error::unsent)?);
            // What cannot be said is the same in each of them, and is told once.
            if at == 0 {
                cx.report_losses(&losses);
            }
        }
        let (mut first, mut all) = (0, None::<EmbeddingResponse>);
        for (input, body) in batches.into_iter().zip(bodies) {
            let answered = within(cx, self.exchange(cx, request, (first, input), body)).await;
            first += input.len();
            all = Some(match (all, answered) {
                (None, Ok(first)) => first,
                (Some(before), Ok(next)) => before.followed_by(next),
                (None, Err(error)) => return Err(error),
                (Some(before), Err(error)) => return Err(paid(error, before.usage)),
            });
        }
        Ok(all.unwrap_or_default())
    }
}

/// Checks that there are as many vectors as inputs, all of one length.
fn counted(answer: EmbeddingResponse, first: usize, inputs: usize) -> Result<EmbeddingResponse> {
    let vectors = answer.embeddings.len();
    if vectors != inputs {
        let message = format!("the answer holds {vectors} vectors for {inputs} inputs");
        return Err(Error::new(ErrorKind::Undecodable, message));
    }
    match answer.embeddings.iter().position(Vec::is_empty) {
        Some(at) => {
            let message = format!("the vector of `input[{}]` is empty", first + at);
            Err(Error::new(ErrorKind::EmptyAnswer, message))
        }
        None => {
            match answer.embeddings.iter().position(|vector| vector.len() != answer.embeddings[0].len()) {
                Some(at) => {
                    let message =
                        format!("the vector of `input[{}]` has another length than the first", first + at);
                    Err(Error::new(ErrorKind::Undecodable, message))
                }
                None => Ok(answer),
            }
        }
    }
}

/// The error of a later exchange, with what the ones before used: it is paid for.
fn paid(error: Error, usage: Option<Usage>) -> Error {
    match usage {
        Some(usage) => error.with_partial(ChatResponse::default().with_usage(usage)),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_different_lengths_are_no_answer() {
        let answer = |lengths: &[usize]| {
            EmbeddingResponse::new(lengths.iter().map(|length| vec![0.5; *length]).collect())
        };
        assert!(counted(answer(&[2, 2]), 0, 2).is_ok());
        let error = counted(answer(&[2, 3]), 4, 2).unwrap_err();
        assert!(error.kind() == ErrorKind::Undecodable && error.message().contains("`input[5]`"), "{error}");
    }
}
