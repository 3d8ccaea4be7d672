//! How much the model thinks, and what that forbids.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Losses, ReasoningOptions, Result};

use super::{Target, lose_all};
use crate::{
    NAME,
    family::{self, Traits},
    json::Json,
};

/// The least budget, in tokens: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
const LEAST_BUDGET: u64 = 1024;
/// The most that an effort becomes, in tokens, as in [`share`].
const MOST_BUDGET: u64 = 128_000;
/// Which `top_p` thinking goes with (same page).
const THINKING_TOP_P: std::ops::RangeInclusive<f64> = 0.95..=1.0;

/// The object `thinking`.
#[derive(Debug)]
pub(super) enum Thinking<'a> {
    /// In the model's word.
    Off(&'static str),
    Adaptive {
        display: Option<&'static str>,
        extra: Option<&'a Map<String, Value>>,
    },
    Enabled {
        budget: u64,
        display: Option<&'static str>,
        extra: Option<&'a Map<String, Value>>,
    },
    /// A kind that only the protocol has words for.
    Raw(&'a Map<String, Value>),
}

/// What the request's options become.
pub(super) struct Plan<'a> {
    pub(super) max_tokens: u64,
    pub(super) thinking: Option<Thinking<'a>>,
    pub(super) effort: Option<&'a str>,
    traits: Traits,
}

impl<'a> Plan<'a> {
    /// `usual` is the upper bound of the answer where the request names none; `forced` says that a tool must be called for the
    /// sake of the answer's form.
    pub(super) fn of(
        request: &'a ChatRequest,
        target: &Target,
        usual: u64,
        forced: bool,
        losses: &mut Losses,
    ) -> Result<Self> {
        let max_tokens = request.max_tokens.unwrap_or(usual);
        let mut plan = Self { max_tokens, thinking: None, effort: None, traits: target.traits };
        if let Some(options) = &request.reasoning {
            plan.read(request, options, target, usual, losses)?;
        }
        if forced && plan.has_budget() {
            let why = "the model has no field for the form of its answer, and a tool that must be called goes with no thinking";
            losses.lose("`reasoning`", why)?;
            plan.thinking = None;
        }
        Ok(plan)
    }

    fn read(
        &mut self,
        request: &'a ChatRequest,
        options: &'a ReasoningOptions,
        target: &Target,
        usual: u64,
        losses: &mut Losses,
    ) -> Result<()> {
        let extra = Some(&options.extra).filter(|extra| !extra.is_empty());
        let extra = match extra {
            Some(extra) if !target.own => {
                lose_all(extra, "reasoning.", losses)?;
                None
            }
            extra => extra,
        };
        let kind = target.traits.thinking();
        let word = options.effort.as_deref();
        if let Some(extra) = extra.filter(|extra| extra.contains_key("type")) {
            self.thinking = Some(Thinking::Raw(extra));
            self.effort = word;
            return Ok(());
        }
        let is_off = options.enabled == Some(false) || (options.enabled.is_none() && word == Some("none"));
        if kind == family::Thinking::Never {
            return match is_off {
                true => Ok(()),
                false => losses.lose("`reasoning`", "the model does not think"),
            };
        }
        let word = word.filter(|word| *word != "none");
        if target.traits.effort() {
            // The least that there is.
            self.effort = word.map(|word| if word == "minimal" { "low" } else { word });
        }
        if is_off {
            self.thinking = target.traits.word_for_off().map(Thinking::Off);
            return match self.thinking {
                Some(_) => Ok(()),
                None => {
                    losses.lose("`reasoning`", "the model always thinks: set `reasoning.effort` to `low`")
                }
            };
        }
        let display = display(options.summary.as_deref(), losses)?;
        // In this protocol effort is but a word beside thinking, and a request says both. Elsewhere it means to think.
        let is_own = request.origin == Some(NAME);
        let told_by_effort = word.is_some() && target.traits.thinks_when_told() && !is_own;
        let asked = options.enabled == Some(true) || options.max_tokens.is_some() || display.is_some();
        if !asked && !told_by_effort {
            if is_own {
                // Whether the model takes it, the vendor judges.
                self.effort = options.effort.as_deref();
            }
            return Ok(());
        }
        let budget = match (kind, options.max_tokens) {
            (family::Thinking::Adaptive, Some(_)) => {
                losses.lose(
                    "`reasoning.max_tokens`",
                    "the model thinks as it sees fit: set `reasoning.effort`",
                )?;
                None
            }
            (family::Thinking::Both | family::Thinking::Budget, Some(budget)) => {
                if word.is_some() && self.effort.is_none() {
                    losses.lose("`reasoning.effort`", "the model takes a budget alone, which is set too")?;
                }
                self.fitting(request, budget, usual, losses)?
            }
            (family::Thinking::Budget, None) => {
                let share = self.share(word, losses)?;
                if let (Some(budget), Some(_), None) = (share, word, self.effort) {
                    let why =
                        format!("the model takes none, and thinks with a budget of {budget} tokens instead");
                    losses.leave_out("`reasoning.effort`", &why);
                }
                share
            }
            _ => None,
        };
        self.thinking = match budget {
            Some(budget) => Some(Thinking::Enabled { budget, display, extra }),
            // What is no budget was lost by name.
            None if kind == family::Thinking::Budget => None,
            None => Some(Thinking::Adaptive { display, extra }),
        };
        Ok(())
    }

    /// A budget that was asked for.
    fn fitting(
        &mut self,
        request: &ChatRequest,
        budget: u64,
        usual: u64,
        losses: &mut Losses,
    ) -> Result<Option<u64>> {
        const FIELD: &str = "`reasoning.max_tokens`";
        let mut fitting = budget;
        if fitting < LEAST_BUDGET {
            losses.lose(FIELD, "it must be at least 1024")?;
            fitting = LEAST_BUDGET;
        }
        if fitting >= self.max_tokens {
            match request.max_tokens {
                // The answer gets what it usually gets, beside the thinking.
                None => self.max_tokens = fitting.saturating_add(usual),
                Some(_) => {
                    losses.lose(FIELD, "it must be less than `max_tokens`")?;
                    fitting = self.max_tokens.saturating_sub(1);
                }
            }
        }
        Ok((fitting >= LEAST_BUDGET).then_some(fitting))
    }

    /// The budget that an effort means for a model that knows none: a share of the answer's upper bound, as
    /// <https://openrouter.ai/docs/use-cases/reasoning-tokens> says.
    fn share(&self, word: Option<&str>, losses: &mut Losses) -> Result<Option<u64>> {
        let percent = match word {
            Some("max" | "xhigh") => 95,
            Some("high") => 80,
            Some("medium") | None => 50,
            Some("low") => 20,
            Some("minimal") => 10,
            Some(_) => {
                losses.lose("`reasoning.effort`", "nobody knows what it means to this model")?;
                50
            }
        };
        if self.max_tokens <= LEAST_BUDGET {
            losses
                .lose("`reasoning`", "thinking takes at least 1024 tokens, and `max_tokens` holds no more")?;
            return Ok(None);
        }
        let share = self.max_tokens.saturating_mul(percent) / 100;
        Ok(Some(share.clamp(LEAST_BUDGET, MOST_BUDGET).min(self.max_tokens - 1)))
    }

    fn has_budget(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. }))
    }

    fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. } | Thinking::Adaptive { .. }))
    }

    /// Whether a tool may be demanded.
    pub(super) fn may_force_tools(&self) -> Result<(), &'static str> {
        match self.has_budget() {
            true => Err("a tool that must be called goes with no thinking"),
            false if !self.traits.forces_tools() => Err("the model calls tools as it sees fit"),
            false => Ok(()),
        }
    }

    #[expect(clippy::float_cmp, reason = "the default is written as exactly this number")]
    pub(super) fn temperature(&self, temperature: f64) -> Result<(), &'static str> {
        if temperature == 1.0 {
            Ok(())
        } else if self.thinks() {
            Err("with thinking it must be 1 or left out")
        } else if self.traits.samples_by_itself() {
            Err(BY_ITSELF)
        } else if temperature > 1.0 && self.traits.is_known() {
            Err("it must be at most 1")
        } else {
            Ok(())
        }
    }

    #[expect(clippy::float_cmp, reason = "the default is written as exactly this number")]
    pub(super) fn top_p(&self, top_p: f64, temperature: Option<f64>) -> Result<(), &'static str> {
        if top_p == 1.0 && !self.traits.takes_one_sampler() {
            Ok(())
        } else if self.thinks() && !THINKING_TOP_P.contains(&top_p) {
            Err("with thinking it must be 0.95 to 1, or left out")
        } else if self.traits.samples_by_itself() {
            if top_p == 1.0 { Ok(()) } else { Err(BY_ITSELF) }
        } else if self.traits.takes_one_sampler() && temperature.is_some() {
            Err("the model takes one of `temperature` and `top_p`")
        } else {
            Ok(())
        }
    }

    pub(super) fn top_k(&self) -> Result<(), &'static str> {
        if self.thinks() {
            Err("it goes with no thinking")
        } else if self.traits.samples_by_itself() {
            Err(BY_ITSELF)
        } else {
            Ok(())
        }
    }
}

const BY_ITSELF: &str = "the model takes no sampling parameters: leave it out";

/// Whether the thinking is told, in the protocol's word.
fn display(summary: Option<&str>, losses: &mut Losses) -> Result<Option<&'static str>> {
    Ok(match summary {
        None => None,
        Some("summarized" | "auto" | "concise" | "detailed") => Some("summarized"),
        Some("omitted" | "none") => Some("omitted"),
        Some(_) => {
            losses.lose("`reasoning.summary`", "anthropic-messages knows `summarized` and `omitted`")?;
            None
        }
    })
}

impl Thinking<'_> {
    pub(super) fn write(&self, json: &mut Json) {
        json.key("thinking");
        if let Self::Raw(extra) = self {
            json.value(extra);
            return;
        }
        json.begin(b'{');
        match self {
            Self::Off(word) => json.entry("type", word),
            Self::Raw(_) => {}
            Self::Adaptive { display, extra } => {
                json.entry("type", "adaptive");
                told(json, *display, *extra);
            }
            Self::Enabled { budget, display, extra } => {
                json.entry("type", "enabled");
                json.entry("budget_tokens", budget);
                told(json, *display, *extra);
            }
        }
        json.end(b'}');
    }
}

fn told(json: &mut Json, display: Option<&'static str>, extra: Option<&Map<String, Value>>) {
    if let Some(display) = display {
        json.entry("display", display);
    }
    if let Some(extra) = extra {
        json.fields(extra);
    }
}
