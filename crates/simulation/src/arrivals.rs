//! Virtual time, and requests that arrive in it.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use ultraai_core::{Clock, Error, ErrorKind, Result};

use crate::distribution::exponential;

/// When virtual time begins: 2026-01-01, 0:00 UTC.
pub const EPOCH: Duration = Duration::from_hours(24 * 20_454);

/// When requests arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Arrivals {
    /// So many a second on the average, each at its own time, whether or not earlier ones were answered: a Poisson process.
    PerSecond(f64),
    /// So many at once, and a new one as soon as one of them is over.
    Concurrent(usize),
}

/// A runtime whose time stands still while something is computed, and jumps to the next timer while nothing is.
///
/// # Panics
/// Never: it needs nothing of the system.
pub fn virtual_time() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the system")
}

/// The wall clock of a virtual time that begins now, at [`EPOCH`].
pub fn clock() -> Clock {
    let born = Instant::now();
    Clock::new(move || SystemTime::UNIX_EPOCH + EPOCH + born.elapsed())
}

/// Lets `requests` requests arrive, each made by `ask` when its time comes, and hands what came of each to `fold`, in the
/// order in which they are over. Only those under way are in memory.
///
/// # Errors
/// `Cancelled` when a request panicked.
pub async fn arrive<F>(
    arrivals: Arrivals,
    requests: u64,
    rng: &mut fastrand::Rng,
    mut ask: impl FnMut() -> F,
    mut fold: impl FnMut(F::Output),
) -> Result<()>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    let mut arrival = Instant::now();
    for _ in 0..requests {
        match arrivals {
            Arrivals::PerSecond(rate) => {
                arrival += exponential(Duration::from_secs_f64(1.0 / rate), rng);
                loop {
                    tokio::select! {
                        biased;
                        Some(done) = under_way.join_next() => fold(done.map_err(panicked)?),
                        () = sleep_until(arrival) => break,
                    }
                }
            }
            Arrivals::Concurrent(most) => {
                while under_way.len() >= most.max(1)
                    && let Some(done) = under_way.join_next().await
                {
                    fold(done.map_err(panicked)?);
                }
            }
        }
        under_way.spawn(ask());
    }
    while let Some(done) = under_way.join_next().await {
        fold(done.map_err(panicked)?);
    }
    Ok(())
}

fn panicked(error: JoinError) -> Error {
    Error::new(ErrorKind::Cancelled, "a request panicked").with_source(error)
}
