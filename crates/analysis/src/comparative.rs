//! The analyzer `comparative`.

use async_trait::async_trait;
use serde_json::Value;
use ultraai_core::{Analysis, Analyzer, Answer, ChatRequest, Error, ErrorKind, ProviderId, Result, Run};

use crate::{
    analyst::{self, Asked},
    details::{Agreement, AgreementFrom, Comparison, Difference, Method, Position},
    json,
    lexical::{self, Compared},
    summary,
};

/// The default of `analysis_template` for `comparative`.
pub const COMPARATIVE_TEMPLATE: &str = "\
{{count}} assistants have answered the message above. Their answers follow.
{{answers}}
Do not answer the message. Compare the answers: what do several of them say alike, and where do they contradict each other? \
Judge what they say and not how they say it. {{format}}";

const FORMAT: &str = "\
Reply with one JSON object and nothing else. Name answers by their numbers:
{\"summary\": \"two sentences at most\", \"agreement\": a number from 0 (they contradict each other) to 1 (they say the same), \
\"agreements\": [{\"point\": \"what they say alike\", \"answers\": [1, 2]}], \
\"differences\": [{\"point\": \"what they differ in\", \"positions\": [{\"says\": \"one side\", \"answers\": [1]}, \
{\"says\": \"the other\", \"answers\": [2]}]}]}";

/// Points of each kind that the details list.
const MOST_POINTS: usize = 50;

const NAME: &str = "comparative";

/// Says where the answers agree and where they differ. Its details are a [`Comparison`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Comparative;

#[async_trait]
impl Analyzer for Comparative {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn analyze(&self, run: &Run, request: &ChatRequest, answers: &[Answer]) -> Result<Analysis> {
        let ids: Vec<&ProviderId> = answers.iter().map(Answer::provider_id).collect();
        let read = |value: &Value| read(value, &ids);
        let fell_back = match analyst::ask(run, request, answers, COMPARATIVE_TEMPLATE, FORMAT, read).await {
            Asked::Found(analysis) => return analysis,
            Asked::Unusable(why) => Some(why),
            Asked::Nobody => None,
        };
        let texts: Vec<String> = answers.iter().map(|answer| answer.response.text()).collect();
        by_words(&lexical::compare(&texts), &ids, fell_back)
    }
}

/// Reads what a model found; `None` where it has not the form.
fn read(value: &Value, ids: &[&ProviderId]) -> Option<Result<Analysis>> {
    let has = |key: &str| value.get(key).is_some_and(Value::is_array);
    if !has("agreements") && !has("differences") {
        return None;
    }
    let (mut agreements, mut alike) = (Vec::new(), Vec::new());
    for item in json::list(value, "agreements") {
        let places = json::answers(item, "answers", ids.len());
        // One answer agrees with nobody.
        if let (Some(point), true) = (json::text(item, "point"), places.len() > 1) {
            alike.push((places, point));
        }
    }
    for (places, point) in alike.iter().take(MOST_POINTS) {
        agreements.push(Agreement { point: summary::detail(point), said_by: named(places, ids) });
    }
    let mut apart = Vec::new();
    for item in json::list(value, "differences") {
        let positions: Vec<(Vec<usize>, &str)> = json::list(item, "positions")
            .iter()
            .filter_map(|position| {
                let places = json::answers(position, "answers", ids.len());
                json::text(position, "says").filter(|_| !places.is_empty()).map(|says| (places, says))
            })
            .collect();
        let positions = one_side_each(&positions);
        if let (Some(point), true) = (json::text(item, "point"), positions.len() > 1) {
            apart.push((point, positions));
        }
    }
    let score = value.get("agreement").and_then(Value::as_f64).filter(|score| (0.0..=1.0).contains(score));
    // What denies its own findings is no estimate.
    let is_denied = |score: f64| {
        (score >= 1.0 && !apart.is_empty()) || (score <= 0.0 && apart.is_empty() && !alike.is_empty())
    };
    let score = score.filter(|score| !is_denied(*score));
    let told = json::text(value, "summary");
    let claimed = json::list(value, "agreements").len() + json::list(value, "differences").len();
    if alike.is_empty() && apart.is_empty() && (claimed > 0 || (told.is_none() && score.is_none())) {
        // It names nothing, or only answers that there are not.
        return None;
    }
    let differences = apart.iter().take(MOST_POINTS).map(|(point, positions)| Difference {
        point: summary::detail(point),
        positions: positions
            .iter()
            .map(|(places, says)| Position { says: summary::detail(says), said_by: named(places, ids) })
            .collect(),
    });
    let details = Comparison {
        method: Method::Model,
        answers: all(ids),
        fell_back: None,
        agreements,
        differences: differences.collect(),
        agreement_from: if score.is_some() { AgreementFrom::Model } else { AgreementFrom::Nothing },
        pairs: None,
        left_out: alike.len().saturating_sub(MOST_POINTS) + apart.len().saturating_sub(MOST_POINTS),
    };
    let mut text = told.map(summary::of_model).unwrap_or_default();
    let apart = apart.iter().map(|(_, positions)| {
        positions.iter().map(|(places, says)| (places.as_slice(), *says)).collect::<Vec<_>>()
    });
    summary::points(&mut text, apart);
    if told.is_none() {
        summary::points(&mut text, alike.iter().map(|(places, point)| vec![(places.as_slice(), *point)]));
    }
    Some(finished(text.trim_start().to_owned(), score, &details, false))
}

/// Sides of a difference without the answers that stand on several of them, and without what is said twice.
fn one_side_each<'a>(positions: &[(Vec<usize>, &'a str)]) -> Vec<(Vec<usize>, &'a str)> {
    let sides = |place: &usize| positions.iter().filter(|(places, _)| places.contains(place)).count();
    let mut kept: Vec<(Vec<usize>, &'a str)> = Vec::new();
    for (places, says) in positions {
        let places: Vec<usize> = places.iter().filter(|place| sides(place) == 1).copied().collect();
        if places.is_empty() {
            continue;
        }
        match kept.iter_mut().find(|(_, known)| known.eq_ignore_ascii_case(says)) {
            Some((known, _)) => known.extend(places),
            None => kept.push((places, says)),
        }
    }
    kept
}

fn by_words(compared: &Compared, ids: &[&ProviderId], fell_back: Option<&str>) -> Result<Analysis> {
    let apart: Vec<_> = compared.topics.iter().filter(|topic| topic.is_contradicted()).collect();
    let alike: Vec<_> = compared
        .topics
        .iter()
        .flat_map(|topic| &topic.variants)
        .filter(|variant| variant.said_by.len() > 1)
        .collect();
    let differences = apart.iter().take(MOST_POINTS).map(|topic| Difference {
        point: summary::detail(&topic.point),
        positions: topic
            .variants
            .iter()
            .filter(|variant| !variant.against.is_empty())
            .map(|variant| Position {
                says: summary::detail(&variant.text),
                said_by: named(&variant.said_by, ids),
            })
            .collect(),
    });
    let agreements = alike.iter().take(MOST_POINTS).map(|variant| Agreement {
        point: summary::detail(&variant.text),
        said_by: named(&variant.said_by, ids),
    });
    let score = compared.pairs.agreement();
    let details = Comparison {
        method: Method::Lexical,
        answers: all(ids),
        fell_back: fell_back.map(str::to_owned),
        agreements: agreements.collect(),
        differences: differences.collect(),
        agreement_from: if score.is_some() { AgreementFrom::Pairs } else { AgreementFrom::Nothing },
        pairs: Some(compared.pairs),
        left_out: compared.left_out
            + apart.len().saturating_sub(MOST_POINTS)
            + alike.len().saturating_sub(MOST_POINTS),
    };
    let mut text = summary::lexical(fell_back.is_some());
    let is_inconclusive = apart.is_empty() && alike.is_empty() && compared.pairs.agree == 0;
    if is_inconclusive {
        summary::nothing(&mut text);
    } else if apart.is_empty() && score == Some(1.0) {
        text.push_str(" They all come down to the same.");
    }
    if !apart.is_empty() {
        text.push_str(" They contradict each other:");
        let lines = apart.iter().map(|topic| {
            let sides = topic.variants.iter().filter(|variant| !variant.against.is_empty());
            sides.map(|variant| (variant.said_by.as_slice(), variant.text.as_str())).collect()
        });
        summary::points(&mut text, lines);
    }
    if !alike.is_empty() {
        text.push_str(if apart.is_empty() { " Several say:" } else { "\nSeveral say:" });
        let lines = alike.iter().map(|variant| vec![(variant.said_by.as_slice(), variant.text.as_str())]);
        summary::points(&mut text, lines);
    }
    finished(text, score, &details, is_inconclusive)
}

fn finished(
    summary: String,
    score: Option<f64>,
    details: &Comparison,
    is_inconclusive: bool,
) -> Result<Analysis> {
    let mut analysis = Analysis::new(NAME, summary);
    analysis.agreement = score;
    analysis.is_inconclusive = is_inconclusive;
    analysis.details = as_json(details)?;
    Ok(analysis)
}

pub(crate) fn as_json(details: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(details)
        .map_err(|error| Error::new(ErrorKind::Undecodable, "what was found is no JSON").with_source(error))
}

/// The candidates in the order of their answers.
pub(crate) fn all(ids: &[&ProviderId]) -> Vec<ProviderId> {
    ids.iter().map(|id| (*id).clone()).collect()
}

/// The candidates that gave these answers.
pub(crate) fn named(places: &[usize], ids: &[&ProviderId]) -> Vec<ProviderId> {
    places.iter().filter_map(|place| ids.get(*place)).map(|id| (*id).clone()).collect()
}
