//! The behaviour suite over the strategy `parallel`, looked up by name.

use ultraai_routing as _;
use ultraai_strategy_parallel as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_strategy() {
    strategy_suite("parallel").run().await;
}

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_strategy_with_one_at_a_time_too() {
    strategy_suite("parallel").setting("concurrent_requests", 1).run().await;
}
