//! The mock as a program finds it: by its registered name, and as every provider behaves.

use ultraai_provider_mock as _;
use ultraai_testkit::{registered, suite};

#[tokio::test(start_paused = true)]
async fn it_behaves_as_every_provider_does() {
    suite(registered("mock")).run().await;
}

#[tokio::test(start_paused = true)]
async fn it_does_so_when_it_is_slow() {
    suite(registered("mock").setting("latency_seconds", 0.4).setting("tokens_per_second", 50)).run().await;
}
