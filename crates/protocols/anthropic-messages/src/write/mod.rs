//! Writes a request.

mod blocks;
mod format;
mod media;
mod native;
mod thinking;
mod tools;
mod turns;

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Delivery, Error, ErrorKind, Losses, Part, Result};
use ultraai_protocol_common::{collision, is_harmless, is_usual_tier, model};

pub(crate) use self::{
    blocks::{At, Blocks, is_blank},
    format::answer_tool,
    native::native,
};
use self::{format::Format, thinking::Plan};
use crate::{NAME, VENDOR, VERTEX_VERSION, family::Traits, json::Json};

/// The largest body that the API takes, in bytes: <https://platform.claude.com/docs/en/api/errors>.
const MAX_BODY: usize = 32 << 20;

/// What a request is written with and for.
struct Target {
    traits: Traits,
    /// Whether it goes to Vertex AI.
    vertex: bool,
    /// Whether what stands in `extra` is of this protocol.
    own: bool,
}

/// Writes the body of a request. The protocol demands an upper bound of the answer: where the request names none it is
/// `max_tokens`, and without that it is the usual one of the model's family.
pub(crate) fn encode(
    request: &ChatRequest,
    max_tokens: Option<u64>,
    vertex: bool,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    let model = model(VENDOR, request)?;
    let traits = Traits::of(model);
    let own = request.origin.is_none_or(|origin| origin == NAME);
    let target = Target { traits, vertex, own };
    lose_the_unknown(request, losses)?;
    let format = Format::of(request);
    let usual = max_tokens.unwrap_or_else(|| traits.max_tokens());
    let plan = Plan::of(request, &target, usual, format.is_forced(), losses)?;

    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut json = Json::with_capacity(text + text / 16 + 96 * request.messages.len() + 256);
    let mut sent = vec!["model", "max_tokens", "messages", "stream", "anthropic_version"];
    json.begin(b'{');
    match vertex {
        true => json.entry("anthropic_version", VERTEX_VERSION),
        false => json.entry("model", model),
    }
    json.entry("max_tokens", &plan.max_tokens);
    turns::write(request, &target, &mut json, &mut sent, losses)?;
    write_sampling(request, &plan, &mut json, &mut sent, losses)?;
    tools::write(request, &target, &format, &plan, &mut json, &mut sent, losses)?;
    write_output(request, &target, &format, &plan, &mut json, &mut sent, losses)?;
    write_the_rest(request, &target, &mut json, &sent, losses)?;
    json.end(b'}');
    let body = json.into_bytes();
    if body.len() > MAX_BODY {
        let message = format!("the request has {} bytes, and {VENDOR} takes {MAX_BODY}", body.len());
        return Err(Error::new(ErrorKind::ContextTooLong, message));
    }
    Ok(body)
}

/// What the protocol has no field for.
fn lose_the_unknown(request: &ChatRequest, losses: &mut Losses) -> Result<()> {
    let choices = request.extra.get("n").is_some_and(|choices| choices.as_u64() != Some(1));
    // None at all is what there is without one.
    let counts = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    for (is_asked, field) in [
        (counts(request.frequency_penalty), "`frequency_penalty`"),
        (counts(request.presence_penalty), "`presence_penalty`"),
        (request.seed.is_some(), "`seed`"),
        (choices || request.n.is_some_and(|choices| choices != 1), "`n`"),
        (request.logprobs == Some(true), "`logprobs`"),
        (request.top_logprobs.is_some_and(|most| most > 0), "`top_logprobs`"),
    ] {
        if is_asked {
            losses.lose(field, NO_FIELD)?;
        }
    }
    Ok(())
}

pub(crate) const NO_FIELD: &str = "anthropic-messages has no such field";
/// Why what another protocol has beside the vocabulary is lost.
pub(crate) const FOREIGN: &str = "it is a field of another protocol";

fn write_sampling(
    request: &ChatRequest,
    plan: &Plan<'_>,
    json: &mut Json,
    sent: &mut Vec<&'static str>,
    losses: &mut Losses,
) -> Result<()> {
    if let Some(temperature) = request.temperature {
        sent.push("temperature");
        match plan.temperature(temperature) {
            Ok(()) => json.entry("temperature", &temperature),
            Err(why) => losses.lose("`temperature`", why)?,
        }
    }
    if let Some(top_p) = request.top_p {
        sent.push("top_p");
        match plan.top_p(top_p, request.temperature) {
            Ok(()) => json.entry("top_p", &top_p),
            Err(why) => losses.lose("`top_p`", why)?,
        }
    }
    if let Some(top_k) = request.top_k {
        sent.push("top_k");
        match plan.top_k() {
            Ok(()) => json.entry("top_k", &top_k),
            Err(why) => losses.lose("`top_k`", why)?,
        }
    }
    if !request.stop_sequences.is_empty() {
        sent.push("stop_sequences");
        json.entry("stop_sequences", &request.stop_sequences);
    }
    Ok(())
}

/// Thinking, effort and the form of the answer.
fn write_output(
    request: &ChatRequest,
    target: &Target,
    format: &Format<'_>,
    plan: &Plan<'_>,
    json: &mut Json,
    sent: &mut Vec<&'static str>,
    losses: &mut Losses,
) -> Result<()> {
    if let Some(thinking) = &plan.thinking {
        sent.push("thinking");
        thinking.write(json);
    }
    let extra = request.extra.get("output_config").filter(|_| target.own).and_then(Value::as_object);
    let place = json.place();
    json.key("output_config");
    json.begin(b'{');
    let empty = json.place();
    if let Some(effort) = plan.effort {
        json.entry("effort", effort);
    }
    format.write(request, target.own, json, losses)?;
    if let Some(extra) = extra {
        let is_set = |key: &str| match key {
            "effort" => plan.effort.is_some(),
            "format" => request.response_format.is_some(),
            _ => false,
        };
        collision("`extra.output_config`", extra.keys(), is_set)?;
        json.fields(extra);
    }
    match json.place() == empty {
        true => json.rewind(place),
        false => {
            json.end(b'}');
            if extra.is_none() {
                sent.push("output_config");
            }
        }
    }
    Ok(())
}

fn write_the_rest(
    request: &ChatRequest,
    target: &Target,
    json: &mut Json,
    sent: &[&'static str],
    losses: &mut Losses,
) -> Result<()> {
    let mut sent = sent.to_vec();
    if request.user.is_some() || !request.metadata.is_empty() {
        sent.push("metadata");
        write_metadata(request, json, losses);
    }
    if let Some(tier) = &request.service_tier {
        sent.push("service_tier");
        // <https://platform.claude.com/docs/en/api/service-tiers>
        match request.origin == Some(NAME) || matches!(tier.as_str(), "auto" | "standard_only") {
            true => json.entry("service_tier", tier),
            false if is_usual_tier(tier) => losses.leave_out("`service_tier`", "it is served so anyway"),
            false => losses.lose("`service_tier`", "anthropic-messages knows `auto` and `standard_only`")?,
        }
    }
    if request.delivery == Delivery::Live {
        json.entry("stream", &true);
    }
    // What goes elsewhere: beta features to a header, the object of the output with the others of its kind.
    let elsewhere = |key: &str| matches!(key, "betas" | "output_config" | "n");
    let extra = || request.extra.iter().filter(|(key, _)| !elsewhere(key));
    if target.own {
        collision("extra", extra().map(|(key, _)| key), |key| sent.contains(&key))?;
        extra().for_each(|(key, value)| json.field(key, value));
        if request.extra.get("output_config").is_some_and(|value| !value.is_object()) {
            let message = "`output_config` in extra must be an object";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
    } else {
        for (key, value) in &request.extra {
            if !is_harmless(request.origin, key, value, NAME, losses) {
                losses.lose(&format!("`{key}`"), FOREIGN)?;
            }
        }
    }
    Ok(())
}

fn write_metadata(request: &ChatRequest, json: &mut Json, losses: &mut Losses) {
    // The vendor refuses all keys but its own.
    let keeps = request.origin == Some(NAME);
    if !keeps && !request.metadata.is_empty() {
        // It changes no answer.
        losses.leave_out("`metadata`", "anthropic-messages takes the id of a user alone there: set `user`");
    }
    if request.user.is_none() && !keeps {
        return;
    }
    json.key("metadata");
    json.begin(b'{');
    if let Some(user) = &request.user {
        json.entry("user_id", user);
    }
    if keeps {
        json.fields(&request.metadata);
    }
    json.end(b'}');
}

/// Loses the fields of another protocol that stand in `extra`, below `place`.
pub(crate) fn lose_all(extra: &Map<String, Value>, place: &str, losses: &mut Losses) -> Result<()> {
    extra.keys().try_for_each(|key| losses.lose(&format!("`{place}{key}`"), FOREIGN))
}

#[cfg(test)]
mod tests;
