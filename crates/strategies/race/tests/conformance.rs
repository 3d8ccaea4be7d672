//! The strategy as a program finds it: by its registered name, and as every strategy behaves.

use ultraai_strategy_race as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_every_strategy_does() {
    strategy_suite("race")
        .expect_gaps(&[
            "too_few_good_answers_are_an_error: it is over with the first good answer, and refuses a larger quorum",
            "enough_good_answers_are_an_answer: likewise",
        ])
        .run()
        .await;
}
