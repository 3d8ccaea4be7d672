//! What an answer can say.

use serde_json::json;
use ultraai_core::{
    ChatResponse, Citation, FinishReason, Part, Reasoning, TokenLogprob, ToolCall, Usage, VendorState,
};

use super::{Feature, any, calls, has_state, second, state};

type Row = Feature<ChatResponse>;

/// Everything that an answer can say.
pub const ANSWERS: &[Row] = &[
    Row::new("text", |_| {}, |answer| answer.text() == "hello"),
    Row::new(
        "two texts",
        |answer| answer.content.push(Part::text("bye")),
        |answer| answer.content.iter().filter_map(Part::as_text).eq(["hello", "bye"]),
    )
    .or(&[("as one", |answer| answer.text() == "hellobye")]),
    Row::new("the model", |_| {}, |answer| answer.model.as_deref() == Some("m")),
    Row::new(
        "a call",
        |answer| call(answer, 1),
        |answer| {
            calls(&answer.content).any(|call| call.name == "weather" && call.id == "call_1" && is_oslo(call))
                && answer.finish_reason == FinishReason::ToolCalls
        },
    ),
    Row::new("two calls", |answer| call(answer, 2), |answer| calls(&answer.content).count() == 2),
    Row::new(
        "reasoning",
        |answer| think(answer, None),
        |answer| {
            any(&answer.content, |part| matches!(part, Part::Reasoning(it) if it.text == "look outside"))
        },
    ),
    Row::new(
        "reasoning with Anthropic's signature",
        |answer| think(answer, Some("anthropic")),
        |answer| any(&answer.content, |part| has_state(part, "anthropic")),
    )
    .private(),
    Row::new(
        "reasoning with OpenAI's encrypted form",
        |answer| think(answer, Some("openai")),
        |answer| any(&answer.content, |part| has_state(part, "openai")),
    )
    .private(),
    Row::new(
        "a refusal",
        |answer| answer.content = vec![Part::refusal("no")],
        |answer| any(&answer.content, |part| matches!(part, Part::Refusal { text, .. } if text == "no")),
    )
    .or(&[("as text", |answer| answer.text() == "no")]),
    Row::new(
        "where a text is taken from",
        |answer| {
            let mut citation = Citation::default();
            (citation.url, citation.title) = (Some("https://host/a".to_owned()), Some("A".to_owned()));
            citation.range = Some((0, 5));
            answer.content[0].annotate(|notes| notes.citations.push(citation));
        },
        |answer| {
            let cited = |part: &Part| part.notes().is_some_and(|notes| !notes.citations.is_empty());
            any(&answer.content, cited)
        },
    ),
    Row::new(
        "probabilities of tokens",
        |answer| {
            let mut token = TokenLogprob::default();
            (token.token, token.logprob) = ("hello".to_owned(), -0.5);
            answer.logprobs.push(token);
        },
        |answer| answer.logprobs.first().is_some_and(|token| token.token == "hello"),
    ),
    Row::new(
        "a second answer",
        |answer| answer.alternatives.push(second("hi")),
        |answer| answer.alternatives.first().is_some_and(|choice| choice.content == [Part::text("hi")]),
    ),
    Row::new(
        "that it was cut at the limit",
        |answer| answer.finish_reason = FinishReason::Length,
        |answer| answer.finish_reason == FinishReason::Length,
    ),
    Row::new(
        "that it was withheld",
        |answer| answer.finish_reason = FinishReason::ContentFilter,
        |answer| answer.finish_reason == FinishReason::ContentFilter,
    ),
    Row::new(
        "the stop sequence",
        |answer| answer.stop_sequence = Some("END".to_owned()),
        |answer| answer.stop_sequence.as_deref() == Some("END"),
    ),
    Row::new(
        "how it was served",
        |answer| answer.service_tier = Some("default".to_owned()),
        |answer| answer.service_tier.as_deref() == Some("default"),
    )
    .or(&[("as `standard`", |answer| answer.service_tier.as_deref() == Some("standard"))]),
    Row::new(
        "tokens",
        |_| {},
        |answer| answer.usage.is_some_and(|usage| (usage.input_tokens, usage.output_tokens) == (7, 3)),
    ),
    Row::new(
        "tokens read from a cache",
        |answer| count(answer, |usage| usage.cache_read = Some(2)),
        |answer| answer.usage.is_some_and(|usage| usage.cache_read == Some(2) && usage.input_tokens == 7),
    ),
    Row::new(
        "tokens written to a cache",
        |answer| count(answer, |usage| usage.cache_write = Some(2)),
        |answer| answer.usage.is_some_and(|usage| usage.cache_write == Some(2) && usage.input_tokens == 7),
    ),
    Row::new(
        "tokens of reasoning",
        |answer| count(answer, |usage| usage.reasoning = Some(2)),
        |answer| answer.usage.is_some_and(|usage| usage.reasoning == Some(2) && usage.output_tokens == 3),
    ),
    Row::new(
        "a field that nobody knows",
        |answer| drop(answer.raw.insert("novel".to_owned(), json!(7))),
        |answer| answer.raw.get("novel") == Some(&json!(7)),
    ),
];

fn call(answer: &mut ChatResponse, count: usize) {
    for number in 1..=count {
        let call = ToolCall::new(format!("call_{number}"), "weather", r#"{"city":"Oslo"}"#);
        answer.content.push(Part::ToolCall(call));
    }
    answer.finish_reason = FinishReason::ToolCalls;
}

fn is_oslo(call: &ToolCall) -> bool {
    serde_json::from_str::<serde_json::Value>(&call.arguments).is_ok_and(|it| it == json!({ "city": "Oslo" }))
}

fn think(answer: &mut ChatResponse, vendor: Option<&str>) {
    let mut reasoning = Reasoning::new("look outside");
    reasoning.state = vendor.map(|vendor| VendorState::new(vendor, state(vendor)));
    answer.content.insert(0, Part::Reasoning(reasoning));
}

fn count(answer: &mut ChatResponse, edit: fn(&mut Usage)) {
    if let Some(usage) = &mut answer.usage {
        edit(usage);
    }
}
