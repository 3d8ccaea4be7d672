//! Cohere behaves as every provider does.

use ultraai_provider_cohere as _;
use ultraai_testkit::{cohere::Cohere, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("cohere").speaking(Cohere)).run().await;
}
