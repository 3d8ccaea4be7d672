//! Probabilities of tokens.

use serde::{Deserialize, Serialize};
use ultraai_core::TokenLogprob;
use ultraai_protocol_common::Source;

#[derive(Deserialize)]
struct Body {
    content: Option<Vec<Token>>,
    refusal: Option<Vec<Token>>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
struct Token {
    token: String,
    logprob: f64,
    bytes: Option<Vec<u8>>,
    top_logprobs: Option<Vec<Token>>,
}

/// Reads the object `logprobs`; one of another form, such as that of the older completions, is nothing.
pub(crate) fn read(source: Source<'_>) -> Vec<TokenLogprob> {
    let object = source.0.filter(|raw| raw.get().starts_with('{'));
    let body = object.and_then(|raw| serde_json::from_str::<Body>(raw.get()).ok());
    let lists = body.into_iter().flat_map(|body| [body.content, body.refusal]);
    lists.flatten().flatten().map(token).collect()
}

fn token(Token { token: text, logprob, bytes, top_logprobs }: Token) -> TokenLogprob {
    let mut read = TokenLogprob::default();
    (read.token, read.logprob, read.bytes) = (text, logprob, bytes);
    read.top_logprobs = top_logprobs.into_iter().flatten().map(token).collect();
    read
}

#[derive(Serialize)]
struct Written<'a> {
    token: &'a str,
    logprob: f64,
    bytes: Option<&'a [u8]>,
    top_logprobs: Vec<Written<'a>>,
}

/// The entries of `logprobs.content`.
pub(crate) fn write(tokens: &[TokenLogprob]) -> impl Serialize {
    fn written(token: &TokenLogprob) -> Written<'_> {
        Written {
            token: &token.token,
            logprob: token.logprob,
            bytes: token.bytes.as_deref(),
            top_logprobs: token.top_logprobs.iter().map(written).collect(),
        }
    }
    tokens.iter().map(written).collect::<Vec<_>>()
}
