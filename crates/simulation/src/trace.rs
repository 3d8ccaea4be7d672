//! Recorded calls of a provider, which a simulated one plays again.

use std::{fs, io::Read as _, path::Path, time::Duration};

use flate2::read::MultiGzDecoder;
use ultraai_core::{Error, ErrorKind, Result};

/// Calls of one provider and model in the order in which they were recorded.
///
/// A file of them is a CSV, plain or with gzip (`.gz`), that begins with the line
/// `provider,model,i,error_code,ttft_s,inter_token_latency_s,end_to_end_latency_s,n_in,n_out`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    rows: Vec<Recorded>,
    at_the_end: AtTheEnd,
}

/// What comes after the last recorded call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtTheEnd {
    /// The first one again.
    #[default]
    Repeat,
    /// The last one, again and again.
    Stay,
}

/// One recorded call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// Time to its first content, or to its error.
    pub first: Duration,
    /// Time to its end.
    pub end: Duration,
    /// Tokens of its answer.
    pub answer_tokens: u64,
    /// How it failed, when it did.
    pub error: Option<ErrorKind>,
}

const HEADING: &str =
    "provider,model,i,error_code,ttft_s,inter_token_latency_s,end_to_end_latency_s,n_in,n_out";

impl Trace {
    /// The calls of `model` by `provider` that the file at `path` holds.
    ///
    /// # Errors
    /// `Config` when the file cannot be read, or no call of them is in it.
    pub fn read(path: &Path, provider: &str, model: &str, at_the_end: AtTheEnd) -> Result<Self> {
        let named = |what: &str| Error::new(ErrorKind::Config, format!("{} {what}", path.display()));
        let bytes = fs::read(path).map_err(|error| named("cannot be read").with_source(error))?;
        let text = match path.extension().is_some_and(|ending| ending == "gz") {
            false => String::from_utf8(bytes).map_err(|error| named("is not UTF-8").with_source(error))?,
            true => {
                let mut text = String::new();
                let read = MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text);
                read.map_err(|error| named("cannot be unpacked").with_source(error))?;
                text
            }
        };
        let wrong = |line: usize, what: &str| named(&format!("line {line}: {what}"));
        let mut lines = (1..).zip(text.lines());
        if lines.next().is_none_or(|(_, heading)| heading.trim_end() != HEADING) {
            return Err(wrong(1, &format!("this is no recording: it must begin with `{HEADING}`")));
        }
        let mut trace = Self { rows: Vec::new(), at_the_end };
        let mut others = Vec::new();
        for (number, line) in lines {
            let cells: Vec<_> = line.trim_end().split(',').collect();
            let [of, by, _, error, first, _, end, _, tokens] = cells[..] else {
                return Err(wrong(number, &format!("9 cells are needed, and {} stand there", cells.len())));
            };
            if of == provider && by == model {
                let row = row(error, first, end, tokens);
                trace.rows.push(row.ok_or_else(|| wrong(number, "a cell is no number of its kind"))?);
            } else if !others.contains(&(of, by)) {
                others.push((of, by));
            }
        }
        if trace.rows.is_empty() {
            let mut held: Vec<_> = others.iter().map(|(of, by)| format!("{of} {by}")).collect();
            held.sort_unstable();
            let held = held.join(", ");
            return Err(named(&format!("holds no call of `{model}` by `{provider}`: it holds {held}")));
        }
        Ok(trace)
    }

    /// The calls, in order.
    pub fn rows(&self) -> &[Recorded] {
        &self.rows
    }

    /// What the call of this number does, from 0.
    pub(crate) fn call(&self, number: usize) -> Recorded {
        let place = match self.at_the_end {
            AtTheEnd::Repeat => number % self.rows.len(),
            AtTheEnd::Stay => number.min(self.rows.len() - 1),
        };
        self.rows[place]
    }
}

fn row(error: &str, first: &str, end: &str, tokens: &str) -> Option<Recorded> {
    let seconds = |cell: &str| Duration::try_from_secs_f64(cell.parse().ok()?).ok();
    let error = match error {
        "" => None,
        code => Some(kind_of(code.parse().ok()?)),
    };
    let (first, end) = (seconds(first)?, seconds(end)?);
    // An error came at the end; some clients measured an end before the first token, by their clocks' grain.
    let first = if error.is_some() { end } else { first.min(end) };
    Some(Recorded { first, end, answer_tokens: tokens.parse().ok()?, error })
}

/// What a recorded code means: an HTTP status, or one of the recording client's own (-1, -100), which do not tell what
/// happened, so that they are errors of the server.
fn kind_of(code: i32) -> ErrorKind {
    match code {
        400 => ErrorKind::Rejected,
        401 => ErrorKind::Authentication,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::ModelNotFound,
        408 | 504 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        _ => ErrorKind::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn trace(rows: &str, at_the_end: AtTheEnd) -> Result<Trace> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.csv.gz");
        let file = fs::File::create(&path).unwrap();
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        file.write_all(format!("{HEADING}\n{rows}").as_bytes()).unwrap();
        file.finish().unwrap();
        Trace::read(&path, "acme", "m", at_the_end)
    }

    #[test]
    fn calls_are_played_in_order_and_then_again_or_the_last_one_for_ever() {
        let rows = "acme,m,0,,0.5,0.01,1.5,550,151\nacme,other,0,,9,9,9,9,9\nacme,m,1,429,0,0,0,550,1\n";
        let repeated = trace(rows, AtTheEnd::Repeat).unwrap();
        let first = Recorded {
            first: Duration::from_millis(500),
            end: Duration::from_millis(1500),
            answer_tokens: 151,
            error: None,
        };
        assert_eq!(repeated.rows().len(), 2);
        assert_eq!((repeated.call(0), repeated.call(1).error), (first, Some(ErrorKind::RateLimited)));
        assert_eq!((repeated.call(2), repeated.call(3)), (first, repeated.call(1)));
        let stays = trace(rows, AtTheEnd::Stay).unwrap();
        assert_eq!((stays.call(2), stays.call(1000)), (stays.call(1), stays.call(1)));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_line() {
        for (rows, what) in [
            ("acme,m,0,,0.5\n", "line 2: 9 cells are needed, and 5 stand there"),
            ("acme,m,0,,-1,0,1,550,151\n", "line 2: a cell is no number of its kind"),
            ("acme,m,0,oh,1,0,1,550,151\n", "line 2: a cell is no number of its kind"),
            ("acme,other,0,,1,0,1,550,151\n", "holds no call of `m` by `acme`: it holds acme other"),
        ] {
            let error = trace(rows, AtTheEnd::Repeat).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        let error =
            Trace::read(Path::new("nowhere.csv"), "a", "b", AtTheEnd::Repeat).unwrap_err().to_string();
        assert_eq!(error, "nowhere.csv cannot be read");
    }
}
