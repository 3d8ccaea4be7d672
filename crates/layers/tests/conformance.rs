//! The behaviour suite over the linked layers, looked up by name.

use std::sync::Arc;

use ultraai_layers::{hedge::HedgeLayer, retry::RetryLayer};
use ultraai_testkit::layer_suite;

#[tokio::test(start_paused = true)]
async fn hedge_behaves_as_a_layer() {
    layer_suite("hedge", || Arc::new(HedgeLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn retry_behaves_as_a_layer() {
    layer_suite("retry", || Arc::new(RetryLayer::default())).run().await;
}
