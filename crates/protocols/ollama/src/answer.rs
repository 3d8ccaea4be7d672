//! The JSON of answers: a whole one and each line of a stream have one form.

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::{Number, Text};

/// A whole answer, or one line of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Answer<'a> {
    pub(crate) model: Text<'a>,
    pub(crate) message: Option<Message<'a>>,
    pub(crate) done: Option<bool>,
    pub(crate) done_reason: Text<'a>,
    prompt_eval_count: Number,
    prompt_eval_cached_count: Number,
    eval_count: Number,
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Message<'a> {
    pub(crate) content: Text<'a>,
    pub(crate) thinking: Text<'a>,
    pub(crate) tool_calls: Option<Vec<Call<'a>>>,
}

/// A tool call, which comes in one piece. Older servers give it no id.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Call<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) function: Function<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Function<'a> {
    pub(crate) name: Text<'a>,
    arguments: Value,
}

impl Function<'_> {
    /// The arguments as JSON text.
    pub(crate) fn arguments(&mut self) -> String {
        match self.arguments.take() {
            Value::Null => String::new(),
            Value::String(text) => text,
            value => value.to_string(),
        }
    }
}

impl Answer<'_> {
    /// The usage; `None` where one of the counts is missing. Servers before 0.2 leave out that of a prompt which they
    /// had in their cache, and zero would be a lie.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let mut usage = Usage::reported(self.prompt_eval_count.0?, self.eval_count.0?);
        usage.cache_read = self.prompt_eval_cached_count.0;
        Some(usage)
    }

    /// Why the answer ended; `calls` says whether it asks for tools.
    ///
    /// # Errors
    /// `EmptyAnswer` where the server only loaded or unloaded the model.
    pub(crate) fn finish_reason(&self, calls: bool) -> Result<FinishReason> {
        Ok(match self.done_reason.as_str() {
            // It says `stop` where a model waits for its tools.
            "stop" if calls => FinishReason::ToolCalls,
            "stop" => FinishReason::Stop,
            "length" => FinishReason::Length,
            reason @ ("load" | "unload") => {
                let message = format!("the server only did what it calls `{reason}` and answered nothing");
                return Err(Error::new(ErrorKind::EmptyAnswer, message));
            }
            // The answer has come to its end, but nobody said why.
            "" => FinishReason::Other("unknown".into()),
            other => FinishReason::Other(other.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Option<Usage> {
        serde_json::from_str::<Answer<'_>>(json).unwrap().usage()
    }

    #[test]
    fn half_a_count_is_no_count() {
        let both = usage(r#"{"prompt_eval_count":5,"prompt_eval_cached_count":2,"eval_count":7}"#).unwrap();
        assert_eq!((both.input_tokens, both.output_tokens, both.cache_read), (5, 7, Some(2)));
        assert_eq!(usage(r#"{"eval_count":7}"#), None);
        assert_eq!(usage(r#"{"prompt_eval_count":5}"#), None);
    }

    #[test]
    fn the_reasons_are_those_of_the_vocabulary() {
        let reason = |word: &str, calls| {
            let answer = Answer { done_reason: serde_json::from_str(word).unwrap(), ..Answer::default() };
            answer.finish_reason(calls).map_err(|error| error.kind())
        };
        assert_eq!(reason("\"stop\"", false), Ok(FinishReason::Stop));
        assert_eq!(reason("\"stop\"", true), Ok(FinishReason::ToolCalls));
        assert_eq!(reason("\"length\"", true), Ok(FinishReason::Length));
        assert_eq!(reason("\"new\"", false), Ok(FinishReason::Other("new".into())));
        assert_eq!(reason("null", false), Ok(FinishReason::Other("unknown".into())));
        assert_eq!(reason("\"load\"", false), Err(ErrorKind::EmptyAnswer));
    }
}
