//! `ultraai embed`.

use std::{
    io::{self, IsTerminal as _, Read as _},
    time::Duration,
};

use serde::Serialize;
use ultraai::{CallContext, EmbeddingRequest, Error, ErrorKind, ModelName, ProviderId, Registry, Usage};
use ultraai_settings::{Origin, ProviderSummary, Settings};

use crate::{
    arguments::Embed,
    exit::Exit,
    failure::Failure,
    terminal::{NOTE, print_json_line, tell},
};

/// How long the vectors are waited for, where no option says it.
const TIMEOUT: Duration = Duration::from_mins(2);

/// What is read of standard input at most: more texts than this are a file that was named by mistake.
const LONGEST_INPUT: u64 = 256 << 20;

/// The vectors, as JSON.
#[derive(Serialize)]
struct Embedded<'a> {
    provider: &'a ProviderId,
    model: Option<&'a str>,
    dimensions: usize,
    embeddings: &'a [Vec<f32>],
    usage: Option<Usage>,
    request_id: Option<&'a str>,
}

/// Prints the vectors of the texts.
pub(crate) async fn embed(arguments: Embed) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    let mut sources = arguments.file.sources();
    sources.arguments.providers.extend(arguments.provider.clone());
    let settings = Settings::load(&sources, &registry).await?;
    let provider = provider(&settings, arguments.model.as_deref(), &registry)?;
    // A vendor that makes no embeddings needs no model either.
    registry
        .embedder_registration(&provider.provider_type)
        .map_err(|error| told_of(error.with_provider(provider.id.clone()), &settings))?;
    let request = request(&arguments, &provider, &settings).await?;
    let embedder = settings.embedder(&provider.id).map_err(|error| told_of(error, &settings))?;
    for notice in &settings.notices {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    let usual = settings.options.timeout_seconds.map_or(TIMEOUT, Duration::from_secs_f64);
    let cx = CallContext::new().with_timeout(arguments.timeout_seconds.unwrap_or(usual));
    let answered = embedder.embed(&cx, &request).await;
    let answer = answered.map_err(|error| told_of(error.with_provider(provider.id.clone()), &settings))?;
    print_json_line(&Embedded {
        provider: &provider.id,
        model: answer.model.as_deref().or(request.model.as_ref().map(ModelName::as_str)),
        dimensions: answer.embeddings.first().map_or(0, Vec::len),
        embeddings: &answer.embeddings,
        usage: answer.usage,
        request_id: answer.request_id.as_deref(),
    })?;
    Ok(Exit::Answer)
}

fn told_of(error: Error, settings: &Settings) -> Failure {
    Failure::of(error, settings.summaries())
}

/// The one that was named, or the first that makes embeddings, of `model` or of its own.
fn provider(
    settings: &Settings,
    model: Option<&str>,
    registry: &Registry,
) -> Result<ProviderSummary, Failure> {
    if let Some(named) = settings.selected.iter().flatten().find_map(|id| settings.provider(id)) {
        return Ok(named);
    }
    settings.embedding_provider(model).ok_or_else(|| {
        let known: Vec<_> = registry.embedders().map(|row| row.name).collect();
        let message = format!(
            "no provider that is configured makes embeddings: name one with --provider ({})",
            known.join(", ")
        );
        Failure::usage(message)
    })
}

async fn request(
    arguments: &Embed,
    provider: &ProviderSummary,
    settings: &Settings,
) -> Result<EmbeddingRequest, Failure> {
    let mut request = EmbeddingRequest::new(texts(arguments.texts.clone()).await?);
    request.model = Some(ModelName::new(model(arguments, provider, settings)?)?);
    request.dimensions = arguments.dimensions;
    request.task.clone_from(&arguments.task);
    request.truncate = arguments.truncate.map(Into::into);
    Ok(request)
}

/// The model: the flag's, the argument's, the settings' where it makes embeddings by its name, or the vendor's usual one.
fn model(arguments: &Embed, provider: &ProviderSummary, settings: &Settings) -> Result<String, Failure> {
    let is_argument = arguments.provider.as_ref().is_some_and(|name| name.contains('/'))
        && matches!(provider.origin, Origin::Argument(_));
    let own = provider.model.clone().filter(|_| is_argument);
    arguments.model.clone().or(own).or_else(|| settings.embedding_model(provider)).ok_or_else(|| {
        let message = "no model of embeddings: name one that the provider has with --model";
        Error::new(ErrorKind::Config, message).with_provider(provider.id.clone()).into()
    })
}

/// The texts: the arguments, or the lines of standard input.
async fn texts(arguments: Vec<String>) -> Result<Vec<String>, Failure> {
    let is_input = arguments.is_empty() || arguments == ["-"];
    let texts = match is_input {
        false => arguments,
        true if arguments.is_empty() && io::stdin().is_terminal() => {
            return Err(Failure::usage("no text: write texts as arguments, or pipe them in, one a line"));
        }
        // It is read beside the main thread, which goes on listening for Ctrl-C.
        true => match tokio::task::spawn_blocking(lines).await {
            Ok(lines) => lines?,
            Err(error) => return Err(io::Error::other(error).into()),
        },
    };
    if let Some(at) = texts.iter().position(|text| text.trim().is_empty()) {
        return Err(Failure::usage(format!("text {} is empty: no model makes a vector of nothing", at + 1)));
    }
    match texts.is_empty() {
        true => Err(Failure::usage("standard input holds no text: pipe texts in, one a line")),
        false => Ok(texts),
    }
}

/// The lines of standard input that are not blank.
fn lines() -> Result<Vec<String>, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LONGEST_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(Failure::usage("standard input is longer than 256 MiB: embed it in parts"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("standard input is not UTF-8 (at byte {at}): save it as UTF-8"))
    })?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}
