//! How often the kind of a task is told right, over recorded prompts that lie outside the repository.

use std::{path::PathBuf, process::Command};

use serde_json::Value;
use ultraai_core::ChatRequest;
use ultraai_strategy_adaptive::{Kind, Task};

/// Recorded sets, the kind that most of their prompts are of, and the share that must be told right.
const SETS: &[(&str, Kind, f64)] = &[
    ("routellm_gsm8k", Kind::Arithmetic, 0.6),
    ("zeroeval_math_l5", Kind::Arithmetic, 0.6),
    ("mmlu_pro", Kind::Choice, 0.8),
    ("routellm_mmlu", Kind::Choice, 0.8),
    ("zeroeval_crux", Kind::Code, 0.8),
    ("alpaca_eval2", Kind::Open, 0.6),
];

/// The prompts of a set, unpacked by the system's own tool; `None` where there is no such file or tool.
fn prompts(set: &str) -> Option<Vec<String>> {
    let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = std::env::var_os("ULTRAAI_DATA_DIR").map_or_else(near, PathBuf::from);
    let unpacked =
        Command::new("gzip").arg("-dc").arg(folder.join(format!("{set}.jsonl.gz"))).output().ok()?;
    let text = String::from_utf8(unpacked.stdout).ok().filter(|text| !text.is_empty())?;
    let prompt = |line: &str| {
        let row: Value = serde_json::from_str(line).ok()?;
        Some(row.get("prompt")?.as_str()?.to_owned())
    };
    Some(text.lines().filter_map(prompt).take(1_000).collect())
}

#[test]
fn most_recorded_prompts_are_told_right() {
    for (set, kind, least) in SETS {
        let Some(prompts) = prompts(set) else {
            println!("{set}: skipped, it is not here");
            continue;
        };
        let right = prompts
            .iter()
            .filter(|prompt| Task::of(&ChatRequest::from_prompt(prompt.as_str())).kind == *kind);
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let share = right.count() as f64 / prompts.len() as f64;
        println!("{set}: {:.1} % of {} are told to be {}", 100.0 * share, prompts.len(), kind.as_str());
        assert!(share >= *least, "{set}: {share}");
    }
}
