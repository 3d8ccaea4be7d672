//! What the gateway costs beside nginx: `cargo run --release -p ultraai-benches --bin gateway`.
//!
//! One run drives nginx and `ultraai serve` in turns with the same bytes, on this machine and over loopback alone, and prints
//! one table. `LiteLLM`'s proxy stands beside them where `litellm` is on the path. The upstream is this program in a process of
//! its own.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod bytes;
mod load;
mod process;
mod proxies;
mod report;
mod streams;
mod upstream;

use std::{io, process::ExitCode, time::Duration};

use crate::{process::Process, proxies::Proxy, report::Report};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Times that each proxy has its turn.
    rounds: u32,
    /// How long a turn of whole answers lasts.
    turn: Duration,
    /// How long a turn of streams lasts.
    live: Duration,
    /// Streams that are open together where memory is measured.
    crowd: usize,
}

impl Extent {
    const FULL: Self =
        Self { rounds: 3, turn: Duration::from_secs(5), live: Duration::from_secs(10), crowd: 8_000 };
    const QUICK: Self =
        Self { rounds: 1, turn: Duration::from_secs(2), live: Duration::from_secs(3), crowd: 500 };
}

const USAGE: &str = "usage: gateway [--quick] [--only whole|live|first|start|crowd] [--ultraai PATH]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut extent, mut only, mut program) = (Extent::FULL, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "upstream" => return told(upstream::run()),
            "--quick" => extent = Extent::QUICK,
            "--only" => only = arguments.next(),
            "--ultraai" => program = arguments.next(),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let program = program.map_or_else(proxies::built_program, |path| Ok(path.into()));
    told(program.and_then(|program| measure(extent, only.as_deref(), &program)))
}

fn told(done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(extent: Extent, only: Option<&str>, program: &std::path::Path) -> io::Result<()> {
    process::open_many_files()?;
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let upstream = Process::upstream()?;
    let proxies = Proxy::all(program);
    let mut report = Report::new(&proxies);
    if wanted("start") {
        for (place, proxy) in proxies.iter().enumerate() {
            report.started(place, &proxy.starts(&upstream, extent.rounds)?);
        }
    }
    let running = proxies.iter().map(|proxy| proxy.start(&upstream)).collect::<io::Result<Vec<_>>>()?;
    for (place, process) in running.iter().enumerate() {
        report.idle(place, process)?;
        load::turn(process.address(), load::CONNECTIONS, None, Duration::from_millis(300))?;
    }
    if wanted("whole") {
        for _ in 0..extent.rounds {
            for (place, process) in running.iter().enumerate() {
                let before = process.cpu()?;
                let turn = load::turn(process.address(), load::CONNECTIONS, None, extent.turn)?;
                report.whole(place, turn, process.cpu()?.saturating_sub(before));
                // What callers see where the machine has time to spare.
                let paced = load::turn(process.address(), load::CONNECTIONS, Some(load::PACE), extent.turn)?;
                report.paced(place, paced);
            }
        }
    }
    if wanted("live") {
        for _ in 0..extent.rounds.min(2) {
            for (place, process) in running.iter().enumerate() {
                let before = process.cpu()?;
                let events = streams::turn(process.address(), streams::STREAMS, extent.live);
                let events = events.map_err(|error| proxies[place].failed("its streams", &error))?;
                report.live(place, events, process.cpu()?.saturating_sub(before));
            }
        }
    }
    if wanted("first") {
        report.first_direct(streams::first_events(upstream.address(), 200)?);
        for (place, process) in running.iter().enumerate() {
            let first = streams::first_events(process.address(), 200);
            report.first(place, first.map_err(|error| proxies[place].failed("first events", &error))?);
        }
    }
    drop(running);
    if wanted("crowd") {
        for (place, proxy) in proxies.iter().enumerate().filter(|(_, proxy)| proxy.holds_crowds()) {
            let process = proxy.start(&upstream)?;
            load::turn(process.address(), load::CONNECTIONS, None, Duration::from_millis(300))?;
            let before = process.resident()?;
            let held = streams::crowd(process.address(), extent.crowd, || process.resident());
            let held = held.map_err(|error| proxy.failed("a crowd", &error))?;
            report.crowd(place, extent.crowd, held.saturating_sub(before));
        }
    }
    print!("{report}");
    Ok(())
}
