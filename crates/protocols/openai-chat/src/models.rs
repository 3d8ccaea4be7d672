//! Model lists (`GET /models`), of OpenAI and of those who follow it.

use serde_json::{Map, Value};
use ultraai_core::{Error, ModelInfo, ModelListCodec, ModelPage, Result};
use ultraai_protocol_common::{decode_error, in_band, is_fault, nothing_found, parse};

/// `GET /models`. All models stand in one page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl Models {
    /// Where it stands below the address of a vendor.
    pub const PATH: &'static str = "models";
}

impl ModelListCodec for Models {
    fn protocol(&self) -> &'static str {
        "openai-models"
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let list = match parse::<Value>(body, "the list of models")? {
            // Together writes the list alone.
            Value::Array(list) => list,
            Value::Object(mut map) => {
                match (map.remove("data"), map.get("error").filter(|error| is_fault(error))) {
                    (Some(Value::Array(list)), None) => list,
                    (_, Some(error)) => return Err(in_band(error)),
                    _ => return Err(nothing_found(body, "list of models")),
                }
            }
            _ => return Err(nothing_found(body, "list of models")),
        };
        let models = list.into_iter().filter_map(|entry| match entry {
            Value::Object(fields) => model(fields),
            _ => None,
        });
        Ok(ModelPage { models: models.collect(), next: None })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

/// Reads an entry; one without a name cannot be asked for.
fn model(mut fields: Map<String, Value>) -> Option<ModelInfo> {
    let text = |fields: &mut Map<String, Value>, names: &[&str]| {
        let name = names.iter().find(|name| fields.get(**name).is_some_and(Value::is_string))?;
        match fields.remove(*name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    };
    let mut model = ModelInfo::new(text(&mut fields, &["id"])?);
    model.display_name = text(&mut fields, &["display_name", "name"]).filter(|name| *name != model.id);
    model.owned_by = text(&mut fields, &["owned_by", "organization"]);
    // Some say 0 where they do not know.
    model.created = count(&fields, &["created"]).filter(|created| *created > 0);
    model.context_window =
        count(&fields, CONTEXT).or_else(|| count(fields.get("meta")?.as_object()?, &["n_ctx"]));
    let top = || fields.get("top_provider")?.as_object();
    model.max_output_tokens = count(&fields, OUTPUT).or_else(|| count(top()?, OUTPUT));
    for known in ["created", "object"].iter().chain(CONTEXT).chain(OUTPUT) {
        fields.remove(*known);
    }
    fields.retain(|_, value| !value.is_null());
    model.raw = fields;
    Some(model)
}

/// What vendors call the tokens of request and answer together: OpenRouter and Together, Groq, Mistral, vLLM.
const CONTEXT: &[&str] = &["context_length", "context_window", "max_context_length", "max_model_len"];

/// What vendors call the tokens of an answer: Groq and OpenRouter, others.
const OUTPUT: &[&str] = &["max_completion_tokens", "max_output_tokens", "max_output_length"];

fn count(fields: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| fields.get(*name)?.as_u64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::ErrorKind;

    use super::*;

    fn read(body: &Value) -> Result<Vec<ModelInfo>> {
        Models.decode(body.to_string().as_bytes()).map(|page| page.models)
    }

    #[test]
    fn a_model_is_read_in_the_words_of_many_vendors() {
        for (entry, display, owner, context, output) in [
            (
                json!({ "id": "m", "object": "model", "created": 0, "owned_by": "me" }),
                None,
                Some("me"),
                None,
                None,
            ),
            (
                json!({ "id": "m", "context_window": 8, "max_completion_tokens": 4, "active": true }),
                None,
                None,
                Some(8),
                Some(4),
            ),
            (
                json!({ "id": "m", "name": "A model", "context_length": 8, "top_provider": { "max_completion_tokens": 4 } }),
                Some("A model"),
                None,
                Some(8),
                Some(4),
            ),
            (json!({ "id": "m", "name": "m", "max_context_length": 8 }), None, None, Some(8), None),
            (json!({ "id": "m", "meta": { "n_ctx": 8 } }), None, None, Some(8), None),
            (
                json!({ "id": "m", "organization": "them", "max_model_len": null }),
                None,
                Some("them"),
                None,
                None,
            ),
        ] {
            let model = read(&json!({ "data": [entry.clone()] })).unwrap().remove(0);
            assert_eq!(
                (model.display_name.as_deref(), model.owned_by.as_deref(), model.context_window),
                (display, owner, context),
                "{entry}"
            );
            assert_eq!((model.max_output_tokens, model.created), (output, None), "{entry}");
            assert!(!model.raw.contains_key("object") && !model.raw.values().any(Value::is_null), "{entry}");
        }
    }

    #[test]
    fn a_list_may_stand_alone_and_hold_what_is_no_model() {
        let models =
            read(&json!([{ "id": "a", "created": 7, "novel": [1] }, { "name": "b" }, "c", null])).unwrap();
        assert_eq!(models.len(), 1);
        assert_eq!(
            (models[0].created, Value::from(models[0].raw.clone())),
            (Some(7), json!({ "novel": [1] }))
        );
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for (body, kind) in [
            (
                json!({ "error": { "message": "m", "type": "authentication_error" } }),
                ErrorKind::Authentication,
            ),
            (json!({ "data": null }), ErrorKind::Undecodable),
            (json!({ "data": {} }), ErrorKind::Undecodable),
            (json!(7), ErrorKind::Undecodable),
        ] {
            assert_eq!(read(&body).unwrap_err().kind(), kind, "{body}");
        }
    }
}
