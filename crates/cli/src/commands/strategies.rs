//! `ultraai strategies`.

use serde::Serialize;
use ultraai::Registry;

use crate::{
    arguments::Listing,
    exit::Exit,
    failure::Failure,
    terminal::{STRONG, Table, print, print_json},
};

/// A plugin as JSON.
#[derive(Serialize)]
struct Linked {
    name: &'static str,
    summary: &'static str,
    package: &'static str,
    version: &'static str,
}

macro_rules! linked {
    ($rows:expr) => {
        $rows
            .map(|row| Linked {
                name: row.name,
                summary: row.summary,
                package: row.package,
                version: row.version,
            })
            .collect::<Vec<_>>()
    };
}

#[derive(Serialize)]
struct Everything {
    strategies: Vec<Linked>,
    layers: Vec<Linked>,
    analyzers: Vec<Linked>,
    selectors: Vec<Linked>,
    prices: Vec<Linked>,
    tokenizers: Vec<Linked>,
}

/// Lists the plugins that are no providers.
pub(crate) fn strategies(arguments: &Listing) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    let everything = Everything {
        strategies: linked!(registry.strategies()),
        layers: linked!(registry.layers()),
        analyzers: linked!(registry.analyzers()),
        selectors: linked!(registry.selectors()),
        prices: linked!(registry.prices()),
        tokenizers: linked!(registry.tokenizers()),
    };
    if arguments.json {
        print_json(&everything)?;
        return Ok(Exit::Answer);
    }
    let mut parts = Vec::new();
    for (heading, rows) in [
        ("Strategies (--strategy)", &everything.strategies),
        ("Layers around every provider", &everything.layers),
        ("Analyzers (--analysis-type)", &everything.analyzers),
        ("Selectors (--selector)", &everything.selectors),
        ("Sources of prices", &everything.prices),
        ("Tokenizers", &everything.tokenizers),
    ] {
        if rows.is_empty() {
            continue;
        }
        let mut table = Table::new(["NAME", "WHAT IT DOES", "PACKAGE"]);
        for row in rows {
            let package = format!("{} {}", row.package, row.version);
            table.row([row.name.to_owned(), row.summary.to_owned(), package]);
        }
        parts.push(format!("{STRONG}{heading}{STRONG:#}\n{}", table.text()));
    }
    print(&parts.join("\n"))?;
    Ok(Exit::Answer)
}
