//! Without an analyst: by words alone.

use ultraai_analysis::{AgreementFrom, Comparison, Findings, Method, Verdict};

use crate::{Bench, details, ids};

#[tokio::test(start_paused = true)]
async fn a_synthesis_hears_where_the_answers_differ() {
    let bench = Bench::new(|_| {}, &["The answer is 42.", "Answer: 41", "42"]);
    let outcome = bench.ask().await;
    let analysis = outcome.analysis.unwrap();
    assert_eq!(analysis.agreement, Some(1.0 / 3.0));
    let found: Comparison = details(&analysis);
    assert_eq!((found.method, found.agreement_from), (Method::Lexical, AgreementFrom::Pairs));
    let said: Vec<_> = found.differences[0].positions.iter().map(|side| side.said_by.clone()).collect();
    assert_eq!(said, [ids(&["a", "c"]), ids(&["b"])]);
    assert!(bench.shown(0).contains("answers 1, 3: 42; answer 2: 41"), "{}", bench.shown(0));
    assert_eq!(outcome.synthesis.response, "together");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_is_not_told() {
    let bench = Bench::new(|_| {}, &["Paris.", "London."]);
    let analysis = bench.ask().await.analysis.unwrap();
    assert_eq!((analysis.agreement, analysis.is_inconclusive), (None, true));
    assert!(analysis.summary.contains("cannot be told"), "{}", analysis.summary);
    let found: Comparison = details(&analysis);
    assert_eq!((found.pairs.unwrap().unknown, found.agreement_from), (1, AgreementFrom::Nothing));
    assert!(!bench.shown(0).contains("comparison"), "a synthesis needs no news of nothing");
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_not_compared() {
    let bench = Bench::new(|_| {}, &["Paris."]);
    assert_eq!(bench.ask().await.analysis, None);
}

#[tokio::test(start_paused = true)]
async fn claims_are_weighed_over_all_answers() {
    let answers = [
        "Mont Blanc lies in the Alps. The peak is 4808 m high.",
        "Many love it. The peak is 4808 m high.",
        "Mont Blanc lies in the Alps. The peak is 4807 m high.",
    ];
    let bench = Bench::new(|options| options.analysis_type = Some("factual".into()), &answers);
    let analysis = bench.ask().await.analysis.unwrap();
    let found: Findings = details(&analysis);
    let claims: Vec<_> = found
        .claims
        .iter()
        .map(|claim| {
            (claim.claim.as_str(), claim.supported_by.len(), claim.contradicted_by.len(), claim.verdict)
        })
        .collect();
    assert_eq!(
        claims,
        [
            ("The peak is 4808 m high.", 2, 1, Verdict::Mixed),
            ("The peak is 4807 m high.", 1, 2, Verdict::Contradicted),
            ("Mont Blanc lies in the Alps.", 2, 0, Verdict::Supported),
            ("Many love it.", 1, 0, Verdict::Unknown),
        ]
    );
    assert_eq!(found.claims[3].unknown, ids(&["a", "c"]));
    assert_eq!(found.answers, ids(&["a", "b", "c"]), "who the numbers of the summary stand for");
    for title in [
        " Supported by several and contradicted by others:\n",
        "\nContradicted:\n",
        "\nSupported by several:\n",
    ] {
        assert_eq!(analysis.summary.matches(title).count(), 1, "{}", analysis.summary);
    }
    assert_eq!(analysis.agreement, None, "what the answers come down to is not told");
    assert!(
        analysis.summary.contains("answers 1, 2: The peak is 4808 m high.; answer 3: otherwise"),
        "{}",
        analysis.summary
    );
}
