//! The candidates' answers beside each other.

use std::fmt::Write as _;

use anstyle::Style;
use ultraai::{FinishReason, LedgerReport, ProviderResponse, orchestrator::ResponseStatus};

use crate::{
    summary, sums,
    terminal::{BAD, DIM, GOOD, NOTE, STRONG, padded, printable, width_of_stdout, wrap},
};

/// Narrower columns break prose at every other word.
const NARROWEST_COLUMN: usize = 32;

/// What stands between two columns.
const GAP: &str = " │ ";

/// How the answers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In columns on a terminal of this width, as many beside each other as it has room for.
    Beside(usize),
    /// One below the other as Markdown, with lines as they came: whoever reads the pipe breaks them.
    Below,
}

/// A line and how it looks.
type Line = (Style, String);

impl Layout {
    /// What suits standard output.
    pub(crate) fn of_stdout() -> Self {
        width_of_stdout().map_or(Self::Below, Self::Beside)
    }

    /// The text in lines that it has room for.
    pub(crate) fn fitted(self, text: &str) -> String {
        match self {
            Self::Beside(width) => wrap(text, width).join("\n"),
            Self::Below => text.to_owned(),
        }
    }

    /// What stands above the answer itself.
    pub(crate) fn heading(self) -> String {
        match self {
            Self::Beside(_) => format!("{STRONG}The answer{STRONG:#}\n"),
            Self::Below => "## The answer\n\n".to_owned(),
        }
    }
}

/// Every candidate with what it said, and what that took.
pub(crate) fn text(responses: &[ProviderResponse], ledger: &LedgerReport, layout: Layout) -> String {
    match layout {
        Layout::Beside(width) => beside(responses, ledger, width),
        Layout::Below => below(responses, ledger),
    }
}

fn below(responses: &[ProviderResponse], ledger: &LedgerReport) -> String {
    let mut out = String::new();
    for response in responses {
        let model = response.model.as_deref().map(|model| format!(" ({model})")).unwrap_or_default();
        let (_, status) = status(response);
        let _ = writeln!(out, "## {}{}\n", response.provider_id, printable(&model));
        let _ = writeln!(out, "{status} · {}\n", numbers(response, ledger));
        let said = said(response);
        if !said.is_empty() {
            let _ = writeln!(out, "{}\n", said.trim_end());
        }
    }
    out
}

fn beside(responses: &[ProviderResponse], ledger: &LedgerReport, width: usize) -> String {
    let gap = GAP.chars().count();
    let room = ((width + gap) / (NARROWEST_COLUMN + gap)).max(1);
    let mut out = String::new();
    // Bands of nearly equal length: five in a room for four are three and two, not four and one.
    let bands = responses.len().div_ceil(room).max(1);
    for band in responses.chunks(responses.len().div_ceil(bands).max(1)) {
        let column = (width + gap) / band.len().max(1) - gap;
        let blocks: Vec<_> = band.iter().map(|response| block(response, ledger, column)).collect();
        let height = blocks.iter().map(Vec::len).max().unwrap_or_default();
        for number in 0..height {
            let mut cells = Vec::new();
            for (place, block) in blocks.iter().enumerate() {
                let (style, text) =
                    block.get(number).map_or((Style::new(), ""), |(style, text)| (*style, text.as_str()));
                let is_last = place + 1 == blocks.len();
                let text = if is_last { text.to_owned() } else { padded(text, column) };
                cells.push(format!("{style}{text}{style:#}"));
            }
            let _ = writeln!(out, "{}", cells.join(&format!("{DIM}{GAP}{DIM:#}")));
        }
        out.push('\n');
    }
    out
}

fn block(response: &ProviderResponse, ledger: &LedgerReport, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |style: Style, text: &str| {
        lines.extend(wrap(&printable(text), width).into_iter().map(|line| (style, line)));
    };
    let (style, status) = status(response);
    add(STRONG, response.provider_id.as_str());
    add(DIM, response.model.as_deref().unwrap_or_default());
    add(style, &status);
    add(DIM, &numbers(response, ledger));
    let said = said(response);
    if !said.is_empty() {
        lines.push((Style::new(), String::new()));
        lines.extend(wrap(&said, width).into_iter().map(|line| (Style::new(), line)));
    }
    lines
}

/// What came of it, in words.
fn status(response: &ProviderResponse) -> (Style, String) {
    match response.status {
        ResponseStatus::Answered if response.used => (GOOD, "answered".to_owned()),
        ResponseStatus::Answered => (GOOD, "answered, and was not used".to_owned()),
        ResponseStatus::NotGood => (NOTE, format!("no good answer: {}", shortcoming(response))),
        ResponseStatus::Failed => {
            let Some(error) = &response.error else { return (BAD, "failed".to_owned()) };
            let status = error.status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
            (BAD, format!("failed: {}{status}", printable(&error.message).replace('\n', " ")))
        }
        ResponseStatus::Abandoned => {
            let reason = response.reason.map_or("nobody says why", |reason| reason.as_str());
            (DIM, format!("given up: {}", reason.replace('_', " ")))
        }
        ResponseStatus::Running => (DIM, "still under way".to_owned()),
        _ => (DIM, "something that this program does not know".to_owned()),
    }
}

fn shortcoming(response: &ProviderResponse) -> &'static str {
    let Some(answer) = &response.response else { return "it holds nothing" };
    match answer.finish_reason {
        FinishReason::Length => "cut off",
        FinishReason::ContentFilter => "cut off by the provider's filter",
        _ if answer.is_refusal() => "the model declined",
        _ => "incomplete",
    }
}

/// Seconds, tokens and cost, of all its attempts.
fn numbers(response: &ProviderResponse, ledger: &LedgerReport) -> String {
    let spent = sums::of(response, ledger);
    let totals = &spent.totals;
    let mut text = format!("{:.1} s", response.duration_seconds);
    if totals.attempts == 0 {
        return text;
    }
    if totals.attempts > 1 {
        let _ = write!(text, " · {} attempts", totals.attempts);
    }
    let _ = write!(text, " · {} · cost {}", summary::tokens(totals), summary::cost(&spent));
    text
}

fn said(response: &ProviderResponse) -> String {
    let Some(answer) = &response.response else { return String::new() };
    printable(&answer.text()).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ultraai::ledger::Totals;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn answered(id: &str, ask: u32, text: &str) -> Value {
        json!({
            "provider_id": id, "provider_name": "p", "model": "m", "status": "answered", "used": true,
            "duration_seconds": 1.25, "ask": ask,
            "response": { "model": "m", "content": [{ "type": "text", "text": text }], "finish_reason": "stop" },
        })
    }

    fn drawn(responses: &Value, layout: Layout) -> String {
        let responses: Vec<ProviderResponse> = serde_json::from_value(responses.clone()).unwrap();
        let row = json!({
            "id": 0, "ask": 1, "attempt": 0, "outcome": "won", "provider_id": "near", "provider_name": "p",
            "usage": { "input_tokens": 7, "output_tokens": 3, "source": "estimated" },
            "cost": { "nano_dollars": 2_000_000 }, "started_seconds": 0.0, "duration_seconds": 1.0,
        });
        let ledger = json!({ "rows": [row], "totals": Totals::default() });
        let ledger = serde_json::from_value(ledger).unwrap();
        anstream::adapter::strip_str(&text(&responses, &ledger, layout)).to_string()
    }

    #[test]
    fn a_wide_terminal_shows_columns_that_fill_it() {
        let long = "eins zwei drei vier fünf sechs sieben acht neun zehn elf 你好 ".repeat(3);
        let responses = json!([answered("near", 1, &long), answered("far", 2, "short")]);
        let text = drawn(&responses, Layout::Beside(80));
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        let bars: Vec<_> = text.lines().filter_map(|line| Some(line[..line.find('│')?].width())).collect();
        assert!(bars.len() > 5 && bars.iter().all(|at| *at == 39), "{text}");
        assert!(text.starts_with("near                                   │ far\n"), "{text}");
        assert!(
            text.contains("1.2 s · ~7 tokens in, ~3 out · cost   │") || text.contains("~7 tokens in"),
            "{text}"
        );
    }

    #[test]
    fn a_narrow_terminal_and_a_pipe_show_one_below_the_other() {
        let responses = json!([answered("near", 1, "one"), answered("far", 2, "two")]);
        let text = drawn(&responses, Layout::Beside(50));
        assert!(!text.contains('│') && text.find("one").unwrap() < text.find("far").unwrap(), "{text}");
        assert_eq!(
            drawn(&responses, Layout::Below),
            "## near (m)\n\nanswered · 1.2 s · ~7 tokens in, ~3 out · cost ~$0.002000\n\none\n\n\
             ## far (m)\n\nanswered · 1.2 s\n\ntwo\n\n"
        );
    }

    #[test]
    fn who_did_not_answer_says_why() {
        let common = |status: &str, key: &str, value: Value| {
            json!({
                "provider_id": "a", "provider_name": "p", "status": status, "used": false, key: value,
                "duration_seconds": 1.0, "ask": 9,
            })
        };
        let error = json!({ "kind": "server_error", "message": "it\nbroke", "status": 500 });
        let cut = json!({ "content": [{ "type": "text", "text": "half" }], "finish_reason": "length" });
        for (response, words) in [
            (common("failed", "error", error), "failed: it broke (HTTP 500)"),
            (common("abandoned", "reason", json!("enough_answers")), "given up: enough answers"),
            (common("not_good", "response", cut), "no good answer: cut off"),
        ] {
            assert!(drawn(&json!([response]), Layout::Below).contains(words), "{words}");
        }
    }
}
