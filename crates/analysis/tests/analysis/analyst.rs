//! With an analyst: a model that compares.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use ultraai_analysis::{AgreementFrom, Comparison, Findings, Method, Verdict};
use ultraai_core::{Capabilities, ChatRequest, ErrorKind, Method as How, ResponseFormat, Tool};
use ultraai_testkit::{Scripted, Step};

use crate::{Bench, by_z, details, ids};

/// A bench whose `z` answers "green", and replies with `reply` when it is to compare.
fn bench(analysis_type: &'static str, reply: impl Into<Step>) -> Bench {
    let mut bench = Bench::new(by_z(analysis_type), &["red", "blue"]);
    bench.member("z", Scripted::new([Step::from("green"), reply.into()]));
    bench
}

fn comparison() -> Value {
    json!({
        "summary": "Two of three colours are warm.",
        "agreement": 0.5,
        "agreements": [{ "point": "it is a colour", "answers": [1, "answer 2", 3] }, { "point": "x", "answers": [1, 9] }],
        "differences": [{ "point": "which one", "positions": [
            { "says": "a warm one", "answers": [1] }, { "says": "a cold one", "answers": [2, 3] },
        ]}],
    })
}

#[tokio::test(start_paused = true)]
async fn a_model_compares_the_answers_under_numbers() {
    let bench = bench("comparative", format!("Well.\n```json\n{}\n```", comparison()));
    let outcome = bench.ask().await;
    let analysis = outcome.analysis.unwrap();
    assert_eq!(analysis.agreement, Some(0.5));
    let found: Comparison = details(&analysis);
    assert_eq!(
        (found.method, found.agreement_from, found.fell_back),
        (Method::Model, AgreementFrom::Model, None)
    );
    assert_eq!(found.answers, ids(&["a", "b", "z"]));
    assert_eq!(found.agreements.len(), 1, "one answer agrees with nobody");
    assert_eq!(found.agreements[0].said_by, ids(&["a", "b", "z"]));
    assert_eq!(found.differences[0].positions[1].said_by, ids(&["b", "z"]));
    let shown = bench.shown(2);
    assert!(shown.contains("answer 1\nred\n") && shown.contains("Reply with one JSON object"), "{shown}");
    assert!(
        bench
            .shown(0)
            .contains("Two of three colours are warm.\n- answer 1: a warm one; answers 2, 3: a cold one")
    );
    assert_eq!(outcome.synthesis.method, How::Synthesized);
    assert_eq!(outcome.ledger.rows.len(), 5);
    assert!(outcome.trace.contains(&"z compared 3 answers".to_owned()), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn a_model_weighs_claims() {
    let reply = json!({ "claims": [
        { "claim": "it is warm", "supported_by": [1], "contradicted_by": [2, 3] },
        { "claim": "it is a colour", "supported_by": [1, 2, 3] },
        { "claim": "it is both", "supported_by": [1, 2], "contradicted_by": [2] },
        { "claim": "nobody says so", "supported_by": [7] },
    ]});
    let analysis = bench("factual", reply.to_string()).ask().await.analysis.unwrap();
    let found: Findings = details(&analysis);
    let claims: Vec<_> = found.claims.iter().map(|claim| (claim.claim.as_str(), claim.verdict)).collect();
    assert_eq!(
        claims,
        [
            ("it is warm", Verdict::Contradicted),
            ("it is a colour", Verdict::Supported),
            ("it is both", Verdict::Unknown),
        ]
    );
    assert_eq!(found.claims[2].unknown, ids(&["b", "z"]));
    assert_eq!((analysis.agreement, found.agreement_from), (Some(4.0 / 6.0), AgreementFrom::Claims));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_used_leaves_the_words() {
    for analysis_type in ["comparative", "factual"] {
        for reply in [
            Step::fail(ErrorKind::ServerError),
            Step::from("They all look fine to me."),
            Step::from("{\"agreement\": 1.0}"),
            Step::from("{\"agreements\": [], \"differences\": []}"),
            Step::from("{\"agreements\": [{\"point\": \"x\", \"answers\": [4, 5]}], \"agreement\": 1.0}"),
            Step::from("{\"claims\": [{\"claim\": \"x\", \"supported_by\": [4]}]}"),
            Step::from("{\"claims\": [\"x\"], \"differences\": {}}"),
            Step::from("{\"agreements\": [{\"point\": \"cut"),
        ] {
            let outcome = bench(analysis_type, reply).ask().await;
            let analysis = outcome.analysis.unwrap();
            assert_eq!(analysis.details["method"], "lexical");
            assert!(analysis.details["fell_back"].is_string());
            assert!(analysis.summary.starts_with("The analyst gave no comparison"), "{}", analysis.summary);
            assert_eq!(analysis.agreement, None);
            assert_eq!(outcome.synthesis.method, How::Synthesized);
            let noted = |line: &String| line.starts_with("the comparison of z was not used");
            assert!(outcome.trace.iter().any(noted), "{:?}", outcome.trace);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_analyst_that_hangs_leaves_time_for_the_synthesis() {
    let bench = bench("comparative", Step::hang());
    let before = Instant::now();
    let outcome = bench.ask().await;
    assert_eq!((outcome.synthesis.method, before.elapsed()), (How::Synthesized, Duration::from_secs(40)));
    assert_eq!(outcome.analysis.unwrap().details["fell_back"], "it failed");
}

#[tokio::test(start_paused = true)]
async fn long_answers_are_shortened_to_the_analysts_window() {
    let long = format!("begins {} ends", "and goes on ".repeat(2000));
    let mut bench = Bench::new(by_z("comparative"), &[&long, "blue"]);
    let mut small = Capabilities::default();
    small.context_window = Some(1500);
    let small = Scripted::new(["green".to_owned(), comparison().to_string()]).with_capabilities(small);
    bench
        .orchestrator
        .register_provider("z", ultraai_core::ProviderSpec::from(small.clone()).model("small"))
        .unwrap();
    bench.members.push(small);
    bench.ask().await;
    let shown = bench.shown(2);
    assert!(
        shown.contains("begins") && shown.contains("\n[shortened]\n") && shown.contains("ends"),
        "{shown}"
    );
    assert!(shown.contains("\nblue\n") && shown.len() < 1500 * 4, "{}", shown.len());
    let reply = bench.members[2].requests()[1].max_tokens.unwrap();
    assert!(shown.len() as u64 / 4 + reply <= 1500);
}

#[tokio::test(start_paused = true)]
async fn an_analyst_whose_window_holds_no_answers_is_not_asked() {
    let long = "Mont Blanc is high. ".repeat(100);
    let mut bench = Bench::new(by_z("comparative"), &[&long, "blue"]);
    let mut small = Capabilities::default();
    small.context_window = Some(300);
    let small = Scripted::new(["green".to_owned(), comparison().to_string()]).with_capabilities(small);
    let spec = ultraai_core::ProviderSpec::from(small.clone()).model("small");
    bench.orchestrator.register_provider("z", spec).unwrap();
    bench.members.push(small);
    let analysis = bench.ask().await.analysis.unwrap();
    assert_eq!(analysis.details["fell_back"], "the answers do not fit its context window");
    assert_eq!((analysis.agreement, &analysis.details["method"]), (None, &json!("lexical")));
    assert!(analysis.summary.starts_with("The analyst gave no comparison"), "{}", analysis.summary);
    assert_eq!(bench.members[2].count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_denies_itself_is_not_believed() {
    let sides = |one: &[u8], other: &[u8]| json!({ "point": "which", "positions": [{ "says": "one", "answers": one }, { "says": "two", "answers": other }] });
    let agreements = json!([{ "point": "it is a colour", "answers": [1, 2] }]);
    for (differences, score, expected, left) in [
        // Nobody is on several sides.
        (json!([sides(&[1], &[1])]), 0.5, Some(0.5), 0),
        (json!([sides(&[1, 2], &[2, 3])]), 0.5, Some(0.5), 1),
        (json!([sides(&[1, 2, 3], &[2, 3])]), 0.5, Some(0.5), 0),
        // Two sides that say the same are one.
        (
            json!([{ "point": "p", "positions": [{ "says": "Red", "answers": 1 }, { "says": "red", "answers": 2 }] }]),
            0.5,
            Some(0.5),
            0,
        ),
        // A score that does not go with what was found.
        (json!([sides(&[1], &[2])]), 1.0, None, 1),
        (json!([]), 0.0, None, 0),
        (json!([]), 1.0, Some(1.0), 0),
    ] {
        let reply = json!({ "agreement": score, "agreements": agreements, "differences": differences });
        let analysis = bench("comparative", reply.to_string()).ask().await.analysis.unwrap();
        let found: Comparison = details(&analysis);
        assert_eq!((analysis.agreement, found.differences.len()), (expected, left), "{reply}");
        let from = if expected.is_some() { AgreementFrom::Model } else { AgreementFrom::Nothing };
        assert_eq!(found.agreement_from, from);
        if let Some(Some(first)) = (left == 1 && score < 1.0).then(|| found.differences.first()) {
            assert_eq!(first.positions[0].said_by, ids(&["a"]));
            assert_eq!(first.positions[1].said_by, ids(&["z"]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_comparison_is_asked_for_in_its_own_form() {
    let bench = bench("comparative", comparison().to_string());
    let mut request = ChatRequest::from_prompt("Which?").with_max_tokens(5).with_system("be brief");
    request.response_format = Some(ResponseFormat::JsonObject);
    request.stop_sequences = vec!["}".into()];
    request.temperature = Some(2.0);
    bench.orchestrator.process(request).await.unwrap();
    let asked = &bench.members[2].requests()[1];
    assert_eq!(
        (asked.response_format.clone(), asked.temperature, asked.max_tokens),
        (None, None, Some(4096))
    );
    assert!(asked.stop_sequences.is_empty());
    assert_eq!(asked.messages[0].text(), "be brief");
}

#[tokio::test(start_paused = true)]
async fn a_request_with_tools_is_compared_by_words_alone() {
    let bench = bench("comparative", "unused");
    let mut request = ChatRequest::from_prompt("Which?");
    request.tools.push(Tool::new("colour", json!({})));
    let outcome = bench.orchestrator.process(request).await.unwrap();
    assert_eq!(outcome.analysis.unwrap().details["method"], "lexical");
    assert_eq!(bench.members[2].count(), 1);
}
