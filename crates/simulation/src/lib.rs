//! Seeded worlds in virtual time.
#![doc = include_str!("../README.md")]

mod arrivals;
mod behaviour;
mod bucket;
mod distribution;
mod outages;
mod place;
mod play;
mod report;
mod simulated;
mod step;
mod tally;
mod trace;
mod world;

pub use self::{
    arrivals::{Arrivals, EPOCH, arrive, clock, virtual_time},
    behaviour::{BrownOut, Drift, RateLimit, Simulation, Slow},
    distribution::{Latency, Tokens},
    outages::{Outage, Outages, Span},
    play::{Visit, Visits, play},
    report::{Cost, Percentiles, ProviderReport, Report},
    simulated::Simulated,
    step::{Beat, Step, failure},
    trace::{AtTheEnd, Recorded, Trace},
    world::{Begun, World},
};
