//! Requests that are sent as they came: whether a codec passes them only where it would write the same.

use serde_json::Value;
use ultraai_core::{Codec, Delivery, Losses, ModelName, Native, ServerCodec};

use crate::features::{REQUESTS, request_with};

/// What a request says for the way from here to the upstream, is told besides, that nothing is to be kept, or in the vendor's
/// word, the bound of the answer.
const OURS: [&str; 6] = ["model", "stream", "stream_options", "store", "max_tokens", "max_completion_tokens"];

/// Asks a caller's request with each feature, as `caller` writes it and `server` reads it, of `upstream`, and says which pass,
/// whole or live.
///
/// # Panics
/// Where a body passes that is not the caller's, or not what `upstream` would have written itself.
#[expect(clippy::unwrap_used, reason = "this is a test")]
pub fn passing_features(
    caller: &impl Codec,
    server: &impl ServerCodec,
    upstream: &impl Codec,
    model: &str,
) -> Vec<&'static str> {
    let model = ModelName::new(model).unwrap();
    let mut passed = Vec::new();
    for feature in REQUESTS {
        for delivery in [Delivery::Whole, Delivery::Live] {
            let mut lost = Losses::noted();
            let Ok(body) = caller.encode(&request_with(feature), &mut lost) else { continue };
            let mut request = server.decode_request("", &body).unwrap();
            if !(feature.is_said)(&request) {
                continue;
            }
            request.model = Some(model.clone());
            request.delivery = delivery;
            let native = Native::new(ServerCodec::protocol(server), body.clone());
            request.native = Some(native.clone());
            let Some(sent) = upstream.native(&request, &native) else { continue };
            let mut losses = Losses::refused();
            let written = upstream.encode(&request, &mut losses);
            let written = written.unwrap_or_else(|error| panic!("{} is refused: {error}", feature.name));
            assert_eq!(losses.as_slice(), [""; 0], "{}", feature.name);
            let read = |body: &[u8]| {
                let mut read: Value = serde_json::from_slice(body).unwrap();
                // Whole is what everybody takes it for where nothing is said.
                if let Value::Object(fields) = &mut read {
                    fields.retain(|key, value| key != "stream" || *value != Value::Bool(false));
                }
                read
            };
            assert_eq!(read(&sent), read(&written), "{} would be said otherwise", feature.name);
            assert_eq!(without(read(&sent)), without(read(&body)), "{} is not as it came", feature.name);
            assert_eq!(read(&sent)["model"], model.as_str());
            assert_eq!(read(&sent)["stream"] == true, delivery == Delivery::Live, "{}", feature.name);
            if passed.last() != Some(&feature.name) {
                passed.push(feature.name);
            }
        }
    }
    passed
}

fn without(mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.retain(|key, _| !OURS.contains(&key.as_str()));
    }
    body
}
