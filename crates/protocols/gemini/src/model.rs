//! How models are named, and what they can do.

use std::borrow::Cow;

use ultraai_core::{Capabilities, Delivery, ModelName, Support};

/// Tokens of the models that [`window`] knows, as Google's pages of Gemini 2.0 Flash, 2.5 and 3 say
/// (<https://ai.google.dev/gemini-api/docs/models>).
const WINDOW: u64 = 1_048_576;

/// Output tokens of Gemini 2.5 and 3, and of 2.0 Flash, as the same pages say.
const OUTPUT: u64 = 65_536;
const OUTPUT_OF_2_0: u64 = 8192;

/// What `model` can do: Gemini 2 and later take tools, media and schemas; of others nobody here knows.
pub fn capabilities(model: &ModelName) -> Capabilities {
    let mut capabilities = Capabilities::default();
    let name = short(model.as_str());
    capabilities.context_window = window(name);
    if capabilities.context_window.is_some() {
        let yes = Support::Yes;
        capabilities.tools = yes;
        capabilities.images = yes;
        capabilities.audio = yes;
        capabilities.video = yes;
        capabilities.documents = yes;
        capabilities.structured_output = yes;
        capabilities.max_output_tokens =
            Some(if name.starts_with("gemini-2.0") { OUTPUT_OF_2_0 } else { OUTPUT });
    }
    capabilities
}

/// The name without its collection.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit_once("models/").map_or(name, |(_, name)| name)
}

/// Whether the model refuses calls without a signature, as Gemini 3 does and those after it may
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
pub(crate) fn checks_signatures(name: &str) -> bool {
    let version =
        short(name).strip_prefix("gemini-").and_then(|version| version.chars().next()?.to_digit(10));
    version.is_some_and(|version| version >= 3)
}

/// The model's resource name in the Gemini API: tuned ones have another collection.
pub(crate) fn resource(model: &ModelName) -> Cow<'_, str> {
    let name = model.as_str();
    match name.starts_with("models/") || name.starts_with("tunedModels/") {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("models/{name}")),
    }
}

/// The model's resource name on Vertex AI, below a project's location: models of others and tuned ones have their own
/// collections.
pub(crate) fn vertex_resource(model: &ModelName) -> Cow<'_, str> {
    let name = model.as_str();
    match name.starts_with("publishers/") || name.starts_with("endpoints/") {
        true => Cow::Borrowed(name),
        false => {
            Cow::Owned(format!("publishers/google/models/{}", name.strip_prefix("models/").unwrap_or(name)))
        }
    }
}

/// The model and the delivery that a path asks for, such as `/v1beta/models/m:streamGenerateContent?alt=sse`.
pub(crate) fn asked(path: &str) -> (Option<&str>, Delivery) {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (resource, method) = path.rsplit_once(':').unwrap_or((path, ""));
    let delivery = if method.starts_with("streamGenerateContent") { Delivery::Live } else { Delivery::Whole };
    let model = ["publishers/", "tunedModels/", "endpoints/", "models/"].iter().find_map(|collection| {
        let start = resource.find(collection)?;
        let name = &resource[start..];
        let google = name.strip_prefix("publishers/google/").unwrap_or(name);
        Some(google.strip_prefix("models/").unwrap_or(google))
    });
    (model.filter(|name| !name.is_empty()), delivery)
}

fn window(name: &str) -> Option<u64> {
    let family = ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3"];
    // Those that make or hear images and speech have windows of their own.
    let special = ["image", "live", "tts", "audio", "transcribe", "translate", "computer-use"];
    let is_known = family.iter().any(|family| name.starts_with(family))
        && !special.iter().any(|special| name.contains(special));
    is_known.then_some(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_a_family_is_known() {
        for (name, expected) in [
            ("gemini-2.5-flash", Some(WINDOW)),
            ("models/gemini-3.8-flash", Some(WINDOW)),
            ("publishers/google/models/gemini-2.5-pro", Some(WINDOW)),
            ("gemini-3-pro-preview", Some(WINDOW)),
            ("gemini-2.5-flash-image", None),
            ("gemini-3.8-flash-tts", None),
            ("gemma-3-27b-it", None),
            ("tunedModels/mine", None),
        ] {
            let known = capabilities(&ModelName::new(name).unwrap());
            assert_eq!(known.context_window, expected, "{name}");
            let expected = if expected.is_some() { Support::Yes } else { Support::Unknown };
            assert_eq!((known.tools, known.images), (expected, expected), "{name}");
        }
    }

    #[test]
    fn a_path_says_the_model_and_the_delivery() {
        for (path, model, delivery) in [
            ("/v1beta/models/m:generateContent", Some("m"), Delivery::Whole),
            ("/v1beta/models/m:streamGenerateContent?alt=sse", Some("m"), Delivery::Live),
            ("/v1beta/tunedModels/m:generateContent", Some("tunedModels/m"), Delivery::Whole),
            (
                "/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
                Some("m"),
                Delivery::Live,
            ),
            (
                "/v1/projects/p/locations/l/publishers/meta/models/m:generateContent",
                Some("publishers/meta/models/m"),
                Delivery::Whole,
            ),
            ("/v1/projects/p/locations/l/endpoints/7:generateContent", Some("endpoints/7"), Delivery::Whole),
            ("/v1beta/models/:generateContent", None, Delivery::Whole),
            ("", None, Delivery::Whole),
        ] {
            assert_eq!(asked(path), (model, delivery), "{path}");
        }
    }
}
