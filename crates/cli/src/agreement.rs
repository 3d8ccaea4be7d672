//! How far the answers agree, and where they do not.

use std::fmt::Write as _;

use serde_json::Value;
use ultraai::Analysis;

use crate::terminal::{NOTE, printable};

/// How far the answers agree, what the analyzer found, and who gave the answers that it speaks of by number.
pub(crate) fn text(analysis: &Analysis) -> String {
    let told = match analysis.agreement {
        Some(agreement) if !analysis.is_inconclusive => {
            format!("the answers agree to {:.0} %", agreement * 100.0)
        }
        _ => "nobody can tell how far the answers agree".to_owned(),
    };
    let mut out = format!("Analysis ({}): {told}\n", printable(&analysis.analysis_type));
    let summary = printable(&analysis.summary);
    if !summary.trim().is_empty() {
        let _ = writeln!(out, "\n{}", summary.trim());
    }
    let numbered = analysis.details["answers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let numbered: Vec<_> =
        numbered.enumerate().map(|(place, id)| format!("answer {} is by {id}", place + 1)).collect();
    // A summary that names none needs no key.
    if !numbered.is_empty() && summary.contains("answer") && summary.contains("\n- ") {
        let _ = writeln!(out, "\n({})", printable(&numbered.join(", ")));
    }
    out
}

/// A note that the answers differ; `how` says what shows where. Nothing where they agree, or nobody can tell.
pub(crate) fn note(analysis: &Analysis, how: &str) -> String {
    match differs(analysis) {
        true => format!("{NOTE}note:{NOTE:#} the answers differ: {how}\n"),
        false => String::new(),
    }
}

/// Whether the answers contradict each other. A score may be missing where a contradiction was found all the same.
fn differs(analysis: &Analysis) -> bool {
    if analysis.is_inconclusive {
        return false;
    }
    let holds = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
    let details = &analysis.details;
    let mut claims = details["claims"].as_array().into_iter().flatten();
    analysis.agreement.is_some_and(|agreement| agreement < 1.0)
        || holds(&details["differences"])
        || claims.any(|claim| holds(&claim["contradicted_by"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn agreement_is_told_only_where_it_is_known() {
        let mut analysis = Analysis::new("comparative", "They differ.");
        assert!(text(&analysis).starts_with("Analysis (comparative): nobody can tell"));
        analysis.agreement = Some(0.834);
        let told = "Analysis (comparative): the answers agree to 83 %\n\nThey differ.\n";
        assert_eq!(text(&analysis), told);
        analysis.is_inconclusive = true;
        assert!(text(&analysis).contains("nobody can tell"));
    }

    #[test]
    fn whoever_gave_a_numbered_answer_is_named() {
        let mut analysis = Analysis::new("comparative", "They differ:\n- answer 1: blue; answer 2: red");
        analysis.details = json!({ "answers": ["near", "far"] });
        assert!(text(&analysis).ends_with("\n\n(answer 1 is by near, answer 2 is by far)\n"));
    }

    #[test]
    fn a_contradiction_is_noted_with_a_score_or_without() {
        let mut analysis = Analysis::new("comparative", "");
        assert_eq!(note(&analysis, ""), "", "nobody can tell");
        analysis.agreement = Some(1.0);
        assert_eq!(note(&analysis, ""), "", "they agree");
        analysis.agreement = Some(0.5);
        assert!(note(&analysis, "look").contains("the answers differ: look\n"));
        analysis.agreement = None;
        for details in [json!({ "differences": [{}] }), json!({ "claims": [{ "contradicted_by": ["a"] }] })] {
            analysis.details = details;
            assert!(!note(&analysis, "").is_empty(), "{analysis:?}");
        }
        analysis.is_inconclusive = true;
        assert_eq!(note(&analysis, ""), "");
    }
}
