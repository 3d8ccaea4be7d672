//! Model lists (`GET /models`).

use serde_json::{Map, Value};
use ultraai_core::{Error, ModelInfo, ModelListCodec, ModelPage, Result, Route};
use ultraai_protocol_common::{Number, Text, nothing_found, object, parse};

use crate::decode_error;

/// `GET /models`, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl ModelListCodec for Models {
    fn protocol(&self) -> &'static str {
        "gemini-models"
    }

    fn route(&self) -> Option<Route> {
        Some(Route { path: "models".into(), query: None })
    }

    fn query(&self, next: Option<&str>) -> Vec<(&'static str, String)> {
        // The most that it gives at once (<https://ai.google.dev/api/models#method:-models.list>).
        let size = ("pageSize", "1000".to_owned());
        std::iter::once(size).chain(next.map(|next| ("pageToken", next.to_owned()))).collect()
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let list: List<'_> = parse(body, "the list of models")?;
        let Some(models) = list.models else { return Err(nothing_found(body, "list of models")) };
        let models = models.into_iter().filter_map(|entry| {
            let name = entry.name.filled()?;
            let mut model = ModelInfo::new(name.strip_prefix("models/").unwrap_or(&name));
            model.display_name = entry.display_name.filled();
            model.context_window = entry.input_tokens.0;
            model.max_output_tokens = entry.output_tokens.0;
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
        next: Text<'a> = "nextPageToken",
    }
    known: ;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        name: Text<'a> = "name",
        display_name: Text<'a> = "displayName",
        input_tokens: Number = "inputTokenLimit",
        output_tokens: Number = "outputTokenLimit",
    }
    known: ;
    others: raw: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::ErrorKind;

    use super::*;

    #[test]
    fn a_page_names_its_models_and_the_next_page() {
        let body = json!({
            "models": [
                { "name": "models/a", "displayName": "A", "inputTokenLimit": 8, "outputTokenLimit": 4, "thinking": true },
                { "name": "tunedModels/b" },
                { "displayName": "nameless" },
            ],
            "nextPageToken": "2",
        });
        let page = Models.decode(body.to_string().as_bytes()).unwrap();
        let ids: Vec<_> = page.models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!((ids, page.next.as_deref()), (vec!["a", "tunedModels/b"], Some("2")));
        assert_eq!((page.models[0].context_window, page.models[0].max_output_tokens), (Some(8), Some(4)));
        assert_eq!(page.models[0].raw["thinking"], true);
        assert_eq!(Models.query(page.next.as_deref())[1], ("pageToken", "2".to_owned()));
        assert_eq!(Models.decode(b"{}").unwrap_err().kind(), ErrorKind::Undecodable);
    }
}
