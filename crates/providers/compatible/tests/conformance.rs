//! Every row of the table behaves as every provider does.

use ultraai_provider_compatible::VENDORS;
use ultraai_testkit::{openai::OpenAiChat, registered, suite};

const GAPS: &[&str] = &["tools: the protocol's codec cannot send them yet"];

#[tokio::test]
async fn any_address_behaves_as_every_provider_does() {
    suite(registered("compatible").speaking(OpenAiChat)).expect_gaps(GAPS).run().await;
}

#[tokio::test]
async fn every_vendor_behaves_as_every_provider_does() {
    for vendor in VENDORS.iter().filter(|vendor| vendor.name != "compatible") {
        suite(registered(vendor.name).speaking(OpenAiChat)).expect_gaps(GAPS).run().await;
    }
}
