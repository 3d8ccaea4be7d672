//! Model lists (`GET /v1/models`).

use serde_json::{Map, Value};
use ultraai_core::{Error, ModelInfo, ModelListCodec, ModelPage, Result};
use ultraai_protocol_common::{Number, Text, nothing_found, object, parse};

use crate::decode_error;

/// `GET /v1/models`, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl Models {
    /// Where it stands below Cohere's address.
    pub const PATH: &'static str = "v1/models";
}

impl ModelListCodec for Models {
    fn protocol(&self) -> &'static str {
        "cohere-models"
    }

    fn query(&self, next: Option<&str>) -> Vec<(&'static str, String)> {
        // The most that it gives at once (<https://docs.cohere.com/reference/list-models>).
        let size = ("page_size", "1000".to_owned());
        std::iter::once(size).chain(next.map(|next| ("page_token", next.to_owned()))).collect()
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let list: List<'_> = parse(body, "the list of models")?;
        let Some(models) = list.models else { return Err(nothing_found(body, "list of models")) };
        let models = models.into_iter().filter_map(|entry| {
            let mut model = ModelInfo::new(entry.name.filled()?);
            // It is 0 for models that answer no text.
            model.context_window = entry.context_length.0.filter(|length| *length > 0);
            model.raw = entry.raw;
            Some(model)
        });
        Ok(ModelPage { models: models.collect(), next: list.next.filled() })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

object! {
    #[derive(Debug, Default)]
    struct List<'a> {
        models: Option<Vec<Entry<'a>>> = "models",
        next: Text<'a> = "next_page_token",
    }
    known: ;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        name: Text<'a> = "name",
        context_length: Number = "context_length",
    }
    known: ;
    others: raw: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_models_and_the_next_page() {
        let body = br#"{"models": [{"name": "command-a", "context_length": 256000.0, "endpoints": ["chat"]}, {"name": ""}],
            "next_page_token": "2"}"#;
        let page = Models.decode(body).unwrap();
        assert_eq!((page.models.len(), page.next.as_deref()), (1, Some("2")));
        assert_eq!(page.models[0].context_window, Some(256_000));
        assert_eq!(Models.query(Some("2"))[1], ("page_token", "2".to_owned()));
        assert!(Models.decode(b"{}").is_err());
    }
}
