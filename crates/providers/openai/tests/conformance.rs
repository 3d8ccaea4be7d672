//! OpenAI behaves as every provider does.

use ultraai_provider_openai as _;
use ultraai_testkit::{openai::OpenAiChat, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("openai").speaking(OpenAiChat)).run().await;
}
