//! The aliases of the gateway: names in a request's `model` that stand for others.

use ultraai_core::{ModelName, Registry, Result, nearest};

use crate::{DEFAULT, gateway::GatewayTable, named::Named, table::Row};

/// Checks that every alias leads to somebody, and hides nobody.
pub(crate) fn check_aliases(
    gateway: &GatewayTable,
    rows: &[Row],
    tables: &[Named],
    registry: &Registry,
) -> Result<()> {
    let row = |name: &str| rows.iter().find(|row| row.id == *name);
    let is_orchestrator = |name: &str| name == DEFAULT || tables.iter().any(|table| table.name == *name);
    let aliases = &gateway.settings.aliases;
    for (alias, name) in aliases {
        let wrong = |message: &str| Err(gateway.wrong_alias(alias, message));
        let (head, model) = split(alias);
        let hidden = match model {
            None if is_orchestrator(alias) => Some("an orchestrator"),
            None => row(alias).map(|_| "a provider"),
            Some(_) => row(head).map(|_| "a model of a provider"),
        };
        if let Some(hidden) = hidden {
            return wrong(&format!(
                "the alias \"{alias}\" would hide {hidden} of that name: give it a name that is not taken"
            ));
        }
        if is_orchestrator(name) {
            continue;
        }
        let (head, model) = split(name);
        match (row(head), model) {
            (Some(row), None) if row.needs_model(registry) => {
                return wrong(&format!(
                    "the alias \"{alias}\" names the provider `{head}`, which has no model of its own: write `{head}/MODEL`"
                ));
            }
            (Some(_), None) => {}
            (Some(_), Some(model)) if ModelName::new(model).is_ok() => {}
            (Some(_), Some(_)) => {
                return wrong(&format!(
                    "the alias \"{alias}\" names no model of the provider `{head}`: write `{head}/MODEL`"
                ));
            }
            (None, _) if aliases.contains_key(name) => {
                return wrong(&format!(
                    "the alias \"{alias}\" leads to another alias, \"{name}\": name what that one stands for"
                ));
            }
            (None, _) => {
                let orchestrators = tables.iter().map(|table| table.name.as_str());
                let names: Vec<_> = std::iter::once(DEFAULT)
                    .chain(orchestrators)
                    .chain(rows.iter().map(|row| row.id.as_str()))
                    .collect();
                let advice = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("name one of {}, or PROVIDER/MODEL", names.join(", ")),
                };
                return wrong(&format!(
                    "the alias \"{alias}\" names \"{name}\", which is neither an orchestrator nor a provider: {advice}"
                ));
            }
        }
    }
    Ok(())
}

/// A provider's id and, after a slash, its model.
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('/') {
        Some((head, model)) => (head, Some(model)),
        None => (name, None),
    }
}
