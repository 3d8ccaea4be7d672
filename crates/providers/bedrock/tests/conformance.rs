//! Bedrock behaves as every provider does.

use ultraai_provider_bedrock as _;
use ultraai_testkit::{bedrock::Bedrock, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("bedrock").speaking(Bedrock)).run().await;
}
