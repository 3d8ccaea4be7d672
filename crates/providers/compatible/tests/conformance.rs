//! Every row of the table behaves as every provider does.

use ultraai_provider_compatible::VENDORS;
use ultraai_testkit::{openai::OpenAiChat, registered, suite};

/// Vendors without tools.
const WITHOUT_TOOLS: &[&str] = &["perplexity"];

#[tokio::test]
async fn any_address_behaves_as_every_provider_does() {
    suite(registered("compatible").speaking(OpenAiChat)).run().await;
}

#[tokio::test]
async fn every_vendor_behaves_as_every_provider_does() {
    for vendor in VENDORS.iter().filter(|vendor| vendor.name != "compatible") {
        let gaps: &[&str] = match WITHOUT_TOOLS.contains(&vendor.name) {
            true => &["tools: the vendor has none"],
            false => &[],
        };
        suite(registered(vendor.name).speaking(OpenAiChat)).expect_gaps(gaps).run().await;
    }
}
