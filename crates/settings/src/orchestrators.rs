//! The orchestrators of some settings by name, and what a model's name means to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value};
use ultraai_core::{
    BaseOrchestrator, Error, ErrorKind, ModelName, Options, Orchestrator, PriceTable, ProviderId, Registry,
    RequestOptions, Result, Strategy, nearest,
};

use crate::{
    Builder, Origin, Settings, aliases::split, assemble::placed, named::Named, reloading::Stamps,
    settings::register, table::Row,
};

/// The name of the orchestrator of the table `[orchestrator]`.
pub const DEFAULT: &str = "default";

/// The strategy that asks one provider alone.
const DIRECT: &str = "fallback";

/// The orchestrators of some settings. They share their providers, with breakers, limits and statistics.
#[derive(Clone, Debug)]
pub struct Orchestrators {
    named: BTreeMap<String, Target>,
    /// Asks one provider alone.
    direct: Orchestrator<Arc<dyn Strategy>>,
    /// What a provider that is asked alone is asked with.
    direct_options: Options,
    /// Providers without a model of their own.
    without_model: BTreeSet<ProviderId>,
    /// What the providers were built with.
    basis: Arc<Basis>,
}

/// What providers are built with besides their own settings and the options.
#[derive(Debug)]
struct Basis {
    registry: Arc<Registry>,
    layers: Vec<(String, Map<String, Value>)>,
    prices: PriceTable,
    stamps: Stamps,
    /// The strategy of each orchestrator, and what it was built from.
    strategies: BTreeMap<String, (String, Map<String, Value>)>,
}

/// Who answers a request, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The orchestrator.
    pub orchestrator: Orchestrator<Arc<dyn Strategy>>,
    /// What the request is asked with.
    pub options: RequestOptions,
    /// The model that the provider is asked for in place of its own, as `options` say too.
    pub model: Option<ModelName>,
}

impl Settings {
    /// Builds the orchestrators: `default`, and those of the tables `[orchestrators.NAME]`. `prepare` gives the builder what
    /// else they need. A provider without a model of its own is there for requests that name one; `default`, and who names no
    /// `providers`, ask the others.
    ///
    /// # Errors
    /// As [`build`](Self::build); but a provider needs a model only where something names it, such as `providers` or `fallbacks`.
    pub fn orchestrators(&self, prepare: impl FnOnce(Builder) -> Builder) -> Result<Orchestrators> {
        let orchestrators = self.orchestrators_unchecked(prepare)?;
        self.check_all(&orchestrators)?;
        Ok(orchestrators)
    }

    fn orchestrators_unchecked(&self, prepare: impl FnOnce(Builder) -> Builder) -> Result<Orchestrators> {
        let first = prepare(self.builder()?).build()?;
        self.orchestrators_on(first.base(), None)
    }

    fn check_all(&self, orchestrators: &Orchestrators) -> Result<()> {
        orchestrators.named.iter().try_for_each(|(name, target)| {
            self.check_answers(name, target.orchestrator.check(&target.options))
        })
    }

    /// Puts the place and the table before what is wrong with the orchestrator `name`.
    pub(crate) fn check_answers(&self, name: &str, checked: Result<()>) -> Result<()> {
        let Err(error) = checked else { return Ok(()) };
        let table = self.named.iter().find(|table| table.name == *name);
        let title = table.map_or("orchestrator".to_owned(), |table| format!("orchestrators.{}", table.name));
        let error =
            Error::new(error.kind(), format!("[{title}] could answer no request: {}", error.message()));
        Err(match table {
            Some(table) => table.explained(&error),
            None => placed(&self.origins, &error),
        })
    }

    /// Builds the orchestrator `name`: `default`, or that of a table `[orchestrators.NAME]`; with what arguments set over it.
    ///
    /// # Errors
    /// As [`orchestrators`](Self::orchestrators), and for a name that none has.
    pub fn orchestrator(&self, name: &str) -> Result<Target> {
        // The others may be wrong: they are not asked.
        let Orchestrators { named, .. } = self.orchestrators_unchecked(|builder| builder)?;
        let Some(mut target) = named.get(name).cloned() else {
            let advice = match nearest(name, named.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("configured: {}", named.into_keys().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("no orchestrator `{name}` is configured: {advice}");
            return Err(Error::new(ErrorKind::Config, message));
        };
        if self.selected.is_some() {
            target.options.providers.clone_from(&self.selected);
        }
        let is_argument = |name: &str| matches!(self.origins.get(name), Some(Origin::Argument(_)));
        let mut set = serde_json::to_value(&self.options).unwrap_or_default();
        if let Value::Object(set) = &mut set {
            // That one is the same for all, and is so already.
            set.retain(|name, _| is_argument(name) && name != "connect_timeout_seconds");
        }
        let arguments: Options = serde_json::from_value(set).unwrap_or_default();
        target.options.options = target.options.options.overridden_by(&arguments);
        self.check_answers(name, target.orchestrator.check(&target.options))?;
        Ok(target)
    }

    /// A strategy that stands in `before` in the same way goes on with what it learned.
    fn orchestrators_on(
        &self,
        base: &BaseOrchestrator,
        before: Option<&Orchestrators>,
    ) -> Result<Orchestrators> {
        if let Some(row) = self.rows.iter().find(|row| row.id == *DEFAULT) {
            let message = "a provider is called `default`, and a request that names it means the orchestrator of the table [orchestrator]: give the provider another name";
            return Err(Error::new(ErrorKind::Config, row.origin.before(message)));
        }
        let rows = self.needed_here();
        // A program that runs is given no arguments.
        let is_running = before.is_some();
        let check = |row: &Row| self.check_named_model(row, is_running);
        register(
            base,
            &rows,
            |_, spec| spec,
            check,
            |row, broken| match is_running {
                true => String::new(),
                false => self.leaving_out_here(row, broken),
            },
        )?;
        let without_model: BTreeSet<_> =
            rows.iter().filter(|row| row.needs_model(&self.registry)).map(|row| row.id.clone()).collect();
        let all = match &self.selected {
            Some(selected) => Some(selected.clone()),
            None if without_model.is_empty() => None,
            None => {
                let ids = rows.iter().map(|row| row.id.clone());
                Some(ids.filter(|id| !without_model.contains(id)).collect())
            }
        };
        let mut strategies = BTreeMap::new();
        let mut named = BTreeMap::new();
        let mut add = |name: &str, strategy: &str, settings, options: &Options, providers| {
            let built_from = (strategy.to_owned(), settings);
            let known = before.and_then(|before| before.strategy(name, &built_from, &self.registry));
            let strategy = match known {
                Some(strategy) => strategy,
                None => self.registry.strategy(strategy, Value::Object(built_from.1.clone()))?,
            };
            let mut request = RequestOptions::default().with_options(options.clone());
            request.providers = providers;
            let orchestrator = Orchestrator::new(base.clone(), strategy);
            named.insert(name.to_owned(), Target { orchestrator, options: request, model: None });
            strategies.insert(name.to_owned(), built_from);
            Result::Ok(())
        };
        let own = self.strategies.of(&self.strategy);
        add(DEFAULT, &self.strategy, own, &Options::default(), all.clone())?;
        for table in &self.named {
            let settings = table.strategy_settings(&self.strategy, &self.strategies);
            let providers = table.providers.as_ref().map(|(ids, _)| ids.clone()).or_else(|| all.clone());
            base.check_links(&table.choices.options).map_err(|error| table.explained(&error))?;
            let strategy = table.strategy(&self.strategy);
            add(table.name.as_str(), strategy, settings, &table.choices.options, providers)?;
        }
        let direct = Orchestrator::new(base.clone(), self.registry.strategy(DIRECT, Value::Null)?);
        // One candidate gives one answer, however many the others must give.
        let needed = base.options().min_responses_needed();
        let direct_options =
            Options::default().edited(|options| options.min_responses_needed = (needed > 1).then_some(1));
        let basis = Basis {
            registry: Arc::clone(&self.registry),
            layers: self.layers.iter().map(|(name, own)| (name.to_owned(), own.clone())).collect(),
            prices: self.prices.table.clone(),
            stamps: self.stamps.clone(),
            strategies,
        };
        Ok(Orchestrators { named, direct, direct_options, without_model, basis: Arc::new(basis) })
    }

    /// The providers that can be asked, in the order of the file. Where arguments select some, those that orchestrators name
    /// are asked too.
    fn needed_here(&self) -> Vec<&Row> {
        let Some(selected) = &self.selected else { return self.rows.iter().collect() };
        let named = self.named.iter().flat_map(Named::named);
        self.needed_for(selected.iter().chain(named).map(ProviderId::as_str))
    }

    /// How to leave `row` out where the tables of orchestrators are minded too, which need what they name whatever arguments
    /// name.
    fn leaving_out_here(&self, row: &Row, broken: &[&str]) -> String {
        let needs = |table: &Named, id: &str| {
            let named: Vec<_> = table.named().map(ProviderId::as_str).collect();
            !named.is_empty() && self.needed_for(named).iter().any(|needed| needed.id == *id)
        };
        let list = |of: &[&str]| {
            let needing = self.named.iter().filter(|table| of.iter().any(|id| needs(table, id)));
            needing.map(|table| format!("[orchestrators.{}]", table.name)).collect::<Vec<_>>().join(" and ")
        };
        if let Some(selected) = &self.selected {
            let selected = selected.iter().map(ProviderId::as_str);
            let tables = list(&[row.id.as_str()]);
            let is_selected = self.needed_for(selected).iter().any(|needed| needed.id == row.id);
            return match is_selected || tables.is_empty() {
                true => String::new(),
                false => format!("; `{}` is needed by {tables}, whatever `-p` names", row.id),
            };
        }
        let Some(advice) = self.leaving_out(row, broken) else { return String::new() };
        let tables = list(broken);
        let needed = broken.iter().filter(|id| self.named.iter().any(|table| needs(table, id)));
        let needed: Vec<_> = needed.map(|id| format!("`{id}`")).collect();
        match tables.is_empty() {
            true => advice,
            false => format!("{advice}, once nothing in {tables} needs {}", needed.join(" and ")),
        }
    }

    /// Refuses a provider without a model that something names, since it is asked without one there.
    fn check_named_model(&self, row: &Row, is_running: bool) -> Result<()> {
        if !row.needs_model(&self.registry) {
            return Ok(());
        }
        let is_selected = self.selected.as_ref().is_some_and(|selected| selected.contains(&row.id));
        if is_selected && !is_running {
            return row.check_model(&self.registry);
        }
        let id = row.id.as_str();
        let asides = |options: &Options| {
            [("synthesizer", &options.synthesizer), ("analyst", &options.analyst)]
                .into_iter()
                .find_map(|(name, named)| named.as_ref().is_some_and(|named| *named == *id).then_some(name))
        };
        let by_provider =
            self.rows.iter().find(|other| other.spec.fallback_names().iter().any(|name| name == id));
        let by_table = self.named.iter().find_map(|table| {
            let listed =
                table.providers.as_ref().is_some_and(|(ids, _)| ids.iter().any(|named| *named == *id));
            let key = if listed { Some("providers") } else { asides(&table.choices.options) };
            key.map(|key| format!("`{key}` of [orchestrators.{}]", table.name))
        });
        let by_argument = is_selected.then(|| "the argument `--provider`".to_owned());
        let by = by_argument
            .or_else(|| by_provider.map(|other| format!("`fallbacks` of [providers.{}]", other.id)))
            .or_else(|| asides(&self.options).map(|key| format!("`{key}` of [orchestrator]")))
            .or(by_table);
        match by {
            None => Ok(()),
            Some(by) => {
                let message = format!("no `model`, and {by} names it: set it to one that the provider has");
                Err(Error::new(ErrorKind::Config, row.origin.before(&message)).with_provider(row.id.clone()))
            }
        }
    }
}

impl Orchestrators {
    /// Who answers where a request names `model`: an orchestrator, a provider, or `PROVIDER/MODEL`.
    ///
    /// # Errors
    /// `ModelNotFound`, which names those that are there.
    pub fn target(&self, model: &str) -> Result<Target> {
        self.target_among(model, || self.names())
    }

    /// The same for somebody who may ask for no more than `names`, and learns of no others.
    ///
    /// # Errors
    /// `ModelNotFound`, which names some of `names`.
    pub fn target_among(&self, model: &str, names: impl FnOnce() -> Vec<String>) -> Result<Target> {
        let wrong = |message: String| Err(Error::new(ErrorKind::ModelNotFound, message));
        if let Some(target) = self.named.get(model) {
            if target.options.providers.as_ref().is_some_and(Vec::is_empty) {
                let models: Vec<_> = self.without_model.iter().map(|id| format!("`{id}/MODEL`")).collect();
                let message = format!(
                    "no provider of `{model}` has a model of its own: ask for {}",
                    models.join(" or ")
                );
                return wrong(message);
            }
            return Ok(target.clone());
        }
        let (id, other) = split(model);
        let candidates = self.direct.candidates();
        let Some(candidate) = candidates.iter().find(|candidate| *candidate.id() == *id) else {
            let names = names();
            let advice = match nearest(model, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "ask the operator which are there".to_owned(),
                None => format!("name one of {}", names.join(", ")),
            };
            return wrong(format!("no model `{model}` here: {advice}"));
        };
        if other.is_none() && self.without_model.contains(candidate.id()) {
            return wrong(format!("the provider `{id}` has no model of its own: ask for `{id}/MODEL`"));
        }
        let Ok(other) = other.map(ModelName::new).transpose() else {
            return wrong(format!("`{model}` names no model after the slash: ask for `{id}/MODEL`"));
        };
        let mut options = RequestOptions::default()
            .with_options(self.direct_options.clone())
            .with_providers(vec![candidate.id().clone()]);
        options.model.clone_from(&other);
        Ok(Target { orchestrator: self.direct.clone(), options, model: other })
    }

    /// The orchestrators of other settings, in the place of these. Everything is built and checked first, and these stay as
    /// they are, for the requests that began with them.
    ///
    /// Where the tables of layers and prices are the same, every provider that is set up as before goes on as it is, with
    /// statistics, breakers, limits and connections; else its statistics alone go on, and what was spent today. `prepare` is for
    /// the latter case, as in [`Settings::orchestrators`].
    ///
    /// # Errors
    /// As [`Settings::orchestrators`].
    pub fn reloaded(&self, settings: &Settings, prepare: impl FnOnce(Builder) -> Builder) -> Result<Self> {
        let (base, basis) = (self.direct.base(), &self.basis);
        let layers = settings.layers.iter();
        let same_layers = layers.eq(basis.layers.iter().map(|(name, own)| (name.as_str(), own)));
        let same = same_layers
            && basis.prices == settings.prices.table
            && Arc::ptr_eq(&basis.registry, &settings.registry);
        let orchestrators = match same {
            true => {
                let is_same = |id: &ProviderId| basis.stamps.agree_on(id, &settings.stamps);
                settings.orchestrators_on(&base.successor(settings.options.clone(), is_same)?, Some(self))?
            }
            false => {
                let first = prepare(settings.builder()?).succeeding(base).build()?;
                settings.orchestrators_on(first.base(), Some(self))?
            }
        };
        settings.check_all(&orchestrators)?;
        Ok(orchestrators)
    }

    /// The strategy of the orchestrator `name`, where it was built from the same.
    fn strategy(
        &self,
        name: &str,
        built_from: &(String, Map<String, Value>),
        registry: &Arc<Registry>,
    ) -> Option<Arc<dyn Strategy>> {
        let same = self.basis.strategies.get(name) == Some(built_from)
            && Arc::ptr_eq(&self.basis.registry, registry);
        let target = self.named.get(name).filter(|_| same)?;
        Some(Arc::clone(target.orchestrator.strategy()))
    }

    /// The names that requests may give as their model, but for those of the providers' other models.
    pub fn names(&self) -> Vec<String> {
        let orchestrators = self.named.iter();
        let orchestrators = orchestrators
            .filter(|(_, target)| target.options.providers.as_ref().is_none_or(|ids| !ids.is_empty()));
        let candidates = self.direct.candidates();
        let providers = candidates.iter().map(|candidate| candidate.id());
        let providers = providers.filter(|id| !self.without_model.contains(*id)).map(ToString::to_string);
        orchestrators.map(|(name, _)| name.clone()).chain(providers).collect()
    }

    /// The orchestrators with their names.
    pub fn orchestrators(&self) -> Vec<(String, Orchestrator<Arc<dyn Strategy>>)> {
        let named = self.named.iter();
        named.map(|(name, target)| (name.clone(), target.orchestrator.clone())).collect()
    }

    /// The orchestrator of the table `[orchestrator]`.
    pub fn default_orchestrator(&self) -> &Orchestrator<Arc<dyn Strategy>> {
        self.named.get(DEFAULT).map_or(&self.direct, |target| &target.orchestrator)
    }

    /// The providers.
    pub fn providers(&self) -> Vec<ProviderId> {
        self.direct.candidates().iter().map(|candidate| candidate.id().clone()).collect()
    }
}
