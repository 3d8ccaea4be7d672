//! A request that came in this protocol, sent on as it came.

use serde_json::Value;
use ultraai_core::{ChatRequest, Delivery, Losses, MediaSource, Message, Native, Part, Role, ToolChoice};
use ultraai_protocol_common::Splice;

use super::{
    MAX_BODY, Target, answer_tool,
    blocks::{arguments, identifier, own},
    is_blank, media,
    thinking::{Plan, Thinking},
};
use crate::{NAME, VENDOR, VERTEX_VERSION, answer::SIGNATURE, family::Traits, json::Json};

/// The body as it came, but for the model and the delivery, and the version where Vertex AI wants it. `None` where
/// [`encode`](super::encode) would say something otherwise, or refuse it: what this model has no words for is emulated, and an
/// answer read with that in mind.
pub(crate) fn native(request: &ChatRequest, native: &Native, vertex: bool) -> Option<Vec<u8>> {
    let model = request.model.as_ref()?;
    // The protocol demands an upper bound of the answer.
    let max_tokens = request.max_tokens?;
    if request.origin != Some(NAME) || native.body.len() > MAX_BODY || answer_tool(request).is_some() {
        return None;
    }
    let target = Target { traits: Traits::of(model), vertex, own: true };
    let mut losses = Losses::refused();
    let plan = Plan::of(request, &target, max_tokens, false, &mut losses).ok()?;
    let mut fields = Splice::of(&native.body)?;
    let is_so = losses.as_slice().is_empty()
        && samples_so(request, &plan)
        && thinks_so(&fields, &plan)
        && calls_so(request, &target, &plan)
        && talks_so(request, &fields, &target);
    if !is_so || ["betas", "output_format", "n"].into_iter().any(|key| fields.has(key)) {
        return None;
    }
    match vertex {
        true => {
            fields.remove("model");
            fields.set("anthropic_version", serde_json::to_string(VERTEX_VERSION).ok()?);
        }
        false if fields.has("anthropic_version") => return None,
        false => fields.set("model", serde_json::to_string(model.as_str()).ok()?),
    }
    match (request.delivery, fields.get("stream")) {
        (Delivery::Live, _) => fields.set("stream", "true"),
        (Delivery::Whole, Some("true")) => fields.set("stream", "false"),
        (Delivery::Whole, _) => {}
    }
    Some(fields.into_bytes())
}

fn samples_so(request: &ChatRequest, plan: &Plan<'_>) -> bool {
    request.temperature.is_none_or(|it| plan.temperature(it).is_ok())
        && request.top_p.is_none_or(|it| plan.top_p(it, request.temperature).is_ok())
        && (request.top_k.is_none() || plan.top_k().is_ok())
}

/// Whether what is said of thinking and effort is what this model is told.
fn thinks_so(fields: &Splice<'_>, plan: &Plan<'_>) -> bool {
    let read = |key: &str| -> Value {
        fields.get(key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let thinking = plan.thinking.as_ref().map_or(Value::Null, told);
    read("thinking") == thinking && read("output_config")["effort"].as_str() == plan.effort
}

fn told(thinking: &Thinking<'_>) -> Value {
    let mut json = Json::default();
    json.begin(b'{');
    thinking.write(&mut json);
    json.end(b'}');
    let whole: Value = serde_json::from_slice(&json.into_bytes()).unwrap_or_default();
    whole["thinking"].clone()
}

fn calls_so(request: &ChatRequest, target: &Target, plan: &Plan<'_>) -> bool {
    let forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    let known = request.tools.iter().all(|tool| {
        tool.vendor.is_some()
            || (!tool.parameters.is_null() && (tool.strict != Some(true) || target.traits.structured()))
    });
    known && (!forced || plan.may_force_tools().is_ok())
}

fn talks_so(request: &ChatRequest, fields: &Splice<'_>, target: &Target) -> bool {
    let messages = &request.messages;
    let is_system = |message: &&Message| message.role == Role::System;
    // What stands in the field of its own is the first one.
    let own = usize::from(fields.get("system").is_some_and(|system| system != "null"));
    let leading = messages.iter().take_while(is_system).count();
    let stays = target.traits.system_turns().unwrap_or(true);
    if leading > own || (!stays && messages.iter().skip(leading).any(|message| is_system(&message))) {
        return false;
    }
    // An answer that the model is to continue must not end in white space.
    let begun = messages.last().filter(|last| last.role == Role::Assistant);
    let ends = begun.and_then(|last| last.content.last()?.as_text());
    ends.is_none_or(|text| text.trim_end() == text)
        && messages.iter().any(|message| !is_system(&message))
        && messages.iter().all(|message| message_is_so(message, target))
}

fn message_is_so(message: &Message, target: &Target) -> bool {
    let known = matches!(message.role, Role::User | Role::Assistant | Role::Tool | Role::System);
    // The protocol refuses turns that say nothing, so they are left out.
    known && !message.content.is_empty() && message.content.iter().all(|part| part_is_so(part, target))
}

fn part_is_so(part: &Part, target: &Target) -> bool {
    match part {
        Part::Text { .. } => !is_blank(part),
        // Another vendor's has no signature, and is left out.
        Part::Reasoning(reasoning) => {
            let state = reasoning.state.as_ref().and_then(own);
            let marked = reasoning.notes.as_deref().is_some_and(|notes| notes.cache.is_some());
            !marked && state.and_then(|state| state.get(SIGNATURE)?.as_str()).is_some()
        }
        Part::ToolCall(call) => {
            let is_own = call.state.as_ref().is_none_or(|state| own(state).is_some());
            is_own && identifier(&call.id) == call.id && arguments(&call.arguments).is_some()
        }
        Part::ToolResult(result) => {
            identifier(&result.tool_call_id) == result.tool_call_id
                && result.content.iter().all(|part| match part {
                    Part::ToolResult(_) | Part::ToolCall(_) | Part::Reasoning(_) => false,
                    part => part_is_so(part, target),
                })
        }
        Part::Image(it) | Part::Document(it) => match &it.source {
            MediaSource::Data(data) => {
                media::check(part, it, data).is_some_and(|known| it.media_type.as_deref() == Some(&known))
            }
            MediaSource::Url(url) => !target.vertex && !url.starts_with("data:"),
            MediaSource::FileId(_) => !target.vertex,
            _ => false,
        },
        Part::Vendor(state) => state.data.is_object() && (state.vendor == NAME || state.vendor == VENDOR),
        _ => false,
    }
}
