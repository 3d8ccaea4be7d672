//! The behaviour suite over the analyzers, looked up by name.

use ultraai_analysis as _;
use ultraai_testkit::analyzer_suite;

#[tokio::test(start_paused = true)]
async fn comparative_behaves_as_an_analyzer() {
    analyzer_suite("comparative").run().await;
}

#[tokio::test(start_paused = true)]
async fn factual_behaves_as_an_analyzer() {
    analyzer_suite("factual").run().await;
}
