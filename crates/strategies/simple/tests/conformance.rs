//! The behaviour suite over the strategy `simple`, looked up by name.

use ultraai_strategy_simple as _;
use ultraai_testkit::strategy_suite;

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_strategy() {
    strategy_suite("simple").run().await;
}
