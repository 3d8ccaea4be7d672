//! The README's tables, which nobody writes by hand.

use std::{fmt::Write as _, path::PathBuf};

use crate::{
    contestants::CONTESTANTS,
    figures::Figures,
    worlds::{ANSWER_TOKENS, ARRIVALS_PER_SECOND, PROMPT_TOKENS, TIMEOUT_SECONDS, WORLDS},
};

/// Requests of each strategy in each world.
pub const REQUESTS: u64 = 600;

/// How the tables are written.
pub const COMMAND: &str = "cargo run --release -p ultraai-benches --bin worlds -- --write";

const BEGIN: &str =
    "<!-- `cargo run --release -p ultraai-benches --bin worlds -- --write` writes what follows. -->";
const END: &str = "<!-- That was written. -->";

const NANO: f64 = 1e9;

/// The file with the tables.
pub fn readme() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md")
}

/// `text` with these tables between the two comments; `None` when they are not there.
pub fn put(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))
}

/// A table for every world.
pub fn tables(worlds: &[Vec<Figures>]) -> String {
    let mut text = format!(
        "{REQUESTS} requests for each row, {ARRIVALS_PER_SECOND} a second on the average, with prompts of {PROMPT_TOKENS} and answers of \
         {ANSWER_TOKENS} tokens and `timeout_seconds = {TIMEOUT_SECONDS}`.\n"
    );
    for (world, rows) in WORLDS.iter().zip(worlds) {
        let _ = write!(text, "\n**{}**: {}\n\n", capital(world.name), world.is);
        text.push_str(
            "| strategy | answered | p50 | p95 | p99 | attempts | dollars per 1,000 | abandoned tokens |\n",
        );
        text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        for (contestant, figures) in CONTESTANTS.iter().zip(rows) {
            let _ = writeln!(text, "| {} | {} |", contestant.name, cells(figures).join(" | "));
        }
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a table shows few digits")]
fn cells(figures: &Figures) -> [String; 7] {
    let requests = figures.waits.len() as f64;
    let wait = |share| format!("{:.1} s", figures.wait(share).as_secs_f64());
    let dollars = |nano: u64| format!("{:.2}", nano as f64 / NANO / requests * 1000.0);
    let cost = match figures.known_cost == figures.most_cost {
        true => dollars(figures.known_cost),
        false => format!("{} to {}", dollars(figures.known_cost), dollars(figures.most_cost)),
    };
    [
        format!("{:.1} %", figures.answered as f64 / requests * 100.0),
        wait(0.5),
        wait(0.95),
        wait(0.99),
        format!("{:.2}", figures.attempts as f64 / requests),
        cost,
        format!("{:.0}", figures.abandoned_tokens as f64 / requests),
    ]
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
