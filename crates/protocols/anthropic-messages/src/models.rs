//! Model lists (`GET /v1/models`).

use serde_json::{Map, Value};
use ultraai_core::{Error, ModelInfo, ModelListCodec, ModelPage, Result};
use ultraai_protocol_common::{Number, Text, decode_error, nothing_found, object, parse, seconds_since_1970};

/// `GET /v1/models`, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl Models {
    /// Where it stands below the vendor's version.
    pub const PATH: &'static str = "models";
}

impl ModelListCodec for Models {
    fn protocol(&self) -> &'static str {
        "anthropic-models"
    }

    fn query(&self, next: Option<&str>) -> Vec<(&'static str, String)> {
        // The most that it gives at once (<https://platform.claude.com/docs/en/api/models/list>).
        let size = ("limit", "1000".to_owned());
        std::iter::once(size).chain(next.map(|next| ("after_id", next.to_owned()))).collect()
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let list: List<'_> = parse(body, "the list of models")?;
        let Some(models) = list.data else { return Err(nothing_found(body, "list of models")) };
        let models = models.into_iter().filter_map(|entry| {
            let mut model = ModelInfo::new(entry.id.filled()?);
            model.display_name = entry.display_name.filled();
            model.created = seconds_since_1970(entry.created_at.as_str());
            model.context_window = entry.input_tokens.0;
            model.max_output_tokens = entry.output_tokens.0;
            model.raw = entry.raw;
            Some(model)
        });
        let next = list.last_id.filled().filter(|_| list.has_more == Some(true));
        Ok(ModelPage { models: models.collect(), next })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

object! {
    #[derive(Debug, Default)]
    struct List<'a> {
        data: Option<Vec<Entry<'a>>> = "data",
        has_more: Option<bool> = "has_more",
        last_id: Text<'a> = "last_id",
    }
    known: "first_id";
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        id: Text<'a> = "id",
        display_name: Text<'a> = "display_name",
        created_at: Text<'a> = "created_at",
        input_tokens: Number = "max_input_tokens",
        output_tokens: Number = "max_tokens",
    }
    known: "type";
    others: raw: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use ultraai_core::ErrorKind;

    use super::*;

    #[test]
    fn a_page_names_its_models_and_the_next_page_where_there_is_one() {
        let body = |more: bool| {
            format!(
                r#"{{"data": [{{"id": "claude-x", "type": "model", "display_name": "Claude X",
                    "created_at": "2025-05-14T00:00:00Z", "max_input_tokens": 200000, "novel": 7}}],
                    "has_more": {more}, "first_id": "claude-x", "last_id": "claude-x"}}"#
            )
        };
        let page = Models.decode(body(true).as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("claude-x"));
        let model = &page.models[0];
        assert_eq!((model.id.as_str(), model.created), ("claude-x", Some(1_747_180_800)));
        assert_eq!((model.context_window, model.raw.len()), (Some(200_000), 1));
        assert_eq!(Models.query(page.next.as_deref())[1], ("after_id", "claude-x".to_owned()));
        assert_eq!(Models.decode(body(false).as_bytes()).unwrap().next, None);
        let error = Models
            .error(401, br#"{"error": {"message": "no", "type": "authentication_error"}, "type": "error"}"#);
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(Models.decode(b"{}").is_err());
    }
}
