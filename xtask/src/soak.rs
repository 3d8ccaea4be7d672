//! `cargo xtask soak`: mixed traffic with faults through the real program, for as long as one likes.

use crate::step::Step;
use crate::workspace::{self, Problem};

/// The test's name, and how its binary is called.
const LINE: &str = "test --workspace --all-features --locked --test soak -- --ignored --nocapture";

/// How long CI runs it, in seconds.
pub(crate) const SHORT_SECONDS: u64 = 180;

/// Runs it for so many seconds.
pub(crate) fn run(seconds: u64) -> Result<(), Problem> {
    // As in the run of all tests, so that nothing is built again.
    Step::cargo(&workspace::root()?, LINE).env("ULTRAAI_SOAK_SECONDS", seconds.to_string()).run()
}
