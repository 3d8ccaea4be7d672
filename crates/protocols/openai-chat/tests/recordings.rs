//! Every recorded exchange of this protocol is read as the vendors' own SDKs read it.
//!
//! The recordings lie outside the repository: `ULTRAAI_WIRE_DIR` names their folder, and without it and them the test
//! says that it was skipped.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde_json::Value;
use ultraai_core::{ChatEvent, ChatResponse, ErrorKind, Fold, Part, Result};
use ultraai_protocol_openai_chat::{Decoder, decode, decode_error};
use ultraai_wire::SseDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    (
        "azure/chat__openllmetry--test-azure-test-prompt-content-filtering",
        "a 200 with an error is an error here",
    ),
    (
        "azure/finish_filtered_or_refusal__openllmetry",
        "the choice has no message, and the SDK gives up its reason too",
    ),
    ("groq/chat_stream__open", "usage stands in `x_groq`, which the SDK does not know"),
    ("groq/reasoning_stream__pydantic-ai--test-groq-test-groq-model-web-search-tool-stream", "likewise"),
    ("mistral/reasoning", "content is a list with thinking parts, which the SDK passes on as JSON"),
    (
        "openai/tool_call__openllmetry--test-functions-test-open-ai-function-calls",
        "the SDK keeps the older form apart",
    ),
    (
        "openrouter/tool_call__pydantic-ai--test-openrouter-test-openrouter-tool-optional",
        "no arguments are an empty text",
    ),
];

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("ULTRAAI_WIRE_DIR").map(PathBuf::from);
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/wire");
    Some(named.unwrap_or_else(near)).filter(|folder| folder.join("INDEX.csv").exists())
}

struct Recording {
    file: String,
    framing: String,
    status: u16,
    body: Vec<u8>,
}

fn recordings(folder: &Path) -> Vec<Recording> {
    let index = fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut lines = index.lines();
    let names: Vec<_> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let (file, api, status, framing) = (column("file"), column("api"), column("status"), column("framing"));
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row[api] == "openai.chat");
    rows.map(|row| {
        let text = fs::read_to_string(folder.join(row[file])).unwrap();
        let recording: Value = serde_json::from_str(&text).unwrap();
        Recording {
            file: row[file].to_owned(),
            framing: row[framing].to_owned(),
            status: row[status].parse().unwrap(),
            body: recording["response"]["body"].as_str().unwrap().as_bytes().to_vec(),
        }
    })
    .collect()
}

fn read_stream(body: &[u8], chunk: usize) -> Result<ChatResponse> {
    let (mut frames, mut events) = (SseDecoder::new(16 << 20), VecDeque::new());
    for chunk in body.chunks(chunk) {
        frames.push(&Bytes::copy_from_slice(chunk), &mut events)?;
    }
    frames.end(&mut events);
    let (mut decoder, mut said, mut fold) = (Decoder::new(), VecDeque::<ChatEvent>::new(), Fold::default());
    for event in events {
        decoder.push(event.name(), &event.data, &mut said)?;
    }
    decoder.end(&mut said)?;
    said.into_iter().try_for_each(|event| fold.push(event))?;
    fold.finish()
}

/// What differs from what an SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let finish = match text("finish") {
        "" => "unknown",
        "eos" => "stop",
        "function_call" => "tool_calls",
        word => word,
    };
    let calls: Vec<Value> = answer
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => {
                Some(Value::from(vec![call.id.clone(), call.name.clone(), call.arguments.clone()]))
            }
            _ => None,
        })
        .collect();
    let usage = answer.usage.map(|usage| usage.input_tokens);
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if expected["tool_calls"].as_array().is_some_and(|expected| *expected != calls) {
        Some(format!("calls {calls:?}, expected {}", expected["tool_calls"]))
    } else if usage != expected["usage"]["prompt_tokens"].as_u64() {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else {
        None
    }
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(folder) = folder() else {
        println!("skipped: no recordings; name their folder in ULTRAAI_WIRE_DIR");
        return;
    };
    let expected = fs::read_to_string(folder.join("EXPECTED.jsonl")).unwrap();
    let rows = expected.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let expected: BTreeMap<String, Value> =
        rows.map(|row| (row["file"].as_str().unwrap().to_owned(), row)).collect();
    let (mut wrong, mut open, mut answers) = (Vec::new(), BTreeSet::new(), 0);
    for recording in recordings(&folder).iter().filter(|recording| recording.status == 200) {
        let read = match recording.framing.as_str() {
            "sse" => {
                let read = read_stream(&recording.body, 1 << 16);
                let cut = read_stream(&recording.body, 7);
                assert_eq!(read.as_ref().ok(), cut.as_ref().ok(), "{}", recording.file);
                read
            }
            _ => decode(&recording.body),
        };
        let row = expected.get(&recording.file);
        let difference = match row.map(|row| (&row["expect"], &row["error"])) {
            Some((Value::Object(_), _)) => difference(&read, &row.unwrap()["expect"]),
            // An SDK that raises an error is right to do so, and so is who reads one here.
            Some(_) => {
                read.as_ref().ok().map(|answer| format!("an answer {:?}, expected an error", answer.text()))
            }
            None => read.as_ref().err().map(|error| format!("{} {error}", error.kind())),
        };
        answers += 1;
        let gap = GAPS.iter().find(|(file, _)| recording.file.starts_with(file));
        match (difference, gap) {
            (Some(difference), None) => wrong.push(format!("{}: {difference}", recording.file)),
            (Some(_), Some(gap)) => drop(open.insert(gap)),
            _ => {}
        }
    }
    assert!(answers > 500, "{answers} answers");
    wrong.extend(
        GAPS.iter()
            .filter(|gap| !open.contains(gap))
            .map(|(file, _)| format!("{file}: a gap that has closed")),
    );
    assert!(wrong.is_empty(), "{} of {answers}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(folder) = folder() else {
        println!("skipped: no recordings; name their folder in ULTRAAI_WIRE_DIR");
        return;
    };
    for recording in recordings(&folder).iter().filter(|recording| recording.status != 200) {
        let error = decode_error(recording.status, &recording.body);
        let expected = match recording.status {
            400 => &[ErrorKind::Rejected, ErrorKind::ModelNotFound][..],
            401 => &[ErrorKind::Authentication],
            404 => &[ErrorKind::ModelNotFound],
            429 => &[ErrorKind::RateLimited],
            _ => &[],
        };
        assert!(expected.contains(&error.kind()), "{}: {error}", recording.file);
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
    }
}
