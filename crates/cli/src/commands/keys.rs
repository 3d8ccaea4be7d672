//! `ultraai keys`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;
use ultraai::{Cost, Lookup, Registry, nearest};
use ultraai_gateway::{
    DiskStore, KeyTerms, KeyView, State,
    admin::{Client, Created},
    timestamp,
};
use ultraai_settings::{GatewaySettings, Settings};

use crate::{
    arguments::{CreateKey, Keys, KeysAction, ListKeys, RevokeKey, StateFlags},
    exit::Exit,
    failure::Failure,
    state,
    terminal::{DIM, NOTE, Table, print, print_json, printable, tell},
};

/// How long a store that another process has open is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Every key, as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    folder: &'a Path,
    keys: &'a [KeyView],
}

/// Where the keys are: with a running server, which has the store locked, or in the store itself.
enum Keeper {
    Server(Client),
    Store(State),
}

/// Makes, lists and revokes keys.
pub(crate) async fn keys(keys: Keys) -> Result<Exit, Failure> {
    match keys.action {
        KeysAction::Create(create) => self::create(*create).await,
        KeysAction::List(list) => self::list(list).await,
        KeysAction::Revoke(revoke) => self::revoke(revoke).await,
    }
}

async fn create(create: CreateKey) -> Result<Exit, Failure> {
    let mut terms = KeyTerms::new(create.name);
    terms.expires = create.expires;
    terms.models = create.models;
    terms.requests_per_minute = create.requests_per_minute;
    terms.tokens_per_minute = create.tokens_per_minute;
    terms.budget_per_day_nano_dollars = create.budget_per_day;
    terms.budget_per_month_nano_dollars = create.budget_per_month;
    let folder = folder(&create.place).await?;
    let (created, place) = match keeper(&folder).await? {
        Keeper::Server(client) => {
            let created = client.create_key(&terms).await?;
            warn_of_unknown(&folder, &terms.models).await;
            (created, "at the running server")
        }
        Keeper::Store(state) => {
            let (key, token) = state.create_key(terms).await?;
            (Created::new(key, token.expose()), "for servers to come")
        }
    };
    match create.json {
        true => print_json(&created)?,
        false => print(&format!("{}\n", created.token))?,
    }
    tell(&format!(
        "key {0} is made in {1}, {place}: nobody is let in there without a key from now on\n\
         {DIM}keep it, for it is not shown again; `ultraai keys revoke {0}` ends it{DIM:#}\n",
        created.key.id,
        printable(&folder.display().to_string()),
    ));
    Ok(Exit::Answer)
}

/// Says which of a key's models the running server does not know. The key stays: they may be there when settings are read again.
async fn warn_of_unknown(folder: &Path, models: &[String]) {
    if models.is_empty() {
        return;
    }
    // A server of an older version does not tell.
    let Ok(Some(client)) = Client::find(folder).await else { return };
    let Ok(known) = client.models().await else { return };
    let providers = known.providers.iter().map(|provider| format!("{provider}/*"));
    let names: Vec<_> = known.models.iter().cloned().chain(providers).collect();
    for model in models.iter().filter(|model| !known.know(model)) {
        let advice = match nearest(model, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it knows {}, and PROVIDER/MODEL", known.models.join(", ")),
        };
        tell(&format!(
            "{NOTE}note:{NOTE:#} the running server knows no model `{}`: {advice}\n",
            printable(model)
        ));
    }
}

async fn list(list: ListKeys) -> Result<Exit, Failure> {
    let folder = folder(&list.place).await?;
    let keys = match existing(&folder).await? {
        None => Vec::new(),
        Some(Keeper::Server(client)) => client.keys().await?,
        Some(Keeper::Store(state)) => state.keys(),
    };
    if list.json {
        print_json(&Listed { folder: &folder, keys: &keys })?;
        return Ok(Exit::Answer);
    }
    if keys.is_empty() {
        let folder = printable(&folder.display().to_string()).into_owned();
        tell(&format!(
            "{NOTE}note:{NOTE:#} no keys in {folder}: `ultraai keys create --name NAME` makes one\n"
        ));
        return Ok(Exit::Answer);
    }
    let headings =
        ["ID", "NAME", "STATUS", "MODELS", "A MINUTE", "TODAY", "THIS MONTH", "LAST USED", "EXPIRES"];
    let mut table = Table::new(headings);
    for key in &keys {
        table.row(row(key));
    }
    print(&table.text())?;
    Ok(Exit::Answer)
}

async fn revoke(revoke: RevokeKey) -> Result<Exit, Failure> {
    let folder = folder(&revoke.place).await?;
    let key = match existing(&folder).await? {
        None => {
            let message =
                format!("there are no keys in {}: name the server's folder with --state", folder.display());
            return Err(Failure::usage(message));
        }
        Some(Keeper::Server(client)) => client.revoke_key(&revoke.id).await?,
        Some(Keeper::Store(state)) => state.revoke_key(&revoke.id).await?,
    };
    tell(&format!("key {} ({}) is revoked\n", key.id, printable(&key.terms.name)));
    Ok(Exit::Answer)
}

/// The folder of the keys. The settings are read only where no argument names it.
async fn folder(place: &StateFlags) -> Result<PathBuf, Failure> {
    let gateway = match &place.state {
        Some(_) => GatewaySettings::default(),
        None => Settings::load(&place.file.sources(), &Registry::linked()?).await?.gateway,
    };
    state::folder(place.state.as_deref(), &gateway, &Lookup::environment())
}

/// The server that runs with this folder, else its store, which is made where there is none.
///
/// Another command has the store only shortly, and a server that starts listens soon: both are waited for.
async fn keeper(folder: &Path) -> Result<Keeper, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(client) = Client::find(folder).await? {
            return Ok(Keeper::Server(client));
        }
        match State::open(folder) {
            Err(error) if DiskStore::is_open_elsewhere(&error) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => return Ok(Keeper::Store(opened?)),
        }
    }
}

/// As [`keeper`], where there are keys already.
async fn existing(folder: &Path) -> Result<Option<Keeper>, Failure> {
    if let Some(client) = Client::find(folder).await? {
        return Ok(Some(Keeper::Server(client)));
    }
    match DiskStore::is_in(folder) {
        true => keeper(folder).await.map(Some),
        false => Ok(None),
    }
}

fn row(key: &KeyView) -> [String; 9] {
    let terms = &key.terms;
    let minute = [(terms.requests_per_minute, "requests"), (terms.tokens_per_minute, "tokens")];
    let minute: Vec<_> =
        minute.iter().filter_map(|(limit, what)| Some(format!("{} {what}", (*limit)?))).collect();
    let or_dash = |words: Vec<String>| if words.is_empty() { "-".to_owned() } else { words.join(", ") };
    [
        key.id.clone(),
        terms.name.clone(),
        key.status.as_str().to_owned(),
        if terms.models.is_empty() { "all".to_owned() } else { terms.models.join(", ") },
        or_dash(minute),
        spent(key.spent_today_nano_dollars, terms.budget_per_day_nano_dollars),
        spent(key.spent_this_month_nano_dollars, terms.budget_per_month_nano_dollars),
        key.last_used.map_or_else(|| "never".to_owned(), minute_of),
        terms.expires.map_or_else(|| "never".to_owned(), minute_of),
    ]
}

fn spent(nano: u64, budget: Option<u64>) -> String {
    let nano = Cost::NanoDollars(nano);
    match budget {
        Some(budget) => format!("{nano} of ${}", decimal(budget)),
        None => nano.to_string(),
    }
}

/// As it was written: without zeros behind it.
fn decimal(nano: u64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A moment to the minute, in UTC.
fn minute_of(seconds: u64) -> String {
    timestamp(seconds)[..16].replace('T', " ")
}
