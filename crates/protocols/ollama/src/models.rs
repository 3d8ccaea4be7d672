//! Model lists (`GET /api/tags`).

use serde_json::{Map, Value};
use ultraai_core::{Error, ModelInfo, ModelListCodec, ModelPage, Result};
use ultraai_protocol_common::{Text, nothing_found, object, parse, seconds_since_1970};

use crate::decode_error;

/// `GET /api/tags`: the models that the server holds, in one page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl Models {
    /// Where it stands below the address of a server.
    pub const PATH: &'static str = "api/tags";
}

impl ModelListCodec for Models {
    fn protocol(&self) -> &'static str {
        "ollama-models"
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let list: List<'_> = parse(body, "the list of models")?;
        let Some(models) = list.models else { return Err(nothing_found(body, "list of models")) };
        let models = models.into_iter().filter_map(|entry| {
            let mut model = ModelInfo::new(entry.model.or(entry.name).filled()?);
            model.created = seconds_since_1970(entry.modified_at.as_str());
            model.raw = entry.raw;
            Some(model)
        });
        Ok(ModelPage { models: models.collect(), next: None })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

object! {
    #[derive(Debug, Default)]
    struct List<'a> {
        models: Option<Vec<Entry<'a>>> = "models",
    }
    known: ;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        name: Text<'a> = "name",
        model: Text<'a> = "model",
        modified_at: Text<'a> = "modified_at",
    }
    known: ;
    others: raw: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_models_of_a_server_are_listed_by_the_names_that_it_is_asked_by() {
        let body = json!({ "models": [
            { "name": "a", "model": "a:latest", "modified_at": "2024-05-14T02:00:00.1-07:00", "size": 7 },
            { "name": "b:1b" },
        ] });
        let models = Models.decode(body.to_string().as_bytes()).unwrap().models;
        assert_eq!((models[0].id.as_str(), models[1].id.as_str()), ("a:latest", "b:1b"));
        assert_eq!((models[0].created, &models[0].raw["size"]), (Some(1_715_677_200), &json!(7)));
        assert!(Models.decode(b"{\"models\": []}").unwrap().models.is_empty());
        assert!(Models.decode(b"{}").is_err());
    }
}
