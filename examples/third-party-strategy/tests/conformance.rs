//! It behaves as every strategy does, and waits for a second opinion.

use second_opinion_ultraai as _;
use ultraai_core::{OrchestratorBuilder, Registry};
use ultraai_testkit::{Scripted, strategy_suite};

#[tokio::test(start_paused = true)]
async fn it_behaves_as_every_strategy_does() {
    strategy_suite("second-opinion").run().await;
}

#[tokio::test(start_paused = true)]
async fn it_asks_one_more_where_two_differ_and_none_where_they_agree() {
    for (answers, asked) in [(["Lyon", "Paris", "Paris"], 3), (["Paris", "Paris", "Lyon"], 2)] {
        let strategy = Registry::linked().unwrap().strategy("second-opinion", serde_json::json!({})).unwrap();
        let orchestrator = OrchestratorBuilder::new(strategy).max_retries(0).build().unwrap();
        for (id, answer) in ["a", "b", "c"].into_iter().zip(answers) {
            orchestrator.register_provider(id, Scripted::always(answer)).unwrap();
        }
        let outcome = orchestrator.process("Of France?").await.unwrap();
        assert_eq!((outcome.synthesis.response.as_str(), outcome.responses.len()), ("Paris", asked));
    }
}
