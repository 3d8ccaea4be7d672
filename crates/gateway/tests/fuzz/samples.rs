//! Valid requests, from which the malformed ones are made.

/// A valid request.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
}

const fn sample(path: &'static str, body: &'static str) -> Sample {
    Sample { path, body }
}

/// At least one for each address that takes a body.
pub(crate) const SAMPLES: &[Sample] = &[
    sample(
        "/v1/chat/completions",
        r#"{"model":"default","messages":[{"role":"user","content":"What do zebras eat?"}]}"#,
    ),
    sample(
        "/v1/chat/completions",
        r#"{"model":"able","messages":[{"role":"system","content":"Be short."},{"role":"user","content":[{"type":"text","text":"And this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}}]}],"temperature":0.5,"top_p":0.9,"max_completion_tokens":16,"stop":["\n"],"seed":7,"n":1,"logit_bias":{"50256":-100},"metadata":{"a":"b"},"user":"u"}"#,
    ),
    sample(
        "/v1/chat/completions",
        r#"{"model":"default","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}}}}"#,
    ),
    sample(
        "/v1/chat/completions",
        r#"{"model":"default","messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Lodz\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"rain"}],"tools":[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],"tool_choice":"auto","parallel_tool_calls":true}"#,
    ),
    sample("/v1/responses", r#"{"model":"default","input":"What do zebras eat?","max_output_tokens":16}"#),
    sample(
        "/v1/responses",
        r#"{"model":"default","stream":true,"instructions":"Be short.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false}],"text":{"format":{"type":"text"}},"reasoning":{"effort":"low"},"store":false}"#,
    ),
    sample(
        "/v1/messages",
        r#"{"model":"default","max_tokens":16,"messages":[{"role":"user","content":"What do zebras eat?"}]}"#,
    ),
    sample(
        "/v1/messages",
        r#"{"model":"default","max_tokens":64,"stream":true,"system":[{"type":"text","text":"Be short.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"},"stop_sequences":["x"],"metadata":{"user_id":"u"}}"#,
    ),
    sample(
        "/v1/messages/count_tokens",
        r#"{"model":"default","messages":[{"role":"user","content":"What do zebras eat?"}]}"#,
    ),
    sample(
        "/v1/embeddings",
        r#"{"model":"mock","input":["zebra","horse"],"encoding_format":"base64","dimensions":8,"user":"u"}"#,
    ),
    sample(
        "/v1/orchestrate",
        r#"{"model":"default","messages":[{"role":"user","content":"What do zebras eat?"}]}"#,
    ),
];
