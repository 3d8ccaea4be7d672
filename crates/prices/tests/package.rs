//! The same costs as the calculator of the Python package, or none: it takes `gemini-3.6-flash-image` for
//! `gemini-3.6-flash`, and here a name that may be another model's has no price.
//!
//! `cargo xtask prices` writes costs that the package computed and names the file in a variable. Without it there is
//! nothing to compare with.

use std::time::{Duration, UNIX_EPOCH};

use ultraai_core::{Cost, PriceSource, Usage};
use ultraai_prices::GenaiPrices;

/// Where the costs are.
const VARIABLE: &str = "ULTRAAI_EXPECTED_COSTS";

/// Of the names that nobody made up, so many may be unknown here: parts of names such as `ft:gpt-3.5-turbo-`, and
/// `:thinking`, which had another price.
const MOST_REFUSED: usize = 8;

#[test]
fn every_cost_is_the_one_of_the_python_package_or_unknown_where_its_model_is_a_guess() {
    let Ok(path) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} is not set; `cargo xtask prices` sets it");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let mut known = 0;
    let mut refused = Vec::new();
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
        if found == Cost::Unknown && expected != Cost::Unknown {
            refused.push(format!("{vendor} {model}"));
        } else if found != expected {
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
    let (same, all_refused) = (known - refused.len(), refused.len());
    // Of every model the program made such names up, to see that they are refused.
    refused.retain(|name| !name.contains(" x") && !name.to_lowercase().ends_with("-tts"));
    assert!(refused.len() <= MOST_REFUSED, "these are no longer known:\n{}", refused.join("\n"));
    eprintln!("{same} costs are the package's, {all_refused} are unknown here; not made up: {refused:?}");
}
