//! The list of faults is whole and tells names apart.

use std::collections::BTreeSet;

use ultraai_core::{Error, FinishReason};

use super::*;
use crate::{
    anthropic::AnthropicMessages, bedrock::Bedrock, cohere::Cohere, gemini::Gemini, ollama::Ollama,
    openai::OpenAiChat, responses::OpenAiResponses,
};

const DIALOGUES: [&dyn Dialogue; 7] =
    [&OpenAiChat, &AnthropicMessages, &Gemini, &Ollama, &Cohere, &OpenAiResponses, &Bedrock];

#[test]
fn every_fault_has_a_name_of_its_own_and_is_found_by_it() {
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    assert!(names.len() >= 60, "{}", names.len());
    assert_eq!(Fault::named("stall").group, Group::Streams);
}

#[test]
#[should_panic(expected = "there is no fault `stal` (there are: connection-refused, ")]
fn an_unknown_name_is_told_with_the_known_ones() {
    Fault::named("stal");
}

#[test]
fn what_a_protocol_lacks_is_left_out_for_a_reason() {
    let lacking = |dialogue: &'static dyn Dialogue| -> Vec<_> {
        FAULTS.iter().filter(|fault| fault.lacking_in(dialogue).is_some()).map(|fault| fault.name).collect()
    };
    assert_eq!(
        DIALOGUES.map(lacking),
        [
            vec![],
            vec![],
            vec!["missing-reason"],
            vec!["400-content-filter", "missing-reason"],
            vec![],
            vec!["missing-reason"],
            vec![
                "400-content-filter",
                "missing-reason",
                "pings",
                "pings-forever",
                "pings-after-content",
                "crlf",
                "byte-order-mark",
                "no-last-line-end",
                "large-event",
                "too-large-event"
            ]
        ]
    );
    assert!(faults_of(&Ollama).all(|fault| fault.name != "400-content-filter"));
}

#[test]
fn every_fault_has_its_turn_among_right_answers() {
    let mut turns = server::turns(FAULTS.iter().collect(), 3);
    let drawn: Vec<_> = (0..3 * FAULTS.len()).map(|_| turns().name).collect();
    let (faults, rights): (Vec<_>, Vec<_>) = drawn.iter().enumerate().partition(|(at, _)| at % 3 == 2);
    assert!(faults.iter().map(|(_, name)| **name).eq(FAULTS.iter().map(|fault| fault.name)));
    assert!(rights.iter().all(|(_, name)| **name == "interim-response"), "{rights:?}");
}

#[test]
fn what_is_expected_can_be_kept() {
    for fault in FAULTS {
        for expected in [fault.whole, fault.live] {
            assert!(expected.answer != Allowed::Nothing || !expected.kinds.is_empty(), "{}", fault.name);
            assert!((1..=3).contains(&expected.attempts), "{}", fault.name);
        }
    }
}

#[test]
fn a_fault_is_the_same_for_every_text() {
    for dialogue in DIALOGUES {
        for fault in faults_of(dialogue) {
            for live in [false, true] {
                let scene = Scene { texts: &["one", "two", "three"], ..Scene::sample(dialogue, live) };
                assert!(!matches!((fault.does)(&scene), Deed::Lacking(_)), "{}", fault.name);
            }
        }
    }
}

#[test]
fn what_came_of_a_call_is_judged() {
    let right = || ChatResponse::from_text(FaultyServer::TEXTS.concat());
    let part = || ChatResponse::from_text(FaultyServer::TEXTS[0]);
    let cut = || part().with_finish_reason(FinishReason::Length);
    let failed = || Err(Error::new(ErrorKind::Interrupted, "cut off"));
    let broken = Expected::once(&[ErrorKind::Interrupted]);
    for (expected, allowed) in [
        (Expected::RIGHT, [true, false, false, false]),
        (Expected::INCOMPLETE, [false, false, true, false]),
        (broken, [false, false, false, true]),
        (broken.or_right(), [true, false, false, true]),
    ] {
        let judged =
            [Ok(right()), Ok(part()), Ok(cut()), failed()].map(|answered| expected.judge(&answered).is_ok());
        assert_eq!(judged, allowed, "{expected:?}");
    }
    let other = Expected::once(&[ErrorKind::Connect]).judge(&failed()).unwrap_err();
    assert!(other.starts_with("it says `interrupted`"), "{other}");
}
