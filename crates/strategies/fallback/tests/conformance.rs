//! The behaviour suite over the strategy `fallback`, looked up by name.

use ultraai_strategy_fallback as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_strategy() {
    strategy_suite("fallback")
        .expect_gaps(&[
            "too_few_good_answers_are_an_error: it stops at the first good answer, and refuses a larger quorum",
            "enough_good_answers_are_an_answer: likewise",
        ])
        .run()
        .await;
}
