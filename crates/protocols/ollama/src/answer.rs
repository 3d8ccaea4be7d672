//! The JSON of answers: a whole one and each line of a stream have one form.

use std::borrow::Cow;

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, FinishReason, Result, ToolCall, Usage};
use ultraai_protocol_common::{FunctionCall, Number, Text, Unknown, object};

use crate::{NAME, id, logprobs::Logprobs};

object! {
    /// A whole answer, or the last line of a stream.
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) model: Text<'a> = "model",
        pub(crate) message: Option<Message<'a>> = "message",
        pub(crate) done: Option<bool> = "done",
        pub(crate) done_reason: Text<'a> = "done_reason",
        pub(crate) prompt_eval_count: Number = "prompt_eval_count",
        pub(crate) prompt_eval_cached_count: Number = "prompt_eval_cached_count",
        pub(crate) eval_count: Number = "eval_count",
        pub(crate) logprobs: Logprobs = "logprobs",
        pub(crate) error: Option<Value> = "error",
    }
    known: ;
    others: pub(crate) others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) content: Text<'a> = "content",
        pub(crate) thinking: Text<'a> = "thinking",
        pub(crate) tool_calls: Vec<FunctionCall<'a>> = "tool_calls",
    }
    known: "role";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// A line in the middle of a stream.
    #[derive(Debug, Default)]
    pub(crate) struct Line<'a> {
        pub(crate) model: Text<'a> = "model",
        pub(crate) created_at: Text<'a> = "created_at",
        pub(crate) message: Option<LineMessage<'a>> = "message",
        pub(crate) done: Option<bool> = "done",
        pub(crate) logprobs: Logprobs = "logprobs",
        pub(crate) error: Option<Value> = "error",
    }
    known: ;
    others: pub(crate) unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct LineMessage<'a> {
        pub(crate) content: Text<'a> = "content",
        pub(crate) thinking: Text<'a> = "thinking",
        pub(crate) tool_calls: Vec<FunctionCall<'a>> = "tool_calls",
    }
    known: "role";
    others: pub(crate) unknown: Unknown;
}

/// The call, which is the one of this number in an answer made at `created_at`; older servers give it no id.
///
/// # Errors
/// `Undecodable` without a name.
pub(crate) fn numbered(call: FunctionCall<'_>, created_at: &str, index: u32) -> Result<ToolCall> {
    call.into_call(NAME, || id::of_an_answer(created_at, index))
}

impl Answer<'_> {
    /// The usage; `None` where one of the counts is missing. Servers before 0.2 leave out that of a prompt which they
    /// had in their cache, and zero would be a lie.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let mut usage = Usage::reported(self.prompt_eval_count.0?, self.eval_count.0?);
        usage.cache_read = self.prompt_eval_cached_count.0;
        Some(usage)
    }

    /// When the answer was made, in the server's words.
    pub(crate) fn created_at(&self) -> Cow<'_, str> {
        self.others.get("created_at").and_then(Value::as_str).unwrap_or_default().into()
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
            // Words that servers of other makers use, and this crate where it has to say so.
            "tool_calls" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            reason @ ("load" | "unload") => {
                let message = format!("the server only did what it calls `{reason}` and answered nothing");
                return Err(Error::new(ErrorKind::EmptyAnswer, message));
            }
            // The answer has come to its end, but nobody said why.
            "" => FinishReason::Other("unknown".into()),
            other => FinishReason::Other(other.to_owned()),
        })
    }

    /// What nobody else takes: the fields beside those that are read, and those of the message.
    pub(crate) fn take_raw(&mut self, of_the_message: Map<String, Value>) -> Map<String, Value> {
        let mut raw = std::mem::take(&mut self.others);
        if !of_the_message.is_empty() {
            raw.insert("message".to_owned(), Value::Object(of_the_message));
        }
        // Half a count is no usage, and is kept.
        if self.usage().is_none() {
            let counts = [
                ("prompt_eval_count", self.prompt_eval_count),
                ("prompt_eval_cached_count", self.prompt_eval_cached_count),
                ("eval_count", self.eval_count),
            ];
            let counts =
                counts.into_iter().filter_map(|(key, count)| Some((key.to_owned(), count.0?.into())));
            raw.extend(counts);
        }
        raw
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
        assert_eq!(usage(r#"{"prompt_eval_count":"5","eval_count":7.0}"#).unwrap().input_tokens, 5);
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
