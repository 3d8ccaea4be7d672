//! A caller's request passes to a vendor only where the vendor would be told the same.

use ultraai_provider_compatible::{Chat, Dialect, VENDORS};
use ultraai_testkit::passing_features;

const OLDER: Chat = Chat(&Dialect::COMPATIBLE);
/// It says the bound of an answer in the newer word.
const NEWER: Chat = Chat(&Dialect::OPENAI);

#[test]
fn what_passes_to_a_vendor_is_what_it_would_be_told() {
    for vendor in VENDORS {
        let mut passed = passing_features(&OLDER, &OLDER, &Chat(vendor), "m-2");
        passed.extend(passing_features(&NEWER, &OLDER, &Chat(vendor), "m-2"));
        let has_tools = !vendor.lacks.contains(&"tools");
        assert_eq!(passed.contains(&"a tool"), has_tools, "{}: {passed:?}", vendor.name);
        assert!(passed.contains(&"`temperature`"), "{}: {passed:?}", vendor.name);
        for (feature, field) in [("`top_k`", "top_k"), ("`user`", "user"), ("`logprobs`", "logprobs")] {
            let passes = !vendor.lacks.contains(&field);
            assert_eq!(passed.contains(&feature), passes, "{}: {passed:?}", vendor.name);
        }
    }
}
