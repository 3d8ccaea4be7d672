//! Writes answers for callers.

mod stream;
mod write;

use serde_json::{Map, Value};
use ultraai_core::{Answering, ChatResponse, Choice, Losses, Part, Result, TokenLogprob};
use ultraai_protocol_common::{Joined, Lossy, ObjectWriter, openai_tier};

pub(crate) use self::stream::Encoder;
use self::write::{self as pieces, Besides};
use crate::{Dialect, NAME, audio, logprobs, state, usage};

/// Writes a whole answer.
pub(crate) fn encode_response(
    dialect: &'static Dialect,
    to: &Answering<'_>,
    answer: &ChatResponse,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    let mut lossy = Lossy::new(NAME, losses);
    let besides = answer.raw_of(NAME).map(Besides::of).unwrap_or_default();
    let mut out = Vec::with_capacity(512);
    let mut top = ObjectWriter::new(&mut out);
    top.field("id", &pieces::id(to.id));
    top.field("object", "chat.completion");
    top.field("created", &to.created);
    top.field("model", pieces::model(answer.model.as_deref(), to.request));
    {
        let mut list = top.list("choices");
        let first = One {
            index: 0,
            content: &answer.content,
            logprobs: &answer.logprobs,
            finish_reason: usage::word(&answer.finish_reason, answer.origin),
            stop_sequence: answer.stop_sequence.as_deref(),
            choice: besides.choice,
            message: besides.message,
        };
        first.write(dialect, &mut list.object(), &mut lossy)?;
        for (index, Choice { content, logprobs, finish_reason, .. }) in (1..).zip(&answer.alternatives) {
            let (stop_sequence, choice, message) = (None, None, None);
            let finish_reason = usage::word(finish_reason, answer.origin);
            let other = One { index, content, logprobs, finish_reason, stop_sequence, choice, message };
            other.write(dialect, &mut list.object(), &mut lossy)?;
        }
    }
    if let Some(counted) = &answer.usage {
        usage::write(&mut top.object("usage"), counted, besides.usage);
    }
    top.optional("service_tier", answer.service_tier.as_deref().map(openai_tier).as_ref());
    top.entries(besides.top());
    drop(top);
    Ok(out)
}

/// One of the choices.
struct One<'a> {
    index: u32,
    content: &'a [Part],
    logprobs: &'a [TokenLogprob],
    finish_reason: &'a str,
    stop_sequence: Option<&'a str>,
    choice: Option<&'a Map<String, Value>>,
    message: Option<&'a Map<String, Value>>,
}

impl One<'_> {
    fn write(&self, dialect: &Dialect, object: &mut ObjectWriter<'_>, lossy: &mut Lossy<'_>) -> Result<()> {
        object.field("index", &self.index);
        self.message(dialect, &mut object.object("message"), lossy)?;
        if !self.logprobs.is_empty() {
            let mut inner = object.object("logprobs");
            inner.field("content", &logprobs::write(self.logprobs));
            inner.field("refusal", &());
        } else if self.choice.is_none_or(|choice| !choice.contains_key("logprobs")) {
            object.field("logprobs", &());
        }
        object.field("finish_reason", self.finish_reason);
        object.optional("stop_reason", self.stop_sequence);
        object.entries(self.choice.into_iter().flatten());
        Ok(())
    }

    fn message(&self, dialect: &Dialect, object: &mut ObjectWriter<'_>, lossy: &mut Lossy<'_>) -> Result<()> {
        let content = self.content;
        let has = |wanted: fn(&Part) -> bool| content.iter().any(wanted);
        let text = content.iter().filter_map(Part::as_text);
        let refusal = content.iter().filter_map(|part| match part {
            Part::Refusal { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let reasoning = content.iter().filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(reasoning),
            _ => None,
        });
        object.field("role", "assistant");
        match has(|part| matches!(part, Part::Text { .. })) {
            true => object.field("content", &Joined(text)),
            false => object.field("content", &()),
        }
        match has(|part| matches!(part, Part::Refusal { .. })) {
            true => object.field("refusal", &Joined(refusal)),
            false => object.field("refusal", &()),
        }
        if has(|part| matches!(part, Part::Reasoning(it) if !it.text.is_empty())) {
            object.field("reasoning_content", &Joined(reasoning.clone().map(|it| it.text.as_str())));
        }
        let details: Vec<_> =
            reasoning.filter_map(|it| it.state.as_ref()).flat_map(state::to_details).collect();
        object.optional("reasoning_details", Some(details).filter(|details| !details.is_empty()));
        let (mut annotations, mut images, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = 0;
        for (at, part) in content.iter().enumerate() {
            pieces::notes(lossy, at, part)?;
            for citation in part.notes().into_iter().flat_map(|notes| &notes.citations) {
                annotations.extend(pieces::citation(lossy, at, citation, before)?);
            }
            match part {
                Part::Text { text, .. } => before += text.chars().count() as u64,
                Part::Refusal { .. } | Part::Reasoning(_) => {}
                Part::ToolCall(call) => calls.push(pieces::call(dialect, call)),
                Part::Vendor(state) if pieces::is_call(state) => calls.push(state.data.clone()),
                part if audio::of(part).is_some() => {}
                Part::Image(media) if pieces::image(media).is_some() => images.extend(pieces::image(media)),
                part => lossy.part(format_args!("content[{at}]"), part)?,
            }
        }
        object.optional("annotations", Some(annotations).filter(|list| !list.is_empty()));
        object.optional("images", Some(images).filter(|list| !list.is_empty()));
        object.optional("audio", audio::joined(content));
        object.optional("tool_calls", Some(calls).filter(|list| !list.is_empty()));
        object.entries(self.message.into_iter().flatten());
        Ok(())
    }
}
