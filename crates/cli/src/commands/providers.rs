//! `ultraai providers`.

use serde::Serialize;
use ultraai::{ProviderRegistration, Registry};
use ultraai_settings::{KeyPlace, ProviderSummary, Settings, host_and_port};

use crate::{
    arguments::{Providers, is_set},
    exit::Exit,
    failure::Failure,
    reach::{Reach, reach},
    terminal::{NOTE, STRONG, Table, print, print_json, tell},
    together::together,
};

/// A provider that is linked, as JSON.
#[derive(Serialize)]
struct Linked {
    name: &'static str,
    summary: &'static str,
    package: &'static str,
    version: &'static str,
    key_variables: Vec<KeyVariable>,
    key_optional: bool,
    base_url: Option<&'static str>,
    default_model: Option<&'static str>,
    settings: Vec<&'static str>,
}

#[derive(Serialize)]
struct KeyVariable {
    name: &'static str,
    is_set: bool,
}

/// A provider that is configured or was found, as JSON.
#[derive(Serialize)]
struct Configured<'a> {
    provider: &'a ProviderSummary,
    reach: Reach,
}

#[derive(Serialize)]
struct Everything<'a> {
    linked: Vec<Linked>,
    configured: Vec<Configured<'a>>,
    notices: &'a [String],
}

/// Lists what is linked, what is configured, and whether that is reachable.
pub(crate) async fn providers(arguments: Providers) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    let loaded = Settings::load(&arguments.file.sources(), &registry).await;
    let linked = registry.providers().map(linked).collect::<Vec<_>>();
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => {
            // What is linked does not depend on the settings, and may be what is looked for to mend them.
            if !arguments.json {
                print(&linked_text(&linked))?;
            }
            return Err(error.into());
        }
    };
    let summaries = settings.summaries();
    let found = together(summaries.iter().map(reach)).await;
    if arguments.json {
        let configured = summaries.iter().zip(found);
        let configured = configured.map(|(provider, reach)| Configured { provider, reach }).collect();
        print_json(&Everything { linked, configured, notices: &settings.notices })?;
        return Ok(Exit::Answer);
    }
    let mut table = Table::new(["NAME", "TYPE", "MODEL", "KEY", "ADDRESS", "FROM"]);
    for (provider, reach) in summaries.iter().zip(found) {
        table.row([
            provider.id.to_string(),
            provider.provider_type.clone(),
            provider.model.clone().unwrap_or_else(|| "-".to_owned()),
            key_text(provider),
            address_text(provider, reach),
            provider.origin.to_string(),
        ]);
    }
    // Those that would be asked come first: the list of what is linked is longer than most terminals.
    print(&format!("{STRONG}Configured or found{STRONG:#}\n{}\n{}", table.text(), linked_text(&linked)))?;
    for notice in &settings.notices {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    Ok(Exit::Answer)
}

fn linked(row: &ProviderRegistration) -> Linked {
    let variable = |name: &&'static str| KeyVariable { name, is_set: is_set(name) };
    Linked {
        name: row.name,
        summary: row.summary,
        package: row.package,
        version: row.version,
        key_variables: row.key_variables.iter().map(variable).collect(),
        key_optional: row.key_optional,
        base_url: row.base_url,
        default_model: row.default_model,
        settings: row.fields.iter().map(|field| field.name).collect(),
    }
}

fn linked_text(linked: &[Linked]) -> String {
    let mut table = Table::new(["NAME", "KEY", "USUAL MODEL"]);
    for row in linked {
        let key = match row.key_variables.iter().find(|key| key.is_set).or(row.key_variables.first()) {
            Some(KeyVariable { name, is_set: true }) => format!("{name} (set)"),
            Some(KeyVariable { name, .. }) if row.key_optional => format!("{name} (not set, optional)"),
            Some(KeyVariable { name, .. }) => format!("{name} (not set)"),
            None => "none needed".to_owned(),
        };
        table.row([row.name.to_owned(), key, row.default_model.unwrap_or("-").to_owned()]);
    }
    format!("{STRONG}Linked into this program{STRONG:#}\n{}", table.text())
}

/// Whether somebody answers at the address, which is told where it has to be checked.
fn address_text(provider: &ProviderSummary, reach: Reach) -> String {
    let place = provider.base_url.as_deref().and_then(host_and_port);
    match (reach, place) {
        (Reach::Unreachable, Some((host, port))) => format!("{}: {host}:{port}", reach.as_str()),
        _ => reach.as_str().to_owned(),
    }
}

/// Where the key is, or that none is needed.
fn key_text(provider: &ProviderSummary) -> String {
    match &provider.key {
        KeyPlace::Variable { name, is_set: false } if provider.key_optional => {
            format!("{name} (not set, optional)")
        }
        key => key.to_string(),
    }
}
