//! What is chosen among: strategies with options over them.

use std::sync::Arc;

use ultraai_core::{Error, ErrorKind, Options, Registry, Result, Strategy};

use crate::ArmSettings;

/// A strategy, built once, with options.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) strategy: Arc<dyn Strategy>,
    pub(crate) options: Options,
}

/// How an arm works, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One candidate after the other, until one answers well.
    Chain,
    /// Several together, until one answers well.
    Quick,
    /// Several together, and the answer that most agree with.
    Agreement,
    /// Several, and an answer made of theirs.
    Synthesis,
    /// Nothing is known of it.
    Other,
}

impl Arm {
    /// The options that are in force with this arm, where the user set `own`: what he set himself stays.
    pub(crate) fn in_force(&self, own: &Options) -> Options {
        self.options.overridden_by(own)
    }

    /// Whether the user set another value for one of its options.
    pub(crate) fn contradicts(&self, own: &Options) -> bool {
        self.in_force(own) != own.overridden_by(&self.options)
    }

    /// The options to delegate with. The user's bound of retries is in force anyhow, and handed over it would go over the
    /// candidates' own.
    pub(crate) fn to_delegate(&self, own: &Options) -> Options {
        let mut options = self.in_force(own);
        options.max_retries = if own.max_retries.is_some() { None } else { self.options.max_retries };
        options
    }

    /// How it works under these options.
    pub(crate) fn role(&self, in_force: &Options) -> Role {
        role(self.strategy.name(), in_force)
    }
}

fn role(strategy: &str, options: &Options) -> Role {
    if options.max_providers_per_request == Some(1) || matches!(strategy, "fallback" | "cascade") {
        return Role::Chain;
    }
    if strategy == "race" || (options.use_early_stopping() && options.min_responses_needed() == 1) {
        return Role::Quick;
    }
    match strategy {
        "best-of-n" | "mixture" | "debate" => Role::Synthesis,
        "simple" if options.synthesize != Some(false) => Role::Synthesis,
        "parallel" if options.synthesize == Some(true) => Role::Synthesis,
        "simple" | "parallel" | "vote" => Role::Agreement,
        _ => Role::Other,
    }
}

/// The arms where the settings name none, as far as their strategies are in `registry`.
pub(crate) fn usual(registry: &Registry) -> Vec<ArmSettings> {
    let linked = |name: &str| registry.strategies().any(|row| row.name == name);
    let options = |early: bool, synthesize: bool| {
        let mut options = Options::default();
        (options.use_early_stopping, options.synthesize) = (Some(early), Some(synthesize));
        options
    };
    let mut arms = Vec::new();
    if linked("fallback") {
        arms.push(ArmSettings::new("fallback", Options::default()).named("fallback"));
    }
    // `simple` without a synthesis does what `parallel` does, in one rank.
    if let Some(together) = ["parallel", "simple"].into_iter().find(|name| linked(name)) {
        arms.push(
            ArmSettings::new(together, options(true, false)).named(format!("{together}, first good answer")),
        );
        arms.push(ArmSettings::new(together, options(false, false)).named(format!("{together}, agreement")));
    }
    if linked("simple") {
        arms.push(ArmSettings::new("simple", options(false, true)).named("simple, synthesis"));
    }
    arms
}

/// Builds the arms.
///
/// # Errors
/// `Config`, which names the arm and what is wrong with it.
pub(crate) fn build(settings: &[ArmSettings], registry: &Registry) -> Result<Vec<Arm>> {
    let mut arms: Vec<Arm> = Vec::with_capacity(settings.len());
    for setting in settings {
        let name = setting.label();
        let in_arm = |error: Error| {
            let message = format!("in the arm `{name}`: {}", error.message());
            error.with_message(message)
        };
        let refused = |why: &str| Err(in_arm(Error::new(ErrorKind::Config, why)));
        if setting.strategy == crate::NAME {
            return refused("`adaptive` cannot be an arm of itself: name another strategy");
        }
        if let Some(why) = without_effect(setting) {
            return refused(&why);
        }
        if arms.iter().any(|arm| arm.name == name) {
            return refused("there are two of that name: give one of them another `name`");
        }
        setting.options.validate().map_err(in_arm)?;
        if let Some(analyzer) = &setting.options.analysis_type {
            registry.analyzer(analyzer).map_err(in_arm)?;
        }
        if let Some(selector) = &setting.options.selector {
            registry.selector(selector).map_err(in_arm)?;
        }
        let strategy = registry.strategy(&setting.strategy, setting.settings.clone()).map_err(in_arm)?;
        arms.push(Arm { strategy, options: setting.options.clone(), name });
    }
    Ok(arms)
}

/// Why an option of the arm could have no effect, if one could not.
fn without_effect(setting: &ArmSettings) -> Option<String> {
    let options = &setting.options;
    if options.connect_timeout_seconds.is_some() {
        return Some(
            "`connect_timeout_seconds` belongs to the orchestrator: connections are shared".to_owned(),
        );
    }
    let together = [
        ("synthesizer", options.synthesizer.is_some()),
        ("synthesis_template", options.synthesis_template.is_some()),
    ];
    let of_several = [
        ("synthesize", options.synthesize == Some(true)),
        ("analysis_type", options.analysis_type.is_some()),
        ("analyst", options.analyst.is_some()),
        ("analysis_template", options.analysis_template.is_some()),
        ("use_early_stopping", options.use_early_stopping == Some(true)),
        ("min_responses_needed", options.min_responses_needed.is_some_and(|needed| needed > 1)),
        ("parallel_requests", options.parallel_requests == Some(true)),
    ];
    let set = |list: &[(&'static str, bool)]| list.iter().find(|(_, set)| *set).map(|(name, _)| *name);
    if setting.strategy == "fallback"
        && let Some(name) = set(&together).or_else(|| set(&of_several))
    {
        return Some(format!(
            "`{name}` has no effect on `fallback`, which stops at the first good answer: leave it out"
        ));
    }
    if options.synthesize == Some(false)
        && let Some(name) = set(&together)
    {
        return Some(format!("`{name}` has no effect where `synthesize` is false: leave it out"));
    }
    None
}

#[cfg(test)]
mod tests {
    use ultraai_strategy_fallback as _;
    use ultraai_strategy_simple as _;

    use super::*;

    fn options(set: impl FnOnce(&mut Options)) -> Options {
        let mut options = Options::default();
        set(&mut options);
        options
    }

    #[test]
    fn roles_follow_from_strategy_and_options() {
        let early = options(|options| options.use_early_stopping = Some(true));
        let quorum = options(|options| {
            options.use_early_stopping = Some(true);
            options.min_responses_needed = Some(2);
        });
        let plain = options(|options| options.synthesize = Some(false));
        let one = options(|options| options.max_providers_per_request = Some(1));
        for (strategy, options, expected) in [
            ("fallback", &Options::default(), Role::Chain),
            ("parallel", &Options::default(), Role::Agreement),
            ("parallel", &early, Role::Quick),
            ("parallel", &quorum, Role::Agreement),
            ("simple", &Options::default(), Role::Synthesis),
            ("simple", &plain, Role::Agreement),
            ("simple", &one, Role::Chain),
            ("somebody's", &Options::default(), Role::Other),
        ] {
            assert_eq!(role(strategy, options), expected, "{strategy} {options:?}");
        }
    }

    #[test]
    fn an_arm_that_cannot_be_built_is_refused_by_name() {
        let registry = Registry::linked().unwrap();
        let refusal = |arm: ArmSettings| build(&[arm], &registry).unwrap_err().to_string();
        let unknown = refusal(ArmSettings::new("paralel", Options::default()));
        assert!(unknown.contains("in the arm `paralel`") && unknown.contains("(linked: "), "{unknown}");
        assert!(refusal(ArmSettings::new("adaptive", Options::default())).contains("arm of itself"));
        let selector = options(|options| options.selector = Some("nobody".into()));
        assert!(refusal(ArmSettings::new("fallback", selector)).contains("nobody"));
        let setting = ArmSettings::new("fallback", Options::default());
        let twice = build(&[setting.clone(), setting], &registry).unwrap_err().to_string();
        assert!(twice.contains("two of that name"), "{twice}");
    }

    #[test]
    fn an_option_without_an_effect_is_refused_by_name() {
        let registry = Registry::linked().unwrap();
        let refused = |strategy: &str, set: fn(&mut Options), name: &str| {
            let error =
                build(&[ArmSettings::new(strategy, options(set))], &registry).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        refused("simple", |options| options.connect_timeout_seconds = Some(1.0), "connect_timeout_seconds");
        refused("fallback", |options| options.synthesize = Some(true), "`synthesize`");
        refused("fallback", |options| options.use_early_stopping = Some(true), "`use_early_stopping`");
        refused("fallback", |options| options.min_responses_needed = Some(2), "`min_responses_needed`");
        let never = |options: &mut Options| {
            options.synthesize = Some(false);
            options.synthesis_template = Some("{{answers}}".into());
        };
        refused("simple", never, "`synthesis_template`");
        let useful = options(|options| {
            (options.timeout_seconds, options.capture_message_content) = (Some(9.0), Some(true));
        });
        assert!(build(&[ArmSettings::new("fallback", useful)], &registry).is_ok());
    }

    #[test]
    fn what_the_user_set_stays() {
        let early = options(|options| options.use_early_stopping = Some(true));
        let arm = &build(&[ArmSettings::new("simple", early)], &Registry::linked().unwrap()).unwrap()[0];
        let own = options(|options| options.use_early_stopping = Some(false));
        assert!(arm.contradicts(&own) && !arm.contradicts(&Options::default()));
        assert_eq!(arm.in_force(&own).use_early_stopping, Some(false));
    }
}
