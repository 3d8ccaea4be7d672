#![doc = include_str!("../README.md")]

mod answer;
mod chat;
mod citation;
mod decode;
mod document;
mod embed;
mod encode;
mod encoder;
mod event;
mod fault;
mod loose;
mod message;
mod model;
mod models;
mod request;
mod respond;
mod stream;
mod usage;

use serde_json::json;
use ultraai_core::VendorState;

pub use self::{
    chat::Chat,
    decode::decode,
    embed::Embed,
    encode::encode,
    encoder::Encoder,
    fault::decode_error,
    model::capabilities,
    models::Models,
    request::decode_request,
    respond::{encode_error, encode_response},
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "cohere";

/// The vendor's name in the GenAI conventions, which is the protocol's too.
pub const VENDOR: &str = "cohere";

/// What marks reasoning as the plan that stands before tool calls.
const PLAN: &str = "tool_plan";

/// What reasoning carries that is a plan: it is given back in the field that it came in.
fn plan_state() -> VendorState {
    VendorState::new(NAME, json!({ "field": PLAN }))
}

fn is_plan(state: Option<&VendorState>) -> bool {
    state.is_some_and(|state| state.vendor == NAME && state.data["field"] == PLAN)
}
