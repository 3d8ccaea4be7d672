//! OpenAI behaves as every provider does.

use ultraai_provider_openai as _;
use ultraai_testkit::{openai::OpenAiChat, registered, responses::OpenAiResponses, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("openai").speaking(OpenAiChat)).run().await;
}

#[tokio::test]
async fn it_behaves_as_every_provider_does_over_its_other_api() {
    let responses = registered("openai").setting("api", "responses").speaking(OpenAiResponses);
    suite(responses).expect_gaps(&[]).run().await;
}
