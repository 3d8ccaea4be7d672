//! Acme behaves as every provider does; a loopback server stands in for it.

use acme_ultraai as _;
use ultraai_testkit::{Reply, Server, registered, suite};

#[tokio::test]
async fn it_behaves_as_every_provider_does() {
    let answer = serde_json::json!({ "model": "anvil-1", "text": "Meep meep.", "in": 7, "out": 3 });
    let acme = Server::always(Reply::json(200, &answer));
    suite(registered("acme").setting("base_url", acme.url())).run().await;
}
