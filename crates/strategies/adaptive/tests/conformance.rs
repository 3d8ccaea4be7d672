//! The behaviour suite over the strategy `adaptive`, looked up by name.

use ultraai_routing as _;
use ultraai_strategy_adaptive as _;
use ultraai_strategy_fallback as _;
use ultraai_strategy_parallel as _;
use ultraai_strategy_simple as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_strategy() {
    strategy_suite("adaptive").run().await;
}
