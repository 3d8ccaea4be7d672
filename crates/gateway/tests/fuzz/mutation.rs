//! Bodies that are no longer what they were.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The body after up to three changes of its bytes or its values; now and then it stays as it is.
pub(crate) fn body(random: &mut Rng, valid: &[u8]) -> Vec<u8> {
    let mut body = match random.bool() {
        true => changed_value(random, valid),
        false => valid.to_vec(),
    };
    for _ in 0..random.usize(..2) {
        spoil(random, &mut body);
    }
    body
}

fn place(random: &mut Rng, body: &[u8]) -> usize {
    random.usize(..=body.len())
}

/// Changes bytes without a thought of what they mean.
fn spoil(random: &mut Rng, body: &mut Vec<u8>) {
    let at = place(random, body);
    match random.u8(..10) {
        0 => body.truncate(at),
        1 | 2 => {
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
        3 => body.insert(at, random.u8(..)),
        4 => {
            let end = (at + random.usize(..20)).min(body.len());
            body.drain(at..end);
        }
        5 => {
            let end = (at + random.usize(..40)).min(body.len());
            let piece = body[at..end].to_vec();
            body.splice(at..at, piece);
        }
        6 => {
            let piece: &[u8] = ODD_BYTES[random.usize(..ODD_BYTES.len())];
            body.splice(at..at, piece.iter().copied());
        }
        7 => body.extend_from_slice(b"{}"),
        8 => {
            let depth = random.usize(1..400);
            let open = if random.bool() { b"[".to_vec() } else { br#"{"a":"#.to_vec() };
            body.splice(at..at, open.repeat(depth));
        }
        _ => {
            // A second key of a name that is there: the first value is followed by another.
            if body.first() == Some(&b'{') {
                body.splice(1..1, br#""model":"other","messages":7,"stream":true,"#.iter().copied());
            }
        }
    }
}

const ODD_BYTES: &[&[u8]] = &[
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\u0000",
    b"\0",
    b"\xef\xbb\xbf",
    b"NaN",
    b"1e999",
    b"-0",
    b"99999999999999999999999999999999",
    b"\r\n\r\n",
    b"data: [DONE]\n\n",
    b"//",
    b"'",
];

/// Puts another value somewhere into the document, takes one out, or adds one.
fn changed_value(random: &mut Rng, valid: &[u8]) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(valid).expect("a sample is JSON");
    for _ in 0..random.usize(1..3) {
        let mut at = &mut document;
        // Walks down, and stops at any depth.
        loop {
            let stops = random.u8(..4) == 0;
            let size = match at {
                Value::Object(map) => map.len(),
                Value::Array(items) => items.len(),
                _ => 0,
            };
            if size == 0 || stops {
                break;
            }
            let next = random.usize(..size);
            at = match at {
                Value::Object(map) => map.values_mut().nth(next).expect("it is within the size"),
                Value::Array(items) => &mut items[next],
                _ => unreachable!("only those two have a size"),
            };
        }
        change(random, at);
    }
    document.to_string().into_bytes()
}

fn change(random: &mut Rng, at: &mut Value) {
    match (random.u8(..6), at) {
        (0, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(random.usize(..map.len())).cloned().expect("it is within the size");
            let value = map.remove(&key).expect("the key is there");
            if random.bool() {
                map.insert(key.to_uppercase(), value);
            }
        }
        (1, Value::Object(map)) => {
            map.insert(ODD_KEYS[random.usize(..ODD_KEYS.len())].to_owned(), odd(random));
        }
        (0, Value::Array(items)) => items.clear(),
        (1, Value::Array(items)) => {
            let item = items.first().cloned().unwrap_or_else(|| odd(random));
            let times = random.usize(1..20);
            items.extend(std::iter::repeat_n(item, times));
        }
        (_, at) => *at = odd(random),
    }
}

const ODD_KEYS: &[&str] = &[
    "",
    "model",
    "messages",
    "input",
    "stream",
    "n",
    "tools",
    "tool_choice",
    "response_format",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "type",
    "role",
    "content",
    "stop",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "previous_response_id",
    "background",
    "store",
    "include",
    "truncation",
    "stream_options",
    "service_tier",
    "audio",
    "modalities",
    "prediction",
    "web_search_options",
    "functions",
    "function_call",
    "unheard_of",
    "\u{0}",
    "dimensions",
    "encoding_format",
];

fn odd(random: &mut Rng) -> Value {
    match random.u8(..22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(1e308),
        7 => json!(5e-324),
        8 => json!(0.5),
        9 => json!(""),
        10 => json!("default"),
        11 => json!("mock/other"),
        12 => json!("/"),
        13 => json!("x".repeat(random.usize(1..3000))),
        14 => json!("\u{0}\u{7f}\u{2028}\u{feff}\u{10ffff}"),
        15 => json!([]),
        16 => json!({}),
        17 => json!([null, [], {}, 0]),
        18 => json!("data:image/png;base64,!!!"),
        19 => json!("http://[::1"),
        20 => {
            let mut nested = json!(1);
            for _ in 0..random.usize(1..140) {
                nested = if random.bool() { json!([nested]) } else { json!({ "a": nested }) };
            }
            nested
        }
        _ => {
            let many: Map<_, _> =
                (0..random.usize(1..60)).map(|number| (format!("k{number}"), json!(number))).collect();
            Value::Object(many)
        }
    }
}
