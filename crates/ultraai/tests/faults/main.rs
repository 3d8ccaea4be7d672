//! Every fault of the testkit, in every protocol, whole and live, through real orchestrators over loopback HTTP: alone, and
//! beside candidates that are well. What came of them is the table of the testkit's documentation.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod case;
mod check;
mod run;
mod table;
mod world;

use std::{fs, path::PathBuf, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use self::{
    case::{Case, PROTOCOLS, Setting, cases},
    check::complaints,
    run::{Seen, run},
    table::table,
    world::World,
};
use ultraai_testkit::faults::{FAULTS, FaultyServer};

/// Faults that are played at once, each in one protocol: enough that waiting costs nothing, and few enough that two cores
/// let a candidate that is well answer in time.
const AT_ONCE: usize = 24;

/// As many where it is measured how well a deadline is kept.
const MEASURED_AT_ONCE: usize = 6;

/// The fault that takes tens of megabytes each time, and so is played once at a time.
const HEAVY: &str = "too-large-event";

const COMMAND: &str = "cargo test -p ultraai --test faults --all-features -- --ignored write_the_table";

/// Plays all of them, in the order of the list.
async fn observe() -> Vec<(Case, Seen)> {
    let world = Arc::new(World::new());
    let until_the_deadline = |case: &Case| case.setting == Setting::AloneUntilTheDeadline;
    let mut seen = play(&world, move |case| !until_the_deadline(case), AT_ONCE).await;
    seen.extend(play(&world, until_the_deadline, MEASURED_AT_ONCE).await);
    seen
}

/// Plays those that are wanted.
async fn play(world: &Arc<World>, wanted: impl Fn(&Case) -> bool, at_once: usize) -> Vec<(Case, Seen)> {
    let places = Arc::new(Semaphore::new(at_once));
    let mut playing = JoinSet::new();
    let pairs = FAULTS.iter().flat_map(|fault| PROTOCOLS.iter().map(move |protocol| (fault, protocol)));
    for (at, (fault, protocol)) in pairs.enumerate() {
        let cases: Vec<_> = cases(fault, protocol, &world.strategies).into_iter().filter(&wanted).collect();
        if cases.is_empty() || fault.lacking_in(protocol.dialogue).is_some() {
            continue;
        }
        let (world, places) = (Arc::clone(world), Arc::clone(&places));
        playing.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let server = Arc::new(FaultyServer::start(protocol.dialogue, fault));
            let seats = Arc::new(Semaphore::new(if fault.name == HEAVY { 1 } else { cases.len() }));
            let mut scenes = JoinSet::new();
            for (number, case) in cases.into_iter().enumerate() {
                let (world, server, seats) = (Arc::clone(&world), Arc::clone(&server), Arc::clone(&seats));
                scenes.spawn(async move {
                    let _seat = seats.acquire_owned().await.unwrap();
                    let seen = run(&case, &world, &server, number).await;
                    (at, number, case, seen)
                });
            }
            scenes.join_all().await
        });
    }
    let mut seen: Vec<_> = playing.join_all().await.into_iter().flatten().collect();
    seen.sort_by_key(|(at, number, ..)| (*at, *number));
    seen.into_iter().map(|(_, _, case, seen)| (case, seen)).collect()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testkit/FAULTS.md")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_in_the_right_answer_or_in_an_error_that_says_what_it_is() {
    let seen = observe().await;
    let wrong: Vec<_> = seen.iter().flat_map(|(case, seen)| complaints(case, seen)).collect();
    assert!(wrong.is_empty(), "{} complaints about {} cases:\n{}", wrong.len(), seen.len(), wrong.join("\n"));
    let same = fs::read_to_string(file()).unwrap() == table(&seen);
    assert!(same, "crates/testkit/FAULTS.md is not what was observed: run `{COMMAND}`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it writes the table into the testkit's documentation"]
async fn write_the_table() {
    let seen = observe().await;
    let late = seen.iter().map(|(_, seen)| seen.late).max().unwrap_or_default();
    eprintln!("{} cases; the latest one ended {late:?} after its deadline", seen.len());
    fs::write(file(), table(&seen)).unwrap();
}
