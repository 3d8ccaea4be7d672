//! The table `[prices]`: what models cost, over the linked sources, and a file of such prices.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};
use ultraai_core::{PriceTable, Registry, Result, nearest};

use crate::{
    Entry, Origin,
    document::Document,
    reloading::Stamp,
    shown::{kind_of_value, shown},
    table::in_order,
};

/// What a file of prices holds, for those who name one that is not there.
const ADVICE: &str = "name another file, or write one, with lines such as \"MODEL\" = { input = 2.5, output = 10 } (dollars per million tokens) under a line [TYPE]";

/// The user's own prices.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    pub(crate) table: PriceTable,
    entries: Vec<Entry>,
    /// The file of prices, with what it held.
    pub(crate) file: Option<(PathBuf, Stamp)>,
    /// Providers that have prices and are not linked.
    pub(crate) notices: Vec<String>,
}

impl Prices {
    /// Reads `[prices]`: `file` names a file of prices, every other key is a provider with its models. What stands in the
    /// settings goes over the file.
    pub(crate) fn read(document: &Document, table: &DeTable<'_>, registry: &Registry) -> Result<Self> {
        let mut prices = Self::default();
        let file = in_order(table).into_iter().find(|(key, _)| key.get_ref() == "file");
        if let Some((key, value)) = file {
            let at = key.span().start;
            let DeValue::String(path) = value.get_ref() else {
                let stands = kind_of_value(&document.json(value)?);
                let message = format!("`prices.file` must be the path of a file, and {stands} stands there");
                return Err(document.wrong(at, &message));
            };
            prices.entries.push(entry("prices", "file", &json!(path), document.origin(at)));
            let file = Document::read(&document.beside(Path::new(path.as_ref())), ADVICE)
                .map_err(|error| document.wrong(at, error.message()))?;
            prices.add(&file, &file.tables()?, registry)?;
            prices.file = Some(file.stamped());
        }
        prices.add(document, table, registry)?;
        Ok(prices)
    }

    fn add(&mut self, document: &Document, table: &DeTable<'_>, registry: &Registry) -> Result<()> {
        for (provider, value) in in_order(table) {
            let (at, provider) = (provider.span().start, provider.get_ref().as_ref());
            let models = match value.get_ref() {
                DeValue::Table(models) => models,
                DeValue::String(_) if provider == "file" => continue,
                _ => {
                    let message = format!(
                        "`{provider}` must be a table: write [prices.{provider}], and under it a line for each model"
                    );
                    return Err(document.wrong(at, &message));
                }
            };
            self.check_provider(provider, &document.origin(at), registry);
            for (model, value) in in_order(models) {
                let (at, model) = (model.span().start, model.get_ref().as_ref());
                let json = document.json(value)?;
                let one = json!({ provider: { model: &json } });
                let price =
                    PriceTable::from_settings(one).map_err(|error| document.wrong(at, error.message()))?;
                self.table.extend(price);
                self.entries.push(entry(&format!("prices.{provider}"), model, &json, document.origin(at)));
            }
        }
        Ok(())
    }

    /// Prices of a provider that is not linked do no harm, but a misspelt name would leave costs unknown in silence.
    fn check_provider(&mut self, provider: &str, origin: &Origin, registry: &Registry) {
        let names = || registry.providers().map(|row| row.name);
        if names().any(|name| name == provider) {
            return;
        }
        let advice = match nearest(provider, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "prices stand under the `type` of a provider, and not under your name for it".to_owned(),
        };
        let message = format!("no provider `{provider}` is linked, so its prices are not used: {advice}");
        self.notices.push(origin.before(&message));
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

fn entry(table: &str, key: &str, value: &Value, origin: Origin) -> Entry {
    Entry { table: table.to_owned(), key: key.to_owned(), value: shown(key, value), origin }
}
