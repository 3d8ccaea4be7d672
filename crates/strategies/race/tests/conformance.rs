//! The strategy as a program finds it: by its registered name, and as every strategy behaves.

use ultraai_strategy_race as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_every_strategy_does() {
    strategy_suite("race").run().await;
}
