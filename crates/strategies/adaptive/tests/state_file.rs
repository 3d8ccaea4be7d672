//! The state file: what is written, what is refused, and that nothing is lost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path, time::Duration};

use ultraai_core::{ErrorKind, Options, OrchestratorBuilder};
use ultraai_strategy_adaptive::{Adaptive, AdaptiveOrchestrator, AdaptiveSettings, ArmSettings, Kind};
use ultraai_strategy_fallback as _;
use ultraai_strategy_simple as _;
use ultraai_testkit::Scripted;

const PROMPT: &str = "Write a clover function in Python";

fn settings(state_file: Option<&Path>) -> AdaptiveSettings {
    let mut settings = AdaptiveSettings::default();
    settings.arms = vec![ArmSettings::new("fallback", Options::default())];
    settings.state_file = state_file.map(Path::to_owned);
    settings
}

async fn used(settings: AdaptiveSettings, requests: usize) -> AdaptiveOrchestrator {
    let orchestrator = OrchestratorBuilder::new(Adaptive::new(settings).unwrap()).build().unwrap();
    orchestrator.register_provider("a", Scripted::always("a clover answer")).unwrap();
    for _ in 0..requests {
        orchestrator.process(PROMPT).await.unwrap();
    }
    orchestrator
}

#[tokio::test]
async fn what_was_seen_is_there_again_and_holds_no_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let orchestrator = used(settings(None), 3).await;
    orchestrator.strategy().save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\"version\":1,"), "{text}");
    assert!(!text.contains("clover"), "{text}");
    let other = Adaptive::new(settings(None)).unwrap();
    other.load(&path).unwrap();
    assert_eq!(
        other.estimate(Kind::Code, "fallback"),
        orchestrator.strategy().estimate(Kind::Code, "fallback")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left in the folder");
}

#[test]
fn a_file_in_no_folder_is_refused_before_anything_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let error = Adaptive::new(settings(Some(&folder.path().join("none/state.json")))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("its folder is not there"), "{error}");
}

#[tokio::test]
async fn a_file_of_another_version_or_cut_short_is_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let orchestrator = used(settings(None), 2).await;
    let good = orchestrator.strategy().to_json();
    let before = orchestrator.strategy().to_json();
    let mut bad: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
    bad.push(good.replace("\"version\":1", "\"version\":2"));
    for text in bad {
        fs::write(&path, &text).unwrap();
        let error = orchestrator.strategy().load(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("state.json"), "{error}");
        assert_eq!(orchestrator.strategy().to_json(), before);
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "the file stays as it is");
    }
    let error = Adaptive::new(settings(Some(&path))).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(fs::read_to_string(&path).unwrap().contains("\"version\":2"), "the file stays as it is");
}

#[tokio::test]
async fn a_named_file_is_kept_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    drop(used(settings(Some(&path)), 3).await);
    let again = Adaptive::new(settings(Some(&path))).unwrap();
    assert_eq!(again.estimate(Kind::Code, "fallback").trials, 3, "the last handle saves");
    drop(again);
    let mut every_two = settings(Some(&path));
    every_two.save_every = 2;
    let orchestrator = used(every_two, 2).await;
    // Written by another thread; no longer than a slow disk.
    for _ in 0..200 {
        if fs::read_to_string(&path).unwrap().matches("\"arm\"").count() == 5 {
            return drop(orchestrator);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("after two outcomes the file was not written");
}

#[tokio::test]
async fn arms_that_are_gone_are_kept_and_not_used() {
    let orchestrator = used(settings(None), 2).await;
    let text = orchestrator.strategy().to_json().replace("fallback", "gone");
    let other = Adaptive::new(settings(None)).unwrap();
    other.load_json(&text).unwrap();
    assert_eq!(other.to_json(), text);
    assert_eq!(other.estimate(Kind::Code, "fallback").trials, 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let vanishing = folder.path().join("vanishing");
    fs::create_dir(&vanishing).unwrap();
    let mut everywhere = settings(Some(&vanishing.join("state.json")));
    everywhere.save_every = 1;
    let orchestrator = used(everywhere, 0).await;
    fs::remove_dir(&vanishing).unwrap();
    for _ in 0..200 {
        let outcome = orchestrator.process(PROMPT).await.unwrap();
        if outcome.trace.iter().any(|sentence| sentence.contains("could not be saved")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody said that the file could not be written");
}

#[tokio::test]
async fn names_of_arms_hold_no_prompt_and_no_setting() {
    let mut options = Options::default();
    options.synthesis_template = Some("Be rude to clover {{answers}}".into());
    let mut settings = settings(None);
    settings.arms = vec![ArmSettings::new("simple", options)];
    let orchestrator = OrchestratorBuilder::new(Adaptive::new(settings).unwrap()).build().unwrap();
    orchestrator.register_provider("a", Scripted::always("an answer")).unwrap();
    let outcome = orchestrator.process("Why is the sky blue?").await.unwrap();
    let text = format!("{:?} {}", outcome.trace, orchestrator.strategy().to_json());
    assert!(!text.contains("clover") && text.contains("simple synthesis_template=#"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
        // In a thread of its own: what waits for a pipe waits for ever.
        let (sender, received) = std::sync::mpsc::channel();
        let settings = settings(Some(path));
        std::thread::spawn(move || sender.send(Adaptive::new(settings).map(drop)));
        let error = received.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        let error = Adaptive::default().save(path).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_regular_file_is_followed_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("state.json"), folder.path().join("link.json"));
    used(settings(None), 2).await.strategy().save(&target).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    drop(used(settings(Some(&link)), 1).await);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap().matches("\"arm\"").count(), 3);
}
