//! The behaviour suite over the linked layers, looked up by name.

use std::sync::Arc;

use ultraai_layers::{breaker::BreakerLayer, limit::LimitLayer, retry::RetryLayer};
use ultraai_testkit::layer_suite;

#[tokio::test(start_paused = true)]
async fn breaker_behaves_as_a_layer() {
    layer_suite("breaker", || Arc::new(BreakerLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn limit_behaves_as_a_layer() {
    layer_suite("limit", || Arc::new(LimitLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn retry_behaves_as_a_layer() {
    layer_suite("retry", || Arc::new(RetryLayer::default())).run().await;
}
