//! The analyzer `factual`.

use std::borrow::Cow;

use async_trait::async_trait;
use serde_json::Value;
use ultraai_core::{Analysis, Analyzer, Answer, ChatRequest, ProviderId, Result, Run};

use crate::{
    analyst::{self, Asked},
    comparative::{all, as_json, named},
    details::{AgreementFrom, Claim, Findings, Method, Verdict},
    json,
    lexical::{self, Compared},
    summary,
};

/// The default of `analysis_template` for `factual`.
pub const FACTUAL_TEMPLATE: &str = "\
{{count}} assistants have answered the message above. Their answers follow.
{{answers}}
Do not answer the message. List the claims of fact that the answers make, the weightiest first, each once, and say for each \
claim which answers support it and which contradict it. An answer that says nothing of a claim belongs to neither. \
{{format}}";

const FORMAT: &str = "\
Reply with one JSON object and nothing else. Name answers by their numbers:
{\"summary\": \"two sentences at most\", \"claims\": [{\"claim\": \"what is claimed\", \"supported_by\": [1], \
\"contradicted_by\": [2]}]}";

/// Claims that the details list.
const MOST_CLAIMS: usize = 50;

const NAME: &str = "factual";

/// Lists claims, and how many answers support or contradict each. Its details are [`Findings`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Factual;

#[async_trait]
impl Analyzer for Factual {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn analyze(&self, run: &Run, request: &ChatRequest, answers: &[Answer]) -> Result<Analysis> {
        let ids: Vec<&ProviderId> = answers.iter().map(Answer::provider_id).collect();
        let read = |value: &Value| read(value, ids.len());
        let fell_back = match analyst::ask(run, request, answers, FACTUAL_TEMPLATE, FORMAT, read).await {
            Asked::Found((told, claims)) => return by_model(told.as_deref(), claims, &ids),
            Asked::Unusable(why) => Some(why),
            Asked::Nobody => None,
        };
        let texts: Vec<String> = answers.iter().map(|answer| answer.response.text()).collect();
        by_words(&lexical::compare(&texts), &ids, fell_back)
    }
}

/// A claim with the answers that say so and those that say otherwise, by place.
struct Weighed {
    claim: String,
    supported: Vec<usize>,
    contradicted: Vec<usize>,
}

impl Weighed {
    fn verdict(&self) -> Verdict {
        Verdict::of(self.supported.len(), self.contradicted.len())
    }

    /// Who says so, and who says otherwise.
    fn line(&self) -> Vec<(&[usize], Cow<'_, str>)> {
        let against = match self.supported.is_empty() {
            true => format!("it is not so that {}", self.claim).into(),
            false => "otherwise".into(),
        };
        let sides = [(self.supported.as_slice(), self.claim.as_str().into()), (&self.contradicted, against)];
        sides.into_iter().filter(|(places, _)| !places.is_empty()).collect()
    }
}

/// Reads what a model found; `None` where it has not the form.
fn read(value: &Value, count: usize) -> Option<(Option<String>, Vec<Weighed>)> {
    let listed = value.get("claims")?.as_array()?;
    let claims: Vec<_> = listed
        .iter()
        .filter_map(|item| {
            let (supported, contradicted) =
                (json::answers(item, "supported_by", count), json::answers(item, "contradicted_by", count));
            // Who is said to do both does neither.
            let both: Vec<_> =
                supported.iter().filter(|place| contradicted.contains(place)).copied().collect();
            let without =
                |places: Vec<usize>| places.into_iter().filter(|place| !both.contains(place)).collect();
            let (supported, contradicted): (Vec<_>, Vec<_>) = (without(supported), without(contradicted));
            let claim = json::text(item, "claim")?.to_owned();
            let is_told = !supported.is_empty() || !contradicted.is_empty();
            is_told.then_some(Weighed { claim, supported, contradicted })
        })
        .collect();
    (!claims.is_empty()).then(|| (json::text(value, "summary").map(str::to_owned), claims))
}

fn by_model(told: Option<&str>, claims: Vec<Weighed>, ids: &[&ProviderId]) -> Result<Analysis> {
    let heard = claims.iter().filter(|claim| claim.supported.len() + claim.contradicted.len() > 1);
    let (supports, contradicts) = heard.fold((0, 0), |(supports, contradicts), claim| {
        (supports + claim.supported.len(), contradicts + claim.contradicted.len())
    });
    #[expect(clippy::cast_precision_loss, reason = "so many claims do not come")]
    let score = (supports + contradicts > 0).then(|| supports as f64 / (supports + contradicts) as f64);
    let from = if score.is_some() { AgreementFrom::Claims } else { AgreementFrom::Nothing };
    let text = told.map(summary::of_model).unwrap_or_default();
    let mut analysis = Analysis::new(NAME, text);
    analysis.agreement = score;
    finished(analysis, claims, ids, Method::Model, None, from, 0)
}

fn by_words(compared: &Compared, ids: &[&ProviderId], fell_back: Option<&str>) -> Result<Analysis> {
    let mut claims = Vec::new();
    for topic in &compared.topics {
        for variant in &topic.variants {
            let against = variant.against.iter().flat_map(|place| &topic.variants[*place].said_by);
            let mut contradicted: Vec<usize> = against.copied().collect();
            contradicted.sort_unstable();
            claims.push(Weighed {
                claim: variant.text.clone(),
                supported: variant.said_by.clone(),
                contradicted,
            });
        }
    }
    let score = compared.pairs.agreement();
    let from = if score.is_some() { AgreementFrom::Pairs } else { AgreementFrom::Nothing };
    let mut text = summary::lexical(fell_back.is_some());
    let is_inconclusive = claims.iter().all(|claim| claim.verdict() == Verdict::Unknown);
    if is_inconclusive {
        summary::nothing(&mut text);
    }
    let mut analysis = Analysis::new(NAME, text);
    analysis.agreement = score;
    analysis.is_inconclusive = is_inconclusive;
    finished(analysis, claims, ids, Method::Lexical, fell_back, from, compared.left_out)
}

/// Puts the claims into the analysis, and what is contradicted or supported into its summary.
fn finished(
    mut analysis: Analysis,
    mut claims: Vec<Weighed>,
    ids: &[&ProviderId],
    method: Method,
    fell_back: Option<&str>,
    agreement_from: AgreementFrom,
    left_out: usize,
) -> Result<Analysis> {
    // Stable: claims of one verdict keep their order.
    claims.sort_by_key(Weighed::verdict);
    for (verdict, title) in [
        (Verdict::Mixed, "Supported by several and contradicted by others:"),
        (Verdict::Contradicted, "Contradicted:"),
        (Verdict::Supported, "Supported by several:"),
    ] {
        let lines: Vec<_> =
            claims.iter().filter(|claim| claim.verdict() == verdict).map(Weighed::line).collect();
        if !lines.is_empty() {
            analysis.summary.push(if analysis.summary.contains('\n') { '\n' } else { ' ' });
            analysis.summary.push_str(title);
            summary::points(&mut analysis.summary, lines.into_iter());
        }
    }
    let told = analysis.summary.trim_start().len();
    analysis.summary.drain(..analysis.summary.len() - told);
    let everybody: Vec<usize> = (0..ids.len()).collect();
    let listed = claims.iter().take(MOST_CLAIMS).map(|claim| Claim {
        claim: summary::detail(&claim.claim),
        supported_by: named(&claim.supported, ids),
        contradicted_by: named(&claim.contradicted, ids),
        unknown: named(
            &everybody
                .iter()
                .filter(|place| !claim.supported.contains(place) && !claim.contradicted.contains(place))
                .copied()
                .collect::<Vec<_>>(),
            ids,
        ),
        verdict: claim.verdict(),
    });
    let findings = Findings {
        method,
        answers: all(ids),
        fell_back: fell_back.map(str::to_owned),
        claims: listed.collect(),
        agreement_from,
        left_out: left_out + claims.len().saturating_sub(MOST_CLAIMS),
    };
    analysis.details = as_json(&findings)?;
    Ok(analysis)
}
