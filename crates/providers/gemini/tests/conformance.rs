//! Gemini behaves as every provider does.

use ultraai_provider_gemini as _;
use ultraai_testkit::{gemini::Gemini, registered, suite};

const GAPS: &[&str] = &["tools: the protocol's codec cannot send them yet"];

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("gemini").speaking(Gemini)).expect_gaps(GAPS).run().await;
}
