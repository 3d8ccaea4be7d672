//! Gemini behaves as every provider does.

use ultraai_provider_gemini as _;
use ultraai_testkit::{gemini::Gemini, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("gemini").speaking(Gemini)).run().await;
}
