//! How models are named, and what they can do.

use std::borrow::Cow;

use ultraai_core::{Capabilities, ModelName};

/// Tokens of the models that [`window`] knows, as Google's pages of Gemini 2.0 Flash, 2.5 and 3 say
/// (<https://ai.google.dev/gemini-api/docs/models>).
const WINDOW: u64 = 1_048_576;

/// What [`encode`](crate::encode()) can send to `model`: no tools, images, documents and structured output.
pub fn capabilities(model: &ModelName) -> Capabilities {
    let mut capabilities = Capabilities::text_only();
    capabilities.context_window = window(model.as_str());
    capabilities
}

/// The model's resource name: tuned ones have another collection.
pub(crate) fn resource(model: &ModelName) -> Cow<'_, str> {
    let name = model.as_str();
    match name.starts_with("models/") || name.starts_with("tunedModels/") {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("models/{name}")),
    }
}

fn window(name: &str) -> Option<u64> {
    let name = name.strip_prefix("models/").unwrap_or(name);
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
            ("gemini-3-pro-preview", Some(WINDOW)),
            ("gemini-2.5-flash-image", None),
            ("gemini-3.8-flash-tts", None),
            ("gemma-3-27b-it", None),
            ("tunedModels/mine", None),
        ] {
            assert_eq!(capabilities(&ModelName::new(name).unwrap()).context_window, expected, "{name}");
        }
    }
}
