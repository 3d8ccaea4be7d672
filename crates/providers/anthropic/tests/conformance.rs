//! Anthropic behaves as every provider does.

use ultraai_provider_anthropic as _;
use ultraai_testkit::{anthropic::AnthropicMessages, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("anthropic").speaking(AnthropicMessages)).run().await;
}
