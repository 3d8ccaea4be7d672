//! Where keys, files and variables are looked up, so that building is testable.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, ErrorKind, Field, ModelName, ProviderId, Result, Secret, nearest};

/// Looks up environment variables.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Lookup {
    /// Looks variables up with `find`.
    pub fn new(find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// The process's own environment.
    pub fn environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// No variable at all.
    pub fn empty() -> Self {
        Self::new(|_| None)
    }

    /// The variable's value; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup(..)")
    }
}

/// Where a key comes from, when it is not the vendor's usual variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// An environment variable.
    Variable(String),
    /// A file that holds the key and nothing else.
    File(PathBuf),
    /// The key itself.
    Given(Secret),
}

/// What a provider may know when it is built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildContext {
    /// The user's name for it.
    pub provider_id: ProviderId,
    /// The model that will be asked, when it is known.
    pub model: Option<ModelName>,
    /// Where the key comes from, when the settings say it.
    pub key: Option<KeySource>,
    /// Upper bound of the time to connect. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// Seed of everything random in it; equal seeds make equal choices.
    pub seed: u64,
    /// Where variables are looked up.
    pub lookup: Lookup,
}

impl BuildContext {
    /// A context that looks variables up in `lookup`.
    pub fn new(provider_id: ProviderId, lookup: Lookup) -> Self {
        Self {
            provider_id,
            model: None,
            key: None,
            connect_timeout: Duration::from_secs(10),
            seed: 0,
            lookup,
        }
    }

    /// The key: from where the settings say, else from the first of `variables` that is set.
    ///
    /// # Errors
    /// `Config` when the named place holds no key.
    pub fn api_key(&self, variables: &[&str]) -> Result<Option<Secret>> {
        let wrong =
            |message: String| Error::new(ErrorKind::Config, message).with_provider(self.provider_id.clone());
        let secret = |text: String, place: String| {
            Secret::new(text).map_err(|error| {
                wrong(format!("{} ({place}): write the key there, and nothing else", error.message()))
            })
        };
        match &self.key {
            Some(KeySource::Given(key)) => Ok(Some(key.clone())),
            Some(KeySource::Variable(name)) => match self.lookup.get(name) {
                Some(text) => secret(text, format!("in the variable {name}")).map(Some),
                None => Err(wrong(format!(
                    "the variable {name}, which `api_key` names, is not set: set it to the key"
                ))),
            },
            Some(KeySource::File(path)) => match std::fs::read_to_string(path) {
                Ok(text) => secret(text, format!("in the file {}", path.display())).map(Some),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    // A relative one is sought where the program runs, which may be another place than the user has in mind.
                    let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                    Err(wrong(format!(
                        "the file {}, which `api_key` names, is not there: write the key into it, or name another",
                        path.display()
                    )))
                }
                Err(error) => {
                    let message =
                        format!("the file {}, which `api_key` names, cannot be read", path.display());
                    Err(wrong(message).with_source(error))
                }
            },
            None => {
                let found = variables.iter().find_map(|name| Some((*name, self.lookup.get(name)?)));
                found.map(|(name, text)| secret(text, format!("in the variable {name}"))).transpose()
            }
        }
    }

    /// The key, which must be there.
    ///
    /// # Errors
    /// `Config`, which names the variable to set.
    pub fn required_api_key(&self, variables: &[&str]) -> Result<Secret> {
        self.api_key(variables)?.ok_or_else(|| {
            let place =
                variables.first().map_or_else(String::new, |name| format!("set the variable {name}, or "));
            let message = format!("no API key: {place}name another with `api_key = {{ env = \"…\" }}`");
            Error::new(ErrorKind::Config, message).with_provider(self.provider_id.clone())
        })
    }

    /// Reads a plugin's own settings into its struct.
    ///
    /// # Errors
    /// `Config`, which names the key that is unknown, and the nearest known one, or the value that is wrong.
    pub fn parse<T: DeserializeOwned>(&self, settings: Value, fields: &[Field]) -> Result<T> {
        parse_settings(settings, fields).map_err(|error| error.with_provider(self.provider_id.clone()))
    }
}

/// Reads settings into `T` after their keys were checked against `fields`.
///
/// # Errors
/// `Config`, which names the key that is unknown, and the nearest known one, or the value that is wrong.
pub fn parse_settings<T: DeserializeOwned>(settings: Value, fields: &[Field]) -> Result<T> {
    let settings = if settings.is_null() { Value::Object(serde_json::Map::new()) } else { settings };
    if let Some(key) = settings
        .as_object()
        .and_then(|map| map.keys().find(|key| fields.iter().all(|field| field.name != **key)))
    {
        return Err(unknown_key(key, fields.iter().map(|field| field.name)));
    }
    read_settings(settings)
}

/// Reads a value of the settings.
///
/// # Errors
/// `Config`, which names the key and what was expected there.
pub(crate) fn read_settings<T: DeserializeOwned>(settings: Value) -> Result<T> {
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let (path, cause) = (error.path().to_string(), without_texts(&error.inner().to_string()));
        Error::new(ErrorKind::Config, format!("wrong setting `{path}`: {cause}"))
    })
}

/// Takes the quoted texts out of a message of serde: a text in the wrong place may be a key.
fn without_texts(message: &str) -> String {
    let Some((before, quoted)) = message.split_once("string \"") else { return message.to_owned() };
    match quoted.rfind("\", ") {
        Some(end) => format!("{before}a text{}", &quoted[end + 1..]),
        None => format!("{before}a text"),
    }
}

/// Says that a setting is unknown, and which one was probably meant.
pub fn unknown_key<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let advice = match nearest(key, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut names: Vec<_> = known.collect();
            names.sort_unstable();
            match names.is_empty() {
                true => "there are no settings here".to_owned(),
                false => format!("known: {}", names.join(", ")),
            }
        }
    };
    Error::new(ErrorKind::Config, format!("unknown setting `{key}`: {advice}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn context(key: Option<KeySource>) -> BuildContext {
        let lookup = Lookup::new(|name| (name == "ACME_KEY").then(|| "sk-1".to_owned()));
        BuildContext { key, ..BuildContext::new(ProviderId::new("acme").unwrap(), lookup) }
    }

    #[test]
    fn the_usual_variable_holds_the_key_unless_another_place_is_named() {
        assert_eq!(context(None).required_api_key(&["ACME_KEY"]).unwrap().expose(), "sk-1");
        let missing = context(None).required_api_key(&["OTHER_KEY"]).unwrap_err().to_string();
        assert!(missing.contains("set the variable OTHER_KEY"), "{missing}");
        let file = std::env::temp_dir().join(format!("ultraai-no-key-{}", std::process::id()));
        let in_file =
            || context(Some(KeySource::File(file.clone()))).required_api_key(&[]).unwrap_err().to_string();
        let shown = file.display();
        assert!(in_file().ends_with(&format!(
            "the file {shown}, which `api_key` names, is not there: write the key into it, or name another"
        )));
        std::fs::write(&file, " \n").unwrap();
        let empty = in_file();
        std::fs::remove_file(&file).unwrap();
        assert!(
            empty.ends_with(&format!(
                "the key is empty (in the file {shown}): write the key there, and nothing else"
            )),
            "{empty}"
        );
        let named = context(Some(KeySource::Variable("NO_KEY".into())));
        assert!(named.required_api_key(&["ACME_KEY"]).unwrap_err().to_string().contains("NO_KEY"));
    }

    #[derive(Debug, Deserialize)]
    struct Settings {
        #[expect(dead_code, reason = "only its reading is tested")]
        base_url: String,
    }

    #[test]
    fn unknown_settings_are_refused_by_name() {
        let fields = [Field { name: "base_url", doc: "the address" }];
        let error =
            context(None).parse::<Settings>(json!({ "base_ulr": "x" }), &fields).unwrap_err().to_string();
        assert_eq!(error, "acme: unknown setting `base_ulr`: did you mean `base_url`?");
        assert!(context(None).parse::<Settings>(json!({ "base_url": "x" }), &fields).is_ok());
        let error =
            context(None).parse::<Settings>(json!({ "base_url": 1 }), &fields).unwrap_err().to_string();
        assert_eq!(error, "acme: wrong setting `base_url`: invalid type: integer `1`, expected a string");
        let error = read_settings::<u32>(json!("sk-\"1, 2")).unwrap_err().to_string();
        assert!(error.ends_with("invalid type: a text, expected u32"), "{error}");
    }
}
