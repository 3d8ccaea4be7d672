//! How thinking, sampling and the answer's form are asked for.

use serde_json::json;
use ultraai_core::{ModelName, ReasoningOptions, ResponseFormat, Tool, ToolChoice};

use super::*;

#[test]
fn effort_and_budget_become_what_the_model_takes() {
    let asked = |model: &str, effort: Option<&str>, budget: Option<u64>, most: Option<u64>| {
        let mut request = request().with_model(ModelName::new(model).unwrap());
        let mut options = ReasoningOptions::default();
        (options.effort, options.max_tokens) = (effort.map(str::to_owned), budget);
        (request.reasoning, request.max_tokens) = (Some(options), most);
        written(&request).map(|body| {
            let body: Value = serde_json::from_slice(&body).unwrap();
            (body["thinking"].clone(), body["output_config"].clone(), body["max_tokens"].as_u64().unwrap())
        })
    };
    let enabled = |budget: u64| json!({ "type": "enabled", "budget_tokens": budget });
    let adaptive = json!({ "type": "adaptive" });
    let word = |word: &str| json!({ "effort": word });
    for (model, effort, budget, most, expected) in [
        ("claude-sonnet-4-5", Some("high"), None, Some(10_000), (enabled(8000), Value::Null, 10_000)),
        ("claude-sonnet-4-5", Some("minimal"), None, Some(2000), (enabled(1024), Value::Null, 2000)),
        ("claude-sonnet-4-5", None, Some(2000), None, (enabled(2000), Value::Null, 16_384)),
        ("claude-sonnet-4-5", None, Some(20_000), None, (enabled(20_000), Value::Null, 36_384)),
        ("claude-opus-4-5", Some("low"), None, Some(10_000), (enabled(2000), word("low"), 10_000)),
        ("claude-opus-4-6", Some("max"), None, Some(10_000), (adaptive.clone(), word("max"), 10_000)),
        ("claude-opus-4-6", None, Some(2000), Some(10_000), (enabled(2000), Value::Null, 10_000)),
        ("claude-opus-4-8", Some("minimal"), None, Some(10), (adaptive, word("low"), 10)),
        ("claude-sonnet-5-5", Some("high"), None, Some(10), (Value::Null, word("high"), 10)),
        ("claude-sonnet-5", Some("none"), None, Some(10), (json!({ "type": "disabled" }), Value::Null, 10)),
        (
            "claude-sonnet-5-5",
            Some("none"),
            None,
            Some(10),
            (json!({ "type": "between_tools" }), Value::Null, 10),
        ),
        ("qwen3", Some("high"), None, Some(10), (Value::Null, word("high"), 10)),
    ] {
        assert_eq!(asked(model, effort, budget, most).unwrap(), expected, "{model} {effort:?} {budget:?}");
    }
    for (model, effort, budget, most, why) in [
        (
            "claude-sonnet-4-5",
            None,
            Some(500),
            None,
            "`reasoning.max_tokens` cannot be sent: it must be at least",
        ),
        ("claude-sonnet-4-5", None, Some(2000), Some(2000), "it must be less than `max_tokens`"),
        ("claude-sonnet-4-5", Some("high"), None, Some(1024), "thinking takes at least 1024"),
        ("claude-sonnet-4-5", Some("huge"), None, None, "`reasoning.effort` cannot be sent"),
        ("claude-sonnet-4-5", Some("high"), Some(2000), None, "`reasoning.effort` cannot be sent"),
        ("claude-opus-4-7", None, Some(2000), None, "`reasoning.max_tokens` cannot be sent"),
        ("claude-3-haiku", Some("low"), None, None, "the model does not think"),
        ("claude-opus-5-5", Some("none"), None, None, "the model always thinks"),
    ] {
        let error = asked(model, effort, budget, most).unwrap_err();
        assert!(error.message().contains(why), "{model}: {error}");
    }
}

#[test]
fn an_effort_that_becomes_a_budget_is_noted_and_a_callers_own_goes_as_it_came() {
    let mut request = request();
    request.model = ModelName::new("claude-sonnet-4-5").ok();
    let mut options = ReasoningOptions::default();
    options.effort = Some("low".into());
    (request.reasoning, request.max_tokens) = (Some(options), Some(10_000));
    for (origin, expected, notes) in [
        (Some("openai-chat"), json!([{ "type": "enabled", "budget_tokens": 2000 }, null]), 1),
        (Some(NAME), json!([null, "low"]), 0),
    ] {
        request.origin = origin;
        let mut losses = Losses::refused();
        let body: Value =
            serde_json::from_slice(&encode(&request, None, false, &mut losses).unwrap()).unwrap();
        assert_eq!(json!([body["thinking"], body["output_config"]["effort"]]), expected, "{origin:?}");
        assert_eq!(losses.as_slice().len(), notes, "{losses:?}");
    }
}

#[test]
fn sampling_that_a_model_refuses_is_refused_before() {
    let asked = |model: &str, thinks: bool, change: fn(&mut ChatRequest)| {
        let mut request = request().with_model(ModelName::new(model).unwrap());
        if thinks {
            let mut options = ReasoningOptions::default();
            options.enabled = Some(true);
            request.reasoning = Some(options);
        }
        change(&mut request);
        written(&request).err().map(|error| error.message().to_owned()).unwrap_or_default()
    };
    let (sonnet, opus) = ("claude-sonnet-4-5", "claude-opus-4-7");
    assert_eq!(asked(sonnet, false, |request| request.temperature = Some(0.5)), "");
    assert_eq!(asked(sonnet, true, |request| request.temperature = Some(1.0)), "");
    assert_eq!(asked(opus, false, |request| request.temperature = Some(1.0)), "");
    assert_eq!(asked(sonnet, true, |request| request.top_p = Some(0.96)), "");
    let cases: [(&str, bool, Edit, &str); 8] = [
        (
            sonnet,
            true,
            |request| request.temperature = Some(0.5),
            "`temperature` cannot be sent: with thinking",
        ),
        (opus, false, |request| request.temperature = Some(0.5), "`temperature` cannot be sent: the model"),
        (sonnet, true, |request| request.top_p = Some(0.9), "`top_p` cannot be sent: with thinking"),
        (opus, false, |request| request.top_k = Some(5), "`top_k` cannot be sent: the model"),
        (sonnet, true, |request| request.top_k = Some(5), "`top_k` cannot be sent: it goes with no thinking"),
        (
            sonnet,
            false,
            |request| (request.temperature, request.top_p) = (Some(0.5), Some(0.5)),
            "`top_p` cannot be sent: the model takes one of",
        ),
        (
            sonnet,
            true,
            |request| {
                request.tools.push(Tool::new("a", json!({})));
                request.tool_choice = Some(ToolChoice::Required);
            },
            "`tool_choice` cannot be sent",
        ),
        (
            "claude-opus-5-5",
            false,
            |request| {
                request.tools.push(Tool::new("a", json!({})));
                request.tool_choice = Some(ToolChoice::Tool("a".into()));
            },
            "`tool_choice` cannot be sent: the model calls tools as it sees fit",
        ),
    ];
    for (model, thinks, change, why) in cases {
        let told = asked(model, thinks, change);
        assert!(told.starts_with(why), "{why}: {told}");
    }
}

#[test]
fn an_answer_in_a_form_is_asked_for_by_the_models_field_or_by_a_tool() {
    let schema = json!({ "properties": { "a": { "type": ["object", "null"] } }, "type": "object" });
    let form = |name: &str, format: ResponseFormat| {
        let mut request = request().with_model(ModelName::new(name).unwrap());
        request.response_format = Some(format);
        request
    };
    let by_schema = ResponseFormat::JsonSchema {
        name: "n".into(),
        description: Some("d".into()),
        schema: schema.clone(),
        strict: None,
    };
    let body = sent(&form("claude-sonnet-4-5", by_schema.clone()));
    let closed = json!({
        "type": "object", "additionalProperties": false, "description": "d",
        "properties": { "a": { "type": ["object", "null"], "additionalProperties": false } },
    });
    assert_eq!(body["output_config"], json!({ "format": { "type": "json_schema", "schema": closed } }));
    assert_eq!(body.get("tools"), None);

    let mut request = form("claude-3-haiku", by_schema);
    let tool = json!({ "name": "json_answer", "description": "d", "input_schema": schema });
    let body = sent(&request);
    assert_eq!((&body["tools"], body.get("output_config")), (&json!([tool]), None));
    assert_eq!(body["tool_choice"], json!({ "type": "tool", "name": "json_answer" }));
    request.tools.push(Tool::new("json_answer", json!({ "type": "object" })));
    request.parallel_tool_calls = Some(false);
    let body = sent(&request);
    assert_eq!(body["tools"][1]["name"], "json_answer_");
    assert_eq!(body["tool_choice"], json!({ "type": "any", "disable_parallel_tool_use": true }));

    let error = written(&form("claude-sonnet-5-5", ResponseFormat::JsonObject)).unwrap_err();
    assert!(
        error.message().starts_with("`response_format` cannot be sent: the model takes no JSON"),
        "{error}"
    );
    let body = sent(&form("claude-sonnet-4-5", ResponseFormat::JsonObject));
    assert_eq!(body["tools"][0]["input_schema"], json!({ "type": "object", "additionalProperties": true }));
}
