//! Ollama behaves as every provider does.

use ultraai_provider_ollama as _;
use ultraai_testkit::{ollama::Ollama, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("ollama").speaking(Ollama)).run().await;
}
