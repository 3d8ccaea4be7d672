//! Servers that others wrote: what our providers say, they understand, and what they say, we read.
//!
//! `cargo xtask independent` installs them; without them the tests say that they were skipped. What runs where stands in
//! [`rows`]: a scenario that a row lists as a gap must still fail there.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says what it skips")]

mod rows;
mod scenarios;
mod server;

use self::{
    rows::{AIMOCK, LLMOCK, Row},
    scenarios::{SCENARIOS, SCRIPTED, Scenario, embeddings},
    server::Server,
};

#[tokio::test]
async fn aimock_and_our_providers_understand_each_other() {
    match Server::aimock() {
        Some(server) => all(&server, AIMOCK, &[SCENARIOS, SCRIPTED].concat()).await,
        None => skip("aimock"),
    }
}

#[tokio::test]
async fn llmock_and_our_providers_understand_each_other() {
    match Server::llmock() {
        Some(server) => all(&server, LLMOCK, SCENARIOS).await,
        None => skip("llmock"),
    }
}

fn skip(server: &str) {
    println!("skipped: {server} is not installed; `cargo xtask independent` does it, with npm and python3");
}

/// Runs every scenario in every row, and complains of all that is wrong at once.
async fn all(server: &Server, rows: &[Row], scenarios: &[(&str, Scenario)]) {
    let mut complaints = Vec::new();
    for row in rows {
        let spec = row.at(server);
        let mut verdicts = Vec::new();
        for (name, scenario) in scenarios {
            verdicts.push((*name, scenario(&spec).await));
        }
        if let Some(model) = row.embedding_model {
            verdicts.push(("embeddings", embeddings(&spec, model).await));
        }
        for (name, verdict) in &verdicts {
            let gap = row.gaps.iter().find(|(gap, _)| gap == name).map(|(_, why)| why);
            match (verdict, gap) {
                (Ok(()), None) => {}
                (Err(_), Some(why)) => println!("{}: a gap in {name}: {why}", row.title()),
                (Err(what), None) => complaints.push(format!("{}: {name}: {what}", row.title())),
                (Ok(()), Some(_)) => complaints.push(format!(
                    "{}: {name} works: take it out of the row's gaps in tests/independent/rows.rs",
                    row.title()
                )),
            }
        }
        let known = |gap: &&(&str, &str)| verdicts.iter().any(|(name, _)| *name == gap.0);
        complaints.extend(
            row.gaps
                .iter()
                .filter(|gap| !known(gap))
                .map(|(gap, _)| format!("{}: there is no scenario `{gap}`", row.title())),
        );
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
