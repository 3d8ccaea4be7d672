//! What comes of a request: answers, errors, fallbacks.

use serde_json::{Map, Value};
use ultraai_core::{
    ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, Options, Part, RequestOptions, Support, Tool,
};

use super::{
    super::{
        connect::{PROMPT, PROMPT_WORD, text},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    StrategySubject, asked, register, spec,
};
use crate::{Latency, Scripted, Simulated, Simulation, Step, captured};

pub(super) const SCENARIOS: &[Scenario<StrategySubject>] = scenarios![
    has_its_registered_name,
    unknown_settings_are_refused,
    one_good_candidate_answers,
    the_good_one_among_failing_ones_answers,
    an_incomplete_answer_is_no_good_one,
    a_refusal_is_no_good_answer,
    when_all_fail_each_cause_is_told,
    the_first_rejection_is_seen,
    fallbacks_are_used,
    nobody_is_asked_twice,
    who_cannot_do_it_is_not_asked,
    with_tools_one_models_answer_is_given,
    an_empty_prompt_is_refused,
    without_candidates_nothing_is_asked,
    the_outcome_serializes,
    equal_seeds_make_equal_outcomes,
    logs_no_content,
];

/// That the answer is `wanted`.
async fn answers(orchestrator: &super::Orchestrated, wanted: &str) -> Result<ultraai_core::Outcome, String> {
    let outcome = asked(orchestrator, Options::default()).await.map_err(text)?;
    ensure!(outcome.synthesis.response == wanted, "the answer is {:?}", outcome.synthesis.response);
    Ok(outcome)
}

async fn has_its_registered_name(strategy: &StrategySubject) -> Verdict {
    let built = strategy.build(&Map::new()).map_err(text)?;
    ensure!(built.name() == strategy.name, "it calls itself `{}`", built.name());
    Ok(())
}

async fn unknown_settings_are_refused(strategy: &StrategySubject) -> Verdict {
    let mut more = Map::new();
    more.insert("no_such_setting".to_owned(), Value::from(1));
    let Err(error) = strategy.build(&more) else { return Err("an unknown setting is taken".to_owned()) };
    let is_clear = error.kind() == ErrorKind::Config && error.to_string().contains("no_such_setting");
    ensure!(is_clear, "the error does not name the setting: {}", text(error));
    Ok(())
}

async fn one_good_candidate_answers(strategy: &StrategySubject) -> Verdict {
    let outcome = answers(&strategy.over(&[&Scripted::always("hello")])?, "hello").await?;
    ensure!(outcome.strategy == strategy.name, "the outcome names the strategy `{}`", outcome.strategy);
    ensure!(outcome.synthesis.provider_id == "a", "it says that {} answered", outcome.synthesis.provider_id);
    ensure!(outcome.responses.iter().any(|response| response.used), "no response says that it was used");
    ensure!(!outcome.ledger.rows.is_empty(), "the ledger is empty");
    ensure!(
        outcome.ledger.totals.attempts == outcome.ledger.rows.len() as u64,
        "the sums leave attempts out"
    );
    ensure!(!outcome.trace.is_empty(), "the trace says nothing");
    Ok(())
}

async fn the_good_one_among_failing_ones_answers(strategy: &StrategySubject) -> Verdict {
    let down = Scripted::always(Step::fail(ErrorKind::ServerError));
    let wrong_key = Scripted::always(Step::fail(ErrorKind::Authentication));
    let outcome = answers(&strategy.over(&[&down, &wrong_key, &Scripted::always("hello")])?, "hello").await?;
    ensure!(outcome.synthesis.provider_id == "c", "it says that {} answered", outcome.synthesis.provider_id);
    Ok(())
}

async fn an_incomplete_answer_is_no_good_one(strategy: &StrategySubject) -> Verdict {
    let cut = ChatResponse::from_text("hel").with_finish_reason(FinishReason::Length);
    answers(&strategy.over(&[&Scripted::always(cut), &Scripted::always("hello")])?, "hello").await?;
    Ok(())
}

async fn a_refusal_is_no_good_answer(strategy: &StrategySubject) -> Verdict {
    let mut refusal = ChatResponse::default();
    refusal.content.push(Part::refusal("No."));
    answers(&strategy.over(&[&Scripted::always(refusal), &Scripted::always("hello")])?, "hello").await?;
    Ok(())
}

async fn when_all_fail_each_cause_is_told(strategy: &StrategySubject) -> Verdict {
    let down = Scripted::always(Step::fail(ErrorKind::ServerError));
    let wrong_key = Scripted::always(Step::fail(ErrorKind::Authentication));
    let orchestrator = strategy.over(&[&down, &wrong_key])?;
    let Err(error) = asked(&orchestrator, Options::default()).await else {
        return Err("all fail, and it answers".to_owned());
    };
    let causes: Vec<_> = error.causes().iter().map(|cause| (cause.provider(), cause.kind())).collect();
    for (id, kind) in [("a", ErrorKind::ServerError), ("b", ErrorKind::Authentication)] {
        let told = causes.iter().any(|(provider, told)| provider.is_some_and(|p| *p == id) && *told == kind);
        ensure!(told, "the error of {id} is not among the causes: {causes:?}");
    }
    let report = error.report().ok_or("the error carries no report")?;
    ensure!(report.ledger.rows.len() == 2, "{} rows stand in its ledger", report.ledger.rows.len());
    ensure!(report.responses.len() == 2, "{} responses stand in its report", report.responses.len());
    Ok(())
}

async fn the_first_rejection_is_seen(strategy: &StrategySubject) -> Verdict {
    let rejected = Error::new(ErrorKind::Rejected, "`top_p` is odd").with_status(400);
    let orchestrator = strategy.over(&[&Scripted::always(rejected.clone()), &Scripted::always(rejected)])?;
    let Err(error) = asked(&orchestrator, Options::default()).await else {
        return Err("all refuse, and it answers".to_owned());
    };
    ensure!(error.status() == Some(400), "the error's status is {:?}", error.status());
    Ok(())
}

async fn fallbacks_are_used(strategy: &StrategySubject) -> Verdict {
    let down = Scripted::always(Step::fail(ErrorKind::Overloaded));
    let stand_in = Scripted::always("hello");
    let orchestrator = strategy.builder()?.build().map_err(text)?;
    register(&orchestrator, [spec(&down).fallbacks(["b"]), spec(&stand_in)])?;
    // Only `a` may be asked, and `b` in its place.
    let only_a =
        RequestOptions::default().with_providers(vec![ultraai_core::ProviderId::new("a").map_err(text)?]);
    let outcome = asked(&orchestrator, only_a).await.map_err(text)?;
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    ensure!(outcome.synthesis.provider_id == "b", "it says that {} answered", outcome.synthesis.provider_id);
    ensure!(
        (down.count(), stand_in.count()) == (1, 1),
        "asked {} and {} times",
        down.count(),
        stand_in.count()
    );
    Ok(())
}

async fn nobody_is_asked_twice(strategy: &StrategySubject) -> Verdict {
    let failing = [(); 3].map(|()| Scripted::always(Step::fail(ErrorKind::Overloaded)));
    let orchestrator = strategy.builder()?.build().map_err(text)?;
    let specs =
        [spec(&failing[0]).fallbacks(["b", "c"]), spec(&failing[1]).fallbacks(["c"]), spec(&failing[2])];
    register(&orchestrator, specs)?;
    let answered = asked(&orchestrator, Options::default()).await;
    ensure!(answered.is_err(), "all fail, and it answers");
    let counts = failing.each_ref().map(Scripted::count);
    ensure!(counts == [1, 1, 1], "the candidates, which name each other, were asked {counts:?} times");
    Ok(())
}

async fn who_cannot_do_it_is_not_asked(strategy: &StrategySubject) -> Verdict {
    let mut without_tools = ultraai_core::Capabilities::default();
    without_tools.tools = Support::No;
    let unable = Scripted::always("wrong").with_capabilities(without_tools);
    let orchestrator = strategy.builder()?.build().map_err(text)?;
    register(&orchestrator, [spec(&unable).model("m"), spec(&Scripted::always("hello")).model("m")])?;
    let outcome = orchestrator.process(with_tools()).await.map_err(text)?;
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    ensure!(unable.count() == 0, "who cannot take tools was asked");
    Ok(())
}

async fn with_tools_one_models_answer_is_given(strategy: &StrategySubject) -> Verdict {
    let candidates = [(); 3].map(|()| Scripted::always("hello"));
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let outcome = orchestrator.process(with_tools()).await.map_err(text)?;
    ensure!(
        outcome.synthesis.method != ultraai_core::Method::Synthesized,
        "an answer with tools is synthesized"
    );
    ensure!(
        candidates.iter().all(|candidate| candidate.count() <= 1),
        "a candidate was asked to judge or synthesize"
    );
    Ok(())
}

fn with_tools() -> ChatRequest {
    let tool = Tool::new("clock", serde_json::json!({ "type": "object" }));
    ChatRequest::from_prompt(PROMPT).edited(|request| request.tools.push(tool))
}

async fn an_empty_prompt_is_refused(strategy: &StrategySubject) -> Verdict {
    let candidate = Scripted::always("hello");
    let Err(error) = strategy.over(&[&candidate])?.process(" \n").await else {
        return Err("an empty prompt is answered".to_owned());
    };
    ensure!(error.kind() == ErrorKind::InvalidRequest, "it says {}", text(error));
    ensure!(candidate.count() == 0, "somebody was asked");
    Ok(())
}

async fn without_candidates_nothing_is_asked(strategy: &StrategySubject) -> Verdict {
    let Err(error) = strategy.over(&[])?.process(PROMPT).await else {
        return Err("without candidates it answers".to_owned());
    };
    ensure!(error.kind() == ErrorKind::Config, "it says {}", text(error));
    Ok(())
}

async fn the_outcome_serializes(strategy: &StrategySubject) -> Verdict {
    let outcome = answers(&strategy.over(&[&Scripted::always("hello")])?, "hello").await?;
    let json = serde_json::to_value(&outcome).map_err(|error| error.to_string())?;
    let back: ultraai_core::Outcome = serde_json::from_value(json).map_err(|error| error.to_string())?;
    ensure!(back == outcome, "what is read back is another outcome");
    Ok(())
}

async fn equal_seeds_make_equal_outcomes(strategy: &StrategySubject) -> Verdict {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let orchestrator = strategy.builder()?.build().map_err(text)?;
        for (id, seed) in [("a", 1), ("b", 2), ("c", 3)] {
            let latency = Latency::Uniform(super::ATTEMPT / 100, super::ATTEMPT / 2);
            let simulation = Simulation { latency, failure_rate: 0.3, ..Simulation::default() };
            orchestrator.register_provider(id, Simulated::new(id, seed, simulation)).map_err(text)?;
        }
        let mut said = Vec::new();
        for seed in 0..4 {
            let answered = asked(&orchestrator, RequestOptions::default().with_seed(seed)).await;
            said.push(
                answered.map(|outcome| (outcome.synthesis, outcome.trace)).map_err(|error| error.to_string()),
            );
        }
        outcomes.push(said);
    }
    ensure!(outcomes[0] == outcomes[1], "equal seeds make different outcomes");
    Ok(())
}

async fn logs_no_content(strategy: &StrategySubject) -> Verdict {
    let candidates =
        [Scripted::always(Step::fail(ErrorKind::ServerError)), Scripted::always("the clover answer")];
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let (outcome, log) = captured(asked(&orchestrator, Options::default())).await;
    let trace = outcome.map_err(text)?.trace.join("\n");
    for (what, needle) in [("the prompt", PROMPT_WORD), ("the answer", "clover")] {
        ensure!(!log.contains(needle), "{what} stands in a log");
        ensure!(!trace.contains(needle), "{what} stands in the trace");
    }
    Ok(())
}
