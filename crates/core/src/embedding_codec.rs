//! What a protocol makes of requests for vectors and their answers, without I/O.

use std::fmt;

use crate::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Error, Losses, Result, Route};

/// A protocol of embeddings, as a transport wants it: the counterpart of [`Codec`](crate::Codec).
pub trait EmbeddingCodec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name, as in [`EmbeddingRequest::origin`].
    fn protocol(&self) -> &'static str;

    /// How much of `request` goes in one exchange.
    fn batch(&self, request: &EmbeddingRequest) -> BatchLimits;

    /// Where below its address the request goes. Default: the address itself.
    fn route(&self, _: &EmbeddingRequest) -> Option<Route> {
        None
    }

    /// The header that counts the tokens of the request, where the body does not. Default: none.
    fn usage_header(&self) -> Option<&'static str> {
        None
    }

    /// The body that asks for the vectors of `input`, which are some of those of `request` or all. What the protocol cannot say
    /// goes to [`Losses::lose`].
    ///
    /// # Errors
    /// `Unsupported`, which names what the protocol cannot send.
    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>>;

    /// Reads an answer of a status that says success; it may hold an error all the same. Whether there are as many vectors as
    /// inputs is the transport's to check.
    ///
    /// # Errors
    /// What the answer says, or `Undecodable`.
    fn decode(&self, request: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse>;

    /// What a status that says failure means, with the body that came with it.
    fn error(&self, status: u16, body: &[u8]) -> Error;
}

/// A protocol of embeddings as those who call a server speak it: the other direction of [`EmbeddingCodec`]. Its errors are
/// written as those of the chat at the same address, by [`ServerCodec::encode_error`](crate::ServerCodec::encode_error).
pub trait EmbeddingServerCodec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name, as in [`EmbeddingRequest::origin`].
    fn protocol(&self) -> &'static str;

    /// Reads a request. `path` is where it was sent, for protocols that say the model there. Nothing is lost: what the
    /// vocabulary has no words for stands in `extra`.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place, such as `input[2]`.
    fn decode_request(&self, path: &str, body: &[u8]) -> Result<EmbeddingRequest>;

    /// Writes an answer to `request`. What the protocol cannot say goes to [`Losses::lose`].
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    fn encode_response(
        &self,
        request: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>>;
}

/// How much goes in one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Inputs, at least one.
    pub inputs: usize,
    /// Bytes of all inputs together; one that is longer goes alone. A token is at least a byte, so that this keeps to a
    /// vendor's limit of tokens too.
    pub bytes: usize,
}

impl BatchLimits {
    /// So many inputs, however long they are.
    pub const fn inputs(inputs: usize) -> Self {
        Self { inputs, bytes: usize::MAX }
    }

    /// The inputs as they go together, in their order. None at all make one batch of none, so that the vendor says what it
    /// thinks of that.
    pub fn batches(self, input: &[EmbeddingInput]) -> Vec<&[EmbeddingInput]> {
        let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0_usize);
        for (at, one) in input.iter().enumerate() {
            let size = match one {
                EmbeddingInput::Text(text) => text.len(),
                EmbeddingInput::Tokens(tokens) => tokens.len(),
            };
            let is_full = at - start >= self.inputs.max(1) || bytes.saturating_add(size) > self.bytes;
            if is_full && at > start {
                batches.push(&input[start..at]);
                (start, bytes) = (at, 0);
            }
            bytes = bytes.saturating_add(size);
        }
        batches.push(&input[start..]);
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_of_inputs_or_of_bytes() {
        let input: Vec<EmbeddingInput> = ["aa", "bb", "cccccccc", "d", "e", "f"].map(Into::into).into();
        let sizes = |inputs, bytes| {
            let batches = BatchLimits { inputs, bytes }.batches(&input);
            assert_eq!(batches.concat(), input);
            batches.into_iter().map(<[_]>::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(2, usize::MAX), [2, 2, 2]);
        assert_eq!(sizes(4, usize::MAX), [4, 2]);
        assert_eq!(sizes(100, 4), [2, 1, 3]);
        assert_eq!(sizes(2, 4), [2, 1, 2, 1]);
        assert_eq!(sizes(0, 0), [1; 6]);
        assert_eq!(BatchLimits::inputs(9).batches(&[]), [&[] as &[EmbeddingInput]]);
    }
}
