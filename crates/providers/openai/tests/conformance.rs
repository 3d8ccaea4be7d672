//! OpenAI behaves as every provider does.

use ultraai_provider_openai as _;
use ultraai_testkit::{openai::OpenAiChat, registered, suite};

const GAPS: &[&str] = &["tools: the protocol's codec cannot send them yet"];

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("openai").speaking(OpenAiChat)).expect_gaps(GAPS).run().await;
}
