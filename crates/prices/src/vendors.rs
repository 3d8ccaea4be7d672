//! From the names that providers are registered by to those that the data has.

use std::borrow::Cow;

/// Registered names that the data knows by another one. A name that is not here is the same in both, or the
/// data has no prices for it, as for every server of one's own.
const RENAMED: [(&str, &str); 14] = [
    ("aws.bedrock", "aws"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("azure-openai", "azure"),
    ("bedrock", "aws"),
    ("gcp.gemini", "google"),
    ("gcp.vertex_ai", "google"),
    ("gemini", "google"),
    ("mistral_ai", "mistral"),
    ("moonshot", "moonshotai"),
    ("vertex", "google"),
    ("voyage", "voyageai"),
    ("x_ai", "x-ai"),
    ("xai", "x-ai"),
];

/// Where Hugging Face's router sends a request; the model's name says it behind a colon.
const ROUTER: &str = "huggingface";

/// The vendor in the data, and the model's name there; `None` where nobody can say which vendor answers.
pub(crate) fn of<'a>(provider: &'a str, model: &'a str) -> Option<(Cow<'a, str>, &'a str)> {
    if provider == ROUTER {
        let (model, host) = model.rsplit_once(':')?;
        return Some((format!("{ROUTER}_{host}").into(), model));
    }
    let renamed = RENAMED.iter().find(|(registered, _)| *registered == provider);
    Some((renamed.map_or(provider, |(_, id)| id).into(), model))
}

#[cfg(test)]
mod tests {
    use super::{RENAMED, of};
    use crate::data::Data;

    #[test]
    fn every_other_name_is_one_that_the_data_has() {
        for (registered, id) in RENAMED {
            assert!(Data::linked().has(id), "{registered} is `{id}`, which is unknown");
            assert!(!Data::linked().has(registered), "{registered} needs no other name");
        }
    }

    #[test]
    fn the_router_of_hugging_face_has_the_prices_of_where_it_sends_to() {
        let (vendor, model) = of("huggingface", "openai/gpt-oss-20b:groq").unwrap();
        assert_eq!((vendor.as_ref(), model), ("huggingface_groq", "openai/gpt-oss-20b"));
        assert!(of("huggingface", "openai/gpt-oss-20b").is_none());
    }
}
