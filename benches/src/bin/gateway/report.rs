//! The table of one run.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a table shows few digits"
)]

use std::{fmt, io, time::Duration};

use crate::{load::Turn, process::Process, proxies::Proxy};

const MIB: f64 = 1_048_576.0;

/// What was measured of each proxy, in the order of the proxies.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// How long first events took without a proxy.
    direct: Vec<f64>,
}

#[derive(Debug, Default)]
struct Row {
    name: &'static str,
    start: Option<Duration>,
    idle: u64,
    latencies: Vec<f64>,
    paced: Vec<f64>,
    seconds: f64,
    whole: Duration,
    events: usize,
    live: Duration,
    first: Vec<f64>,
    crowd: Option<(usize, u64)>,
}

impl Report {
    pub(crate) fn new(proxies: &[Proxy]) -> Self {
        let rows = proxies.iter().map(|proxy| Row { name: proxy.name(), ..Row::default() });
        Self { rows: rows.collect(), direct: Vec::new() }
    }

    pub(crate) fn started(&mut self, place: usize, took: &[Duration]) {
        self.rows[place].start = took.iter().max().copied();
    }

    pub(crate) fn idle(&mut self, place: usize, process: &Process) -> io::Result<()> {
        self.rows[place].idle = process.resident()?;
        Ok(())
    }

    pub(crate) fn whole(&mut self, place: usize, turn: Turn, cpu: Duration) {
        let row = &mut self.rows[place];
        row.latencies.extend(turn.latencies);
        row.seconds += turn.seconds;
        row.whole += cpu;
    }

    pub(crate) fn paced(&mut self, place: usize, turn: Turn) {
        self.rows[place].paced.extend(turn.latencies);
    }

    pub(crate) fn live(&mut self, place: usize, events: usize, cpu: Duration) {
        self.rows[place].events += events;
        self.rows[place].live += cpu;
    }

    pub(crate) fn first(&mut self, place: usize, took: Vec<f64>) {
        self.rows[place].first = took;
    }

    pub(crate) fn first_direct(&mut self, took: Vec<f64>) {
        self.direct = took;
    }

    pub(crate) fn crowd(&mut self, place: usize, streams: usize, bytes: u64) {
        self.rows[place].crowd = Some((streams, bytes));
    }
}

/// A figure of a row, in the unit it is shown in.
struct Figure {
    name: &'static str,
    of: fn(&Row) -> Option<f64>,
    /// What must hold of our own and nginx's figure, in words and as a judgement.
    limit: Option<(&'static str, fn(f64, f64) -> bool)>,
}

const THREE_TIMES: Option<(&str, fn(f64, f64) -> bool)> =
    Some(("at most 3 times nginx's", |own, nginx| own <= 3.0 * nginx));

const A_MILLISECOND_MORE: Option<(&str, fn(f64, f64) -> bool)> =
    Some(("at most 1,000 more than nginx's", |own, nginx| own <= nginx + 1000.0));

const FIGURES: [Figure; 14] = [
    Figure { name: "CPU of a whole answer (µs)", of: Row::whole_micros, limit: THREE_TIMES },
    Figure { name: "whole answers a second, 16 connections", of: Row::rate, limit: None },
    Figure {
        name: "p50, 16 connections at full load (µs)",
        of: |row| quantile(&row.latencies, 0.5),
        limit: None,
    },
    Figure {
        name: "p99, 16 connections at full load (µs)",
        of: |row| quantile(&row.latencies, 0.99),
        limit: A_MILLISECOND_MORE,
    },
    Figure {
        name: "p50, 16 connections, 800 a second (µs)",
        of: |row| quantile(&row.paced, 0.5),
        limit: None,
    },
    Figure {
        name: "p99, 16 connections, 800 a second (µs)",
        of: |row| quantile(&row.paced, 0.99),
        limit: A_MILLISECOND_MORE,
    },
    Figure { name: "CPU of an event of a stream (µs)", of: Row::event_micros, limit: THREE_TIMES },
    Figure { name: "events read", of: |row| some(row.events as f64), limit: None },
    Figure {
        name: "first event, p50 (µs)",
        of: |row| quantile(&row.first, 0.5),
        limit: Some(("at most 1,000", |own, _| own <= 1000.0)),
    },
    Figure { name: "first event, p99 (µs)", of: |row| quantile(&row.first, 0.99), limit: None },
    Figure {
        name: "resident when idle (MiB)",
        of: |row| some(row.idle as f64 / MIB),
        limit: Some(("under 25", |own, _| own < 25.0)),
    },
    Figure {
        name: "start to first answer, slowest (ms)",
        of: |row| row.start.map(|took| took.as_secs_f64() * 1e3),
        limit: Some(("under 100", |own, _| own < 100.0)),
    },
    Figure { name: "open streams", of: |row| row.crowd.map(|(streams, _)| streams as f64), limit: None },
    Figure {
        name: "resident for an open stream (KiB)",
        of: Row::stream_kib,
        limit: Some(("at most 64", |own, _| own <= 64.0)),
    },
];

impl Row {
    fn whole_micros(&self) -> Option<f64> {
        some(self.whole.as_secs_f64() * 1e6 / self.latencies.len() as f64)
    }

    fn rate(&self) -> Option<f64> {
        some(self.latencies.len() as f64 / self.seconds)
    }

    fn event_micros(&self) -> Option<f64> {
        some(self.live.as_secs_f64() * 1e6 / self.events as f64)
    }

    fn stream_kib(&self) -> Option<f64> {
        self.crowd.map(|(streams, bytes)| bytes as f64 / 1024.0 / streams as f64)
    }
}

fn some(figure: f64) -> Option<f64> {
    (figure.is_finite() && figure > 0.0).then_some(figure)
}

fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {:<40} |", "")?;
        for row in &self.rows {
            write!(f, " {:>13} |", row.name)?;
        }
        writeln!(f, " {:>5} | limit", "ratio")?;
        writeln!(f, "| --- |{} ---: | ---", " ---: |".repeat(self.rows.len()))?;
        for figure in &FIGURES {
            let said: Vec<_> = self.rows.iter().map(figure.of).collect();
            if said.iter().all(Option::is_none) {
                continue;
            }
            write!(f, "| {:<40} |", figure.name)?;
            for said in &said {
                match said {
                    Some(figure) => write!(f, " {figure:>13.1} |")?,
                    None => write!(f, " {:>13} |", "-")?,
                }
            }
            let (nginx, own) = (said.first().copied().flatten(), said.get(1).copied().flatten());
            let judged = match (own, nginx.unwrap_or(0.0), figure.limit) {
                (Some(own), nginx, Some((limit, holds))) if holds(own, nginx) => format!("{limit}: holds"),
                (Some(_), _, Some((limit, _))) => format!("{limit}: DOES NOT HOLD"),
                _ => String::new(),
            };
            match own.zip(nginx) {
                Some((own, nginx)) => writeln!(f, " {:>5.2} | {judged}", own / nginx)?,
                None => writeln!(f, " {:>5} | {judged}", "")?,
            }
        }
        if let (Some(half), Some(most)) = (quantile(&self.direct, 0.5), quantile(&self.direct, 0.99)) {
            writeln!(
                f,
                "\nWithout a proxy the first event takes {half:.0} µs (p50) and {most:.0} µs (p99)."
            )?;
        }
        Ok(())
    }
}
