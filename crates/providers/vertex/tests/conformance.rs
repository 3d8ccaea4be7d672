//! Vertex AI behaves as every provider does.

use ultraai_provider_vertex as _;
use ultraai_testkit::{gemini::Vertex, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    suite(registered("vertex").speaking(Vertex)).run().await;
}
