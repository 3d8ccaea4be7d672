//! What is lost when a caller speaks one protocol and a provider another: each thing that a chat can say is said in the
//! caller's words, sent in the provider's, and looked for there; and the answer the other way. What is lost must be told by
//! [`Losses`](ultraai::Losses); what is lost without a word is a complaint. The table is the documentation.

mod pair;
mod protocols;
mod table;

use std::{fs, path::PathBuf};

use ultraai::{Answering, ChatRequest, ChatResponse, Losses};
use ultraai_testkit::codecs::frames_of;

use self::{
    pair::{Fate, Pair},
    protocols::PROTOCOLS,
    table::table,
};

const COMMAND: &str = "cargo test -p ultraai --test translation --all-features -- --ignored write_the_table";

/// Every pair of a caller's protocol and a provider's.
fn pairs() -> Vec<Pair> {
    let callers = PROTOCOLS.iter().filter(|protocol| protocol.is_callers);
    callers.flat_map(|caller| PROTOCOLS.iter().map(move |provider| Pair::of(caller, provider))).collect()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("TRANSLATION.md")
}

#[test]
fn nothing_is_lost_between_two_protocols_without_a_word() {
    let pairs = pairs();
    let complaints: Vec<_> = pairs.iter().flat_map(Pair::complaints).collect();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn nothing_is_lost_between_a_protocol_and_itself() {
    for pair in pairs().iter().filter(|pair| pair.caller == pair.provider) {
        for (what, fate) in pair.requests.iter().chain(&pair.answers) {
            assert!(matches!(fate, Fate::Kept | Fate::Unsayable), "{}: {what}: {fate:?}", pair.caller);
        }
    }
}

#[test]
fn the_table_is_what_was_observed() {
    let same = fs::read_to_string(file()).unwrap() == table(&pairs());
    assert!(same, "crates/ultraai/TRANSLATION.md is not what was observed: run `{COMMAND}`");
}

#[test]
#[ignore = "it writes the documentation's table"]
fn write_the_table() {
    fs::write(file(), table(&pairs())).unwrap();
}

#[test]
fn what_one_protocol_says_besides_stands_in_no_answer_of_another() {
    let request = ChatRequest::from_prompt("hello");
    let to = Answering { request: &request, id: "1", created: 7 };
    for protocol in PROTOCOLS {
        let server = (protocol.server)();
        for origin in PROTOCOLS {
            let mut answer = ChatResponse::from_text("hi");
            answer.raw.insert("novel".to_owned(), "besides".into());
            answer.origin = Some(origin.name);
            let mut said = server.encode_response(&to, &answer, &mut Losses::refused()).unwrap();
            for frame in frames_of(&*server, &to, &answer).unwrap() {
                said.extend(frame.data);
            }
            let count = String::from_utf8_lossy(&said).matches("\"besides\"").count();
            let expected = if origin.name == protocol.name { 2 } else { 0 };
            assert_eq!(count, expected, "{} to callers of {}", origin.name, protocol.name);
        }
    }
}
