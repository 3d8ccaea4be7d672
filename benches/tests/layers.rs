//! What a call through every layer may allocate.

use tokio::runtime::Builder;
use ultraai_benches::layered;

/// As the bench `layers` prints it.
const MOST: u64 = 40;

#[test]
fn a_call_through_every_layer_stays_within_the_allocations_of_one() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let orchestrator = layered::orchestrator(&layered::names().unwrap()).unwrap();
    let call = || runtime.block_on(orchestrator.process("Explain it.")).unwrap();
    for _ in 0..200 {
        call();
    }
    let mut attempts = 0;
    let counted = allocation_counter::measure(|| attempts = call().ledger.totals.attempts);
    assert_eq!(attempts, 1);
    assert!(counted.count_total <= MOST, "{counted:?}");
}
