//! What a call through every layer may allocate.

use tokio::runtime::Builder;
use ultraai_benches::layered;

/// As the bench `layers` prints it.
const MOST: u64 = 40;

#[test]
fn a_call_through_every_layer_stays_within_the_allocations_of_one() {
    // On a clock that stands still: how long a call takes on a loaded machine decides whether a hedge sets a timer.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let orchestrator = layered::orchestrator(&layered::names().unwrap()).unwrap();
    for _ in 0..200 {
        runtime.block_on(orchestrator.process("Explain it.")).unwrap();
    }
    let mut attempts = 0;
    // Boxed before it is counted: without optimization `block_on` boxes what is larger than 2 KiB.
    let call = Box::pin(orchestrator.process("Explain it."));
    let counted = allocation_counter::measure(|| {
        attempts = runtime.block_on(call).unwrap().ledger.totals.attempts;
    });
    assert_eq!(attempts, 1);
    assert!(counted.count_total <= MOST, "{counted:?}");
}
