//! A reader of Prometheus's text format that takes nothing that the format does not allow
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::{BTreeMap, BTreeSet};

/// What a text says: each sample's value by its name and labels, as they stand there.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Exposition {
    /// Reads a text.
    ///
    /// # Panics
    /// When it is not valid; the message holds the line.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line does not end");
        let mut read = Self::default();
        let (mut current, mut ended) = (String::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                assert!(!help.is_empty() && is_name(name), "{line}");
                assert!(ended.insert(name.to_owned()), "a second block: {line}");
                name.clone_into(&mut current);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                assert_eq!(name, current, "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                read.kinds.insert(name.to_owned(), kind.to_owned());
            } else {
                assert!(!line.starts_with('#') && !line.is_empty(), "{line}");
                read.sample(line, &current);
            }
        }
        read.check_histograms();
        read
    }

    fn sample(&mut self, line: &str, current: &str) {
        let (series, value) = line.rsplit_once(' ').expect(line);
        let name = series.split('{').next().unwrap_or_default();
        let kind = self.kinds.get(current).unwrap_or_else(|| panic!("a sample without a type: {line}"));
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.iter().any(|suffix| name == format!("{current}{suffix}")), "{line}");
        assert!(kind != "counter" || name.ends_with("_total"), "{line}");
        if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            check_labels(labels.strip_prefix('{').and_then(|it| it.strip_suffix('}')).expect(line), line);
        }
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(self.samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }

    /// The bucket without a bound counts all.
    fn check_histograms(&self) {
        let all = self.samples.iter().filter(|(series, _)| series.contains("le=\"+Inf\""));
        for (series, value) in all {
            let count =
                series.replace("_bucket{", "_count{").replace(",le=\"+Inf\"", "").replace("le=\"+Inf\"", "");
            assert_eq!(self.samples.get(count.trim_end_matches("{}")), Some(value), "{series}");
        }
    }

    /// The sum of the samples of that name whose labels hold all of `labels`.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.matching(name, labels).sum()
    }

    fn matching<'a>(&'a self, name: &'a str, labels: &'a [&str]) -> impl Iterator<Item = f64> + 'a {
        let is_meant = move |series: &str| {
            series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label))
        };
        self.samples.iter().filter(move |(series, _)| is_meant(series)).map(|(_, value)| *value)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    !name.is_empty() && name.bytes().all(fits) && !name.as_bytes()[0].is_ascii_digit()
}

/// `name="value",…`, with `\\`, `\"` and `\n` alone escaped.
fn check_labels(labels: &str, line: &str) {
    let mut rest = labels;
    let mut names = BTreeSet::new();
    loop {
        let (name, value) = rest.split_once("=\"").expect(line);
        assert!(is_name(name) && !name.contains(':') && names.insert(name), "{line}");
        let mut escaped = false;
        let end = value.char_indices().find(|(_, sign)| {
            let is_end = *sign == '"' && !escaped;
            assert!(!escaped || matches!(sign, '\\' | '"' | 'n'), "{line}");
            escaped = *sign == '\\' && !escaped;
            is_end
        });
        rest = &value[end.expect(line).0 + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return assert!(rest.is_empty(), "{line}"),
        }
    }
}
