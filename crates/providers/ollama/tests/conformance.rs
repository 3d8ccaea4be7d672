//! Ollama behaves as every provider does.

use ultraai_provider_ollama as _;
use ultraai_testkit::{ollama::Ollama, registered, suite};

const GAPS: &[&str] = &["tools: the protocol's codec cannot send them yet"];

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("ollama").speaking(Ollama)).expect_gaps(GAPS).run().await;
}
