//! The same costs as the calculator of the Python package.
//!
//! `cargo xtask prices` writes costs that the package computed and names the file in a variable. Without it there is
//! nothing to compare with.

use std::time::{Duration, UNIX_EPOCH};

use ultraai_core::{Cost, PriceSource, Usage};
use ultraai_prices::GenaiPrices;

/// Where the costs are.
const VARIABLE: &str = "ULTRAAI_EXPECTED_COSTS";

#[test]
fn every_cost_is_the_one_of_the_python_package() {
    let Ok(path) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} is not set; `cargo xtask prices` sets it");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let mut known = 0;
    let mut wrong = Vec::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [vendor, model, at, input, cache_read, cache_write, output, reasoning, expected] = fields[..]
        else {
            panic!("nine fields and not: {line}")
        };
        let number = |text: &str| text.parse::<u64>().unwrap();
        let mut usage = Usage::reported(number(input), number(output));
        usage.cache_read = Some(number(cache_read));
        usage.cache_write = Some(number(cache_write));
        usage.reasoning = Some(number(reasoning));
        // The router names its hosts behind the model.
        let (provider, model) = match vendor.strip_prefix("huggingface_") {
            Some(host) => ("huggingface", format!("{model}:{host}")),
            None => (vendor, model.to_owned()),
        };
        let at = UNIX_EPOCH + Duration::from_secs(number(at));
        let found = GenaiPrices.price(provider, &model, at).map_or(Cost::Unknown, |price| price.cost(&usage));
        let expected = if expected == "?" { Cost::Unknown } else { Cost::NanoDollars(number(expected)) };
        known += usize::from(expected != Cost::Unknown);
        if found != expected {
            wrong.push(format!("{found:?} and not {expected:?}: {line}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {known} costs are wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(known > 1000, "only {known} costs in {path}");
    eprintln!("{known} costs are the package's");
}
