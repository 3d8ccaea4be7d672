//! `ultraai models`.

use std::time::Duration;

use serde::Serialize;
use ultraai::{CallContext, Error, ErrorReport, ModelInfo, ProviderId, Registry};
use ultraai_settings::{ProviderSummary, Settings};

use crate::{
    arguments::Models,
    exit::Exit,
    failure::Failure,
    report,
    terminal::{NOTE, Table, print, print_json, tell},
    together::together,
};

/// How long a provider is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A provider's list, as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    provider: &'a ProviderId,
    #[serde(rename = "type")]
    provider_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<&'a [ModelInfo]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
}

#[derive(Serialize)]
struct Everything<'a> {
    providers: Vec<Listed<'a>>,
    notices: &'a [String],
}

/// Lists the models of the providers that are configured.
pub(crate) async fn models(arguments: Models) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    let mut sources = arguments.file.sources();
    sources.arguments.providers.clone_from(&arguments.providers);
    let settings = Settings::load(&sources, &registry).await?;
    let asked = asked(&settings, &registry)?;
    let limit = arguments.timeout_seconds.unwrap_or(TIMEOUT);
    let found = together(asked.iter().map(|provider| list(&settings, provider, limit))).await;
    if arguments.json {
        let listed = asked.iter().zip(&found).map(|(provider, found)| Listed {
            provider: &provider.id,
            provider_type: &provider.provider_type,
            models: found.as_deref().ok(),
            error: found.as_ref().err().map(ErrorReport::from),
        });
        print_json(&Everything { providers: listed.collect(), notices: &settings.notices })?;
    } else {
        print(&table(&asked, &found))?;
        for (provider, _) in
            asked.iter().zip(&found).filter(|(_, found)| matches!(found, Ok(models) if models.is_empty()))
        {
            tell(&format!("{NOTE}note:{NOTE:#} `{}` lists no models: its list is empty\n", provider.id));
        }
        for notice in &settings.notices {
            tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
        }
    }
    let mut errors = found.iter().filter_map(|found| found.as_ref().err());
    if !arguments.json {
        errors.clone().for_each(|error| tell(&report::text(error, &asked)));
    }
    // One list is better than none: a server that is down hides the models of no other.
    match errors.next() {
        Some(error) if found.iter().all(Result::is_err) => Err(Failure::Told(Exit::from(error))),
        _ => Ok(Exit::Answer),
    }
}

/// The providers to ask: those that were named, or all that list their models.
fn asked(settings: &Settings, registry: &Registry) -> Result<Vec<ProviderSummary>, Failure> {
    if let Some(selected) = &settings.selected {
        return Ok(selected.iter().filter_map(|id| settings.provider(id)).collect());
    }
    let lists = |kind: &str| registry.model_listers().any(|row| row.name == kind);
    let (asked, others): (Vec<_>, Vec<_>) =
        settings.summaries().into_iter().partition(|provider| lists(&provider.provider_type));
    for provider in others {
        tell(&format!("{NOTE}note:{NOTE:#} `{}` is left out: UltraAI cannot list its models\n", provider.id));
    }
    match asked.is_empty() {
        true => {
            Err(Failure::usage("no provider that is configured lists its models: name one with --provider"))
        }
        false => Ok(asked),
    }
}

async fn list(
    settings: &Settings,
    provider: &ProviderSummary,
    limit: Duration,
) -> Result<Vec<ModelInfo>, Error> {
    let cx = CallContext::new().with_timeout(limit);
    let answered = settings.model_lister(&provider.id)?.models(&cx).await;
    answered.map_err(|error| error.with_provider(provider.id.clone()))
}

fn table(asked: &[ProviderSummary], found: &[Result<Vec<ModelInfo>, Error>]) -> String {
    let mut table = Table::new(["PROVIDER", "MODEL", "NAME", "CONTEXT", "OUTPUT"]);
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let mut is_empty = true;
    for (provider, models) in asked.iter().zip(found) {
        for model in models.iter().flatten() {
            is_empty = false;
            table.row([
                provider.id.to_string(),
                model.id.clone(),
                model.display_name.clone().unwrap_or_else(|| "-".to_owned()),
                number(model.context_window),
                number(model.max_output_tokens),
            ]);
        }
    }
    // A heading over nothing says less than the errors below it.
    if is_empty { String::new() } else { table.text() }
}
