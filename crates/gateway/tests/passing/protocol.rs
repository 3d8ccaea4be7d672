//! The protocols that callers speak, with a request and an answer of each that nobody would write the same again.

use bytes::Bytes;
use ultraai_testkit::Reply;

/// A protocol that callers speak, and the provider of the settings that speaks it too.
pub(crate) struct Protocol {
    /// Where callers ask.
    pub(crate) path: &'static str,
    /// The provider that speaks it.
    pub(crate) provider: &'static str,
    /// A request of a whole answer, with `MODEL` where its model stands. It ends with `1e2}`.
    pub(crate) request: &'static str,
    /// What stands behind that number in a live request.
    pub(crate) asks_live: &'static str,
    /// The answer, whole: it used 3 tokens and made 4.
    pub(crate) answer: &'static str,
    /// The answer's frames: names and data, with the same usage.
    pub(crate) frames: &'static [(&'static str, &'static str)],
    /// The place in `frames` of what the caller gets only where it asks.
    pub(crate) unasked: Option<usize>,
}

pub(crate) const CHAT: Protocol = Protocol {
    path: "/v1/chat/completions",
    provider: "chat",
    request: "{ \"novel\":{\"b\":1.0,\"a\":[ -0.0 ]},\n\"model\":\"MODEL\",\t\"messages\":[{\"content\":\"\\u0041\",\"role\":\"user\",\"z\":null}],\"temperature\":1.0 ,\"n\":1,\"top_logprobs\":0,\"x\":1e2}",
    asks_live: ",\"stream\":true,\"stream_options\":{\"include_usage\":true}",
    answer: "{\"id\":\"theirs-1\", \"novel\":[1.0,1e2],\"object\":\"chat.completion\",\"created\":7,\"model\":\"m\",\n\"choices\":[{\"message\":{\"content\":\"h\\u0069\",\"role\":\"assistant\",\"z\":{}},\"index\":0,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}",
    frames: &[
        (
            "",
            "{\"id\":\"theirs-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"novel\":1.0}],\"usage\":null}",
        ),
        ("", "{\"id\":\"theirs-1\", \"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\\u0069\"}}] }"),
        ("", "{\"id\":\"theirs-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"),
        (
            "",
            "{\"id\":\"theirs-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}",
        ),
        ("", "[DONE]"),
    ],
    unasked: Some(3),
};

pub(crate) const RESPONSES: Protocol = Protocol {
    path: "/v1/responses",
    provider: "responses",
    request: "{\"store\":false , \"model\":\"MODEL\",\n\"input\":[{\"role\":\"user\",\"content\":\"\\u0041\",\"z\":1.0}],\"novel\":{\"b\":1,\"a\":[]},\"x\":1e2}",
    asks_live: ",\"stream\":true",
    answer: "{\"id\":\"theirs-1\", \"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"novel\":1.0,\n\"output\":[{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"h\\u0069\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7}}",
    frames: &[
        (
            "response.created",
            "{\"type\":\"response.created\",\"sequence_number\":0, \"response\":{\"id\":\"theirs-1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"m\",\"output\":[]}}",
        ),
        (
            "response.output_item.added",
            "{\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":\"in_progress\",\"content\":[]}}",
        ),
        (
            "response.content_part.added",
            "{\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}",
        ),
        (
            "response.output_text.delta",
            "{\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"h\\u0069\",\"obfuscation\":\"xy\"}",
        ),
        ("response.novel", "{\"type\":\"response.novel\",\"sequence_number\":4,\"x\":1.0}"),
        (
            "response.completed",
            "{\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"theirs-1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7}}}",
        ),
    ],
    unasked: None,
};

pub(crate) const MESSAGES: Protocol = Protocol {
    path: "/v1/messages",
    provider: "messages",
    request: "{ \"max_tokens\":64.0,\"model\":\"MODEL\",\n\"messages\":[{\"content\":\"\\u0041\",\"role\":\"user\"}],\"novel\":{\"b\":1.0,\"a\":null},\"x\":1e2}",
    asks_live: ",\"stream\":true",
    answer: "{\"id\":\"theirs-1\", \"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"novel\":1.0,\n\"content\":[{\"type\":\"text\",\"text\":\"h\\u0069\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}",
    frames: &[
        (
            "message_start",
            "{\"type\":\"message_start\", \"message\":{\"id\":\"theirs-1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}",
        ),
        ("ping", "{\"type\": \"ping\"}"),
        (
            "content_block_start",
            "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
        ),
        (
            "content_block_delta",
            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u0069\"},\"novel\":1.0}",
        ),
        ("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}"),
        (
            "message_delta",
            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":4}}",
        ),
        ("message_stop", "{\"type\":\"message_stop\"}"),
    ],
    unasked: None,
};

/// All of them.
pub(crate) const PROTOCOLS: [&Protocol; 3] = [&CHAT, &RESPONSES, &MESSAGES];

/// What the tokens of every answer here cost, at the prices of the settings.
pub(crate) const COST: &str = "0.000011000";

impl Protocol {
    /// The request with `model`.
    pub(crate) fn asking(&self, model: &str) -> String {
        self.request.replace("MODEL", model)
    }

    /// The same, live, as the upstream is to get it.
    pub(crate) fn asking_live(&self, model: &str) -> String {
        self.asking(model).replace("1e2}", &format!("1e2{}}}", self.asks_live))
    }

    /// The same, live, as a caller asks that says no more than that.
    pub(crate) fn just_live(&self, model: &str) -> String {
        self.asking(model).replace("1e2}", "1e2,\"stream\":true}")
    }

    pub(crate) fn whole(&self) -> Reply {
        Reply::body(200, "application/json", self.answer)
    }

    pub(crate) fn live(&self) -> Reply {
        Reply::chunked("text/event-stream", self.frames.iter().map(|frame| Bytes::from(written(*frame))))
    }
}

/// A frame as it stands in a stream.
pub(crate) fn written((name, data): (&str, &str)) -> String {
    match name {
        "" => format!("data: {data}\n\n"),
        name => format!("event: {name}\ndata: {data}\n\n"),
    }
}
