//! A request that came in this protocol, sent on as it came.

use ultraai_core::{ChatRequest, Delivery, MediaSource, Native, Part, VendorState};
use ultraai_protocol_common::Splice;

use crate::{
    NAME,
    encode::{ENCRYPTED, STORE},
    item, media,
};

/// The body as it came, but for the model, the delivery and, where it does not say so, that nothing is to be kept. `None` where it
/// would be written otherwise for `vendor`, or refused.
pub(crate) fn body(request: &ChatRequest, native: &Native, vendor: &str) -> Option<Vec<u8>> {
    let model = request.model.as_ref()?;
    let is_so = || request.parts().all(|part| part_is_so(part, vendor));
    if request.origin != Some(NAME) || item::names_what_was_made_up(&native.body) || !is_so() {
        return None;
    }
    let mut fields = Splice::of(&native.body)?;
    fields.set("model", serde_json::to_string(model.as_str()).ok()?);
    if fields.get(STORE).is_none_or(|store| store == "null") {
        if request.parts().any(|part| is_elsewhere(part, vendor)) {
            return None;
        }
        fields.set(STORE, "false");
        if request.reasoning_state == Some(true) {
            let include = with_state(fields.get("include"))?;
            fields.set("include", include);
        }
    }
    match (request.delivery, fields.get("stream")) {
        (Delivery::Live, _) => fields.set("stream", "true"),
        (Delivery::Whole, Some("true")) => {
            fields.set("stream", "false");
            // What is said of a stream means nothing now, and some refuse it.
            fields.remove("stream_options");
        }
        (Delivery::Whole, _) => {}
    }
    Some(fields.into_bytes())
}

/// What comes along with the answer, and encrypted reasoning besides. `None` where it is no list of texts.
fn with_state(include: Option<&str>) -> Option<String> {
    let list = include.filter(|include| *include != "null").unwrap_or("[]");
    let mut words: Vec<String> = serde_json::from_str(list).ok()?;
    if words.iter().any(|word| word == ENCRYPTED) {
        return Some(list.to_owned());
    }
    words.push(ENCRYPTED.to_owned());
    serde_json::to_string(&words).ok()
}

/// Whether a part is reasoning that is found only where answers are kept.
fn is_elsewhere(part: &Part, vendor: &str) -> bool {
    let Part::Reasoning(reasoning) = part else { return false };
    item::own(reasoning.state.as_ref(), vendor).is_some_and(item::is_elsewhere)
}

/// Whether a part is sent in the words in which it came.
fn part_is_so(part: &Part, vendor: &str) -> bool {
    let is_own = |state: Option<&VendorState>| state.is_none_or(|state| state.vendor == vendor);
    match part {
        Part::Text { .. } | Part::Refusal { .. } => true,
        Part::Reasoning(reasoning) => is_own(reasoning.state.as_ref()),
        // A call without arguments says so.
        Part::ToolCall(call) => is_own(call.state.as_ref()) && !call.arguments.is_empty(),
        Part::ToolResult(result) => result.content.iter().all(|part| part_is_so(part, vendor)),
        Part::Image(it) | Part::Document(it) | Part::Audio(it) => match &it.source {
            MediaSource::Data(data) => {
                let known = media::check(part, it, data);
                known.is_some_and(|known| it.media_type.as_deref() == Some(&known))
            }
            _ => true,
        },
        Part::Vendor(state) => state.vendor == NAME,
        _ => false,
    }
}
