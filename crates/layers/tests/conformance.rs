//! The behaviour suite over the linked layers, looked up by name.

use std::sync::Arc;

use ultraai_core::{Accounting, Budgets};
use ultraai_layers::{
    breaker::BreakerLayer,
    budget::{BudgetConfig, BudgetLayer},
    hedge::HedgeLayer,
    limit::LimitLayer,
    retry::RetryLayer,
    schema::SchemaLayer,
};
use ultraai_testkit::layer_suite;

#[tokio::test(start_paused = true)]
async fn breaker_behaves_as_a_layer() {
    layer_suite("breaker", || Arc::new(BreakerLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn budget_behaves_as_a_layer() {
    let layer = || {
        let (accounting, budgets) = (Arc::new(Accounting::default()), Arc::new(Budgets::default()));
        Arc::new(BudgetLayer::new(BudgetConfig::default(), accounting, budgets).unwrap())
    };
    layer_suite("budget", move || layer()).run().await;
}

#[tokio::test(start_paused = true)]
async fn hedge_behaves_as_a_layer() {
    layer_suite("hedge", || Arc::new(HedgeLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn limit_behaves_as_a_layer() {
    layer_suite("limit", || Arc::new(LimitLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn retry_behaves_as_a_layer() {
    layer_suite("retry", || Arc::new(RetryLayer::default())).run().await;
}

#[tokio::test(start_paused = true)]
async fn schema_behaves_as_a_layer() {
    layer_suite("schema", || Arc::new(SchemaLayer::default())).run().await;
}
