//! Prompts that the user replaced.

use serde_json::json;
use ultraai_core::{ErrorKind, Options, OrchestratorBuilder, RequestOptions};
use ultraai_strategy_simple::Simple;
use ultraai_testkit::{Scripted, Step};

use crate::{Bench, by_z, options};

fn wrong() -> [(Options, &'static str); 4] {
    let synthesis = |text: &str| options(|options| options.synthesis_template = Some(text.into()));
    let analysis = |text: &str| options(|options| options.analysis_template = Some(text.into()));
    [
        (
            synthesis("Join {{anwsers}}"),
            "`synthesis_template`: no variable `{{anwsers}}` (line 1, column 6): did you mean `{{answers}}`?",
        ),
        (
            synthesis("Join them"),
            "`synthesis_template`: `{{answers}}` is missing: without it nothing is shown",
        ),
        (
            analysis("Compare {{answers}} {{comparison}}"),
            "`analysis_template`: no variable `{{comparison}}` (line 1, column 21): known are `{{answers}}`, `{{count}}`, \
             `{{delimiter}}`, `{{format}}`, `{{question}}`",
        ),
        (
            analysis("Compare {{answers"),
            "`analysis_template`: the `{{` at line 1, column 9 is not closed by `}}`; one that opens no variable is written \
             `{{{{`",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_wrong_template_is_one_clear_error_and_nobody_is_asked() {
    for (options, message) in wrong() {
        let error = OrchestratorBuilder::new(Simple::default()).options(&options).build().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Config, message));

        let bench = Bench::new(|_| {}, &["red", "blue"]);
        let over = RequestOptions::from(options);
        let error = bench.orchestrator.process_with("Which?", over).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Config, message));
        assert_eq!(bench.members.iter().map(Scripted::count).sum::<usize>(), 0);
        assert_eq!(bench.ask().await.synthesis.response, "together", "nothing is lost");
    }
}

#[tokio::test(start_paused = true)]
async fn an_analysis_that_is_not_linked_is_one_clear_error_and_nobody_is_asked() {
    let bench = Bench::new(|_| {}, &["red", "blue"]);
    let options = options(|options| options.analysis_type = Some("sentiment".into()));
    let error = bench.orchestrator.process_with("Which?", RequestOptions::from(options)).await.unwrap_err();
    assert!(error.message().starts_with("no analyzer `sentiment` is linked"), "{error}");
    assert_eq!(bench.members.iter().map(Scripted::count).sum::<usize>(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_users_prompts_are_used() {
    let set = |options: &mut Options| {
        by_z("comparative")(options);
        options.analysis_template = Some("Judge {{count}} on \"{{question}}\": {{answers}} {{{{so}}".into());
        options.synthesis_template = Some("{{comparison}}|{{answers}}|in verse".into());
    };
    let mut bench = Bench::new(set, &["red", "blue"]);
    let reply = json!({ "summary": "no", "agreement": 0.1, "agreements": [] });
    bench.member("z", Scripted::new([Step::from("green"), Step::from(reply.to_string())]));
    assert_eq!(bench.ask().await.analysis.unwrap().agreement, Some(0.1));
    let shown = bench.shown(2);
    assert!(shown.contains("\n---\nJudge 3 on \"Which is it?\": ") && shown.contains(" {{so}}"), "{shown}");
    assert!(shown.contains("Reply with one JSON object"), "the form is asked for in any case: {shown}");
    let shown = bench.shown(0);
    assert!(shown.ends_with("|in verse") && shown.contains("comparison of the answers\nno\n"), "{shown}");
}
