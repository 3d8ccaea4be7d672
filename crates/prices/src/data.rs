//! The data file, which `cargo xtask prices` writes.
//!
//! ```text
//! # a comment
//! genai-prices 0.2.3                      the package's version
//! taken 2026-11-22                        the day
//! @azure openai anthropic                 a vendor, and whose models it has besides its own
//! =m ^m-2 &c. <tab> 3 15 r0.3 <tab> @2026-08-17 2 10
//! ```
//!
//! A line of a model has alternatives of tests of the name, separated by spaces; the tests of one alternative,
//! joined by `&`, hold together. The first line that fits a name is the model's; where the name may be another model's
//! all the same, its price is unknown, and no line below is looked at. Behind each tab stands a price:
//! its condition, if it has one; dollars per million tokens of input and output, read from (`r`) and written to
//! (`w`) the cache, of reasoning (`t`); dollars per request (`q`); and behind `>` so many input tokens the rates
//! above them. `?` is a price that is unknown or not known in full.

use std::{collections::HashMap, sync::OnceLock};

use crate::name::{Fit, Term, with_dashed_dates};

const TEXT: &str = include_str!("prices.txt");

/// What the file holds. Prices are read when they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) version: &'static str,
    pub(crate) taken: &'static str,
    vendors: HashMap<&'static str, Vendor>,
}

#[derive(Debug, Default)]
struct Vendor {
    /// Whose models it has besides its own.
    others: Vec<&'static str>,
    /// The prices of each model.
    prices: Vec<&'static str>,
    /// The first model of each exact name.
    exact: HashMap<&'static str, usize>,
    /// All other alternatives, in the order of their models.
    tests: Vec<(usize, Box<[Term]>)>,
}

impl Data {
    /// The data of this program.
    pub(crate) fn linked() -> &'static Self {
        static DATA: OnceLock<Data> = OnceLock::new();
        // A line that cannot be read has no price; a test reads them all.
        DATA.get_or_init(|| Self::read(TEXT, |_, _| ()))
    }

    /// Reads the file and tells `refuse` of every line that is wrong, and why.
    fn read(text: &'static str, mut refuse: impl FnMut(usize, &str)) -> Self {
        let mut data = Self::default();
        let mut vendor: Option<&'static str> = None;
        for (number, line) in text.lines().enumerate() {
            if let Some((tests, prices)) = line.split_once('\t') {
                match vendor.and_then(|id| data.vendors.get_mut(id)).map(|vendor| vendor.add(tests, prices)) {
                    Some(true) => (),
                    Some(false) => refuse(number, "a test of the name is wrong"),
                    None => refuse(number, "no vendor stands before it"),
                }
            } else if let Some(line) = line.strip_prefix('@') {
                let mut ids = line.split(' ');
                let id = ids.next().unwrap_or_default();
                if vendor.is_some_and(|before| before >= id) {
                    refuse(number, "the vendors are not sorted");
                }
                vendor = Some(id);
                data.vendors.entry(id).or_default().others = ids.collect();
            } else if let Some(version) = line.strip_prefix("genai-prices ") {
                data.version = version;
            } else if let Some(taken) = line.strip_prefix("taken ") {
                data.taken = taken;
            } else if !line.starts_with('#') {
                refuse(number, "it is none of the kinds of lines");
            }
        }
        data
    }

    /// The prices of a model, by its name in lower case: the vendor's own, else those of the vendors whose models
    /// it has. What is not found is looked for once more with its date in the data's spelling.
    pub(crate) fn prices(&self, vendor: &str, model: &str) -> Option<&'static str> {
        let vendor = self.vendors.get(vendor)?;
        let find = |name: &str| {
            let others = vendor.others.iter().filter_map(|id| self.vendors.get(id));
            std::iter::once(vendor).chain(others).find_map(|vendor| vendor.find(name))
        };
        let (prices, fit) = find(model).or_else(|| find(&with_dashed_dates(model)?))?;
        (fit == Fit::Sure).then_some(prices)
    }

    /// Whether there is such a vendor.
    #[cfg(test)]
    pub(crate) fn has(&self, vendor: &str) -> bool {
        self.vendors.contains_key(vendor)
    }
}

impl Vendor {
    /// Adds a model and says whether its tests could be read.
    fn add(&mut self, tests: &'static str, prices: &'static str) -> bool {
        let model = self.prices.len();
        self.prices.push(prices);
        tests.split(' ').all(|alternative| {
            let terms: Option<Box<[Term]>> = alternative.split('&').map(Term::read).collect();
            match terms.as_deref() {
                Some([term]) if term.exact().is_some() => {
                    let name = term.exact().unwrap_or_default();
                    self.exact.entry(name).or_insert(model);
                }
                Some(_) => self.tests.extend(terms.map(|terms| (model, terms))),
                None => return false,
            }
            true
        })
    }

    /// The prices of the first model that fits, and how well it does.
    fn find(&self, name: &str) -> Option<(&'static str, Fit)> {
        let exact = self.exact.get(name).map(|model| (*model, Fit::Sure));
        let mut found: Option<(usize, Fit)> = None;
        let before = |model: usize| exact.is_none_or(|(exact, _)| model < exact);
        for (model, terms) in self.tests.iter().take_while(|(model, _)| before(*model)) {
            if found.is_some_and(|(first, _)| first < *model) {
                break;
            }
            let fit = terms.iter().map(|term| term.fit(name)).min().unwrap_or(Fit::No);
            if fit > found.map_or(Fit::No, |(_, best)| best) {
                found = Some((*model, fit));
            }
        }
        let (model, fit) = found.or(exact)?;
        Some((*self.prices.get(model)?, fit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        moment::{Moment, days},
        rates,
    };

    #[test]
    fn the_file_is_sorted_and_every_line_of_it_can_be_read() {
        let mut wrong = Vec::new();
        let data = Data::read(TEXT, |number, why| wrong.push(format!("line {}: {why}", number + 1)));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(data.vendors.len() > 20, "{} vendors", data.vendors.len());
        let moment = Moment::of(std::time::SystemTime::UNIX_EPOCH);
        for (id, vendor) in &data.vendors {
            assert!(
                vendor.others.iter().all(|other| data.has(other)),
                "{id} has models of an unknown vendor"
            );
            for line in &vendor.prices {
                for price in line.split('\t') {
                    let unconditional = price.strip_prefix('@').map_or(price, |price| {
                        let (condition, price) = price.split_once(' ').unwrap();
                        assert!(moment.meets(condition).is_some(), "{id}: {line}");
                        price
                    });
                    let known = rates::at(unconditional, moment).is_some();
                    assert!(known || unconditional == "?", "{id}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_file_names_its_version_and_its_day() {
        let data = Data::linked();
        assert_eq!(data.version.split('.').filter_map(|part| part.parse::<u32>().ok()).count(), 3);
        assert!(days(data.taken).is_some(), "{}", data.taken);
    }

    #[test]
    fn the_file_is_small() {
        assert!(TEXT.len() < 300_000, "{} bytes", TEXT.len());
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        for (text, expected) in [
            ("=a\t1 1", (0, "no vendor stands before it")),
            ("@b\n@a", (1, "the vendors are not sorted")),
            ("@a\nb\t1 1", (1, "a test of the name is wrong")),
            ("# a\nb", (1, "it is none of the kinds of lines")),
        ] {
            let mut wrong = Vec::new();
            Data::read(text, |number, why| wrong.push((number, why.to_owned())));
            assert_eq!(wrong, [(expected.0, expected.1.to_owned())], "{text}");
        }
    }

    #[test]
    fn the_first_line_that_fits_is_the_models() {
        let text = "@a b\n=x\t1 1\n^y\t2 2\n=y-1 =x\t3 3\n^z&!$-tts\t4 4\n=z-9\t7 7\n@b\n=w\t5 5\n=m-2025-12-11\t6 6\n=z-w\t8 8";
        let data = Data::read(text, |number, why| panic!("line {number}: {why}"));
        for (model, prices) in [
            ("x", Some("1 1")),
            ("y-1", None),
            ("y-v1", Some("2 2")),
            ("z-001", Some("4 4")),
            ("z-tts", None),
            ("z-9", None),
            ("z-w", None),
            ("w", Some("5 5")),
            ("m-20251211", Some("6 6")),
            ("v", None),
        ] {
            assert_eq!(data.prices("a", model), prices, "{model}");
        }
        assert_eq!(data.prices("b", "x"), None);
        assert_eq!(data.prices("c", "x"), None);
    }
}
