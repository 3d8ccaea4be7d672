//! Writes what the fuzzer begins with into `corpus/`: what servers of each protocol say, and what its codec writes.

use std::{fs, io, path::Path};

use fastrand::Rng;
use ultraai_core::{Answering, Error, ErrorKind, Losses};
use ultraai_protocols_fuzz::{PROTOCOLS, Protocol, aws_message};
use ultraai_testkit::{
    Dialogue, Reply, anthropic::AnthropicMessages, bedrock::Bedrock, codecs::frames_of, cohere::Cohere,
    gemini::Gemini, ollama::Ollama, openai::OpenAiChat, responses::OpenAiResponses, samples::Carries,
};

/// What a server of each protocol says; a protocol that is not here begins with what its codec writes.
const SPOKEN: [(&str, &dyn Dialogue); 7] = [
    ("openai_chat", &OpenAiChat),
    ("anthropic_messages", &AnthropicMessages),
    ("gemini", &Gemini),
    ("ollama", &Ollama),
    ("openai_responses", &OpenAiResponses),
    ("cohere", &Cohere),
    ("bedrock", &Bedrock),
];

/// Requests and answers that are made up.
const ROUNDS: u64 = 40;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let (mut streams, mut binary) = (Vec::new(), Vec::new());
    for (name, protocol) in PROTOCOLS {
        let mut seeds = Seeds::default();
        if let Some((_, dialogue)) = SPOKEN.iter().find(|(spoken, _)| *spoken == name) {
            seeds.said(*dialogue);
        }
        seeds.written(&protocol());
        streams.extend(seeds.streams.iter().cloned());
        binary.append(&mut seeds.binary);
        write(&root.join(name), &seeds.all)?;
    }
    for framing in ["sse", "lines"] {
        write(&root.join(framing), &cut_alike(&streams))?;
    }
    // A header is the length of its name, the name, its kind (7, a text), and the text's length and itself.
    let header = b"\x0b:event-type\x07\x00\x0bmessageStop\x0d:message-type\x07\x00\x05event";
    let seed = [b"\x07\x30".as_slice(), header, b"{\"stopReason\":\"end_turn\"}"].concat();
    let whole = [b"\x07".as_slice(), &aws_message(header, b"{\"stopReason\":\"end_turn\"}")].concat();
    let seeds = [vec![seed, whole], cut_alike(&binary)].concat();
    write(&root.join("aws_event_stream"), &seeds)
}

/// Streams as the targets of framings read them, behind a byte that says how they are cut.
fn cut_alike(streams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    streams.iter().map(|stream| [&[7], stream.as_slice()].concat()).collect()
}

/// Names hang on the place alone, so that a second run writes the same files.
fn write(folder: &Path, seeds: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    seeds
        .iter()
        .enumerate()
        .try_for_each(|(place, seed)| fs::write(folder.join(format!("seed-{place:04}")), seed))
}

#[derive(Default)]
struct Seeds {
    all: Vec<Vec<u8>>,
    streams: Vec<Vec<u8>>,
    /// Streams of frames that are no text, for the target of their framing alone.
    binary: Vec<Vec<u8>>,
}

impl Seeds {
    fn add(&mut self, kind: u8, how: u8, body: &[u8]) {
        self.all.push([&[kind, how], body].concat());
        if kind == b'2' {
            self.streams.push(body.to_vec());
        }
    }

    /// What a server says.
    fn said(&mut self, dialogue: &dyn Dialogue) {
        let whole = [
            Some(dialogue.answer("m", "hello")),
            Some(dialogue.nothing("m")),
            Some(dialogue.cut_short("m", "hel")),
            dialogue.null_content("m"),
        ];
        let live = [
            Some(dialogue.live("m", &["hel", "lo", " grüße"])),
            Some(dialogue.live_cut_short("m", &["hel"])),
            Some(dialogue.live_error("m", "hel")),
            Some(dialogue.live_garbage()),
            dialogue.live_without_reason("m", &["hel", "lo"]),
        ];
        let errors = [
            Some(dialogue.error(429, "slow down")),
            Some(dialogue.quota_exhausted()),
            Some(dialogue.context_too_long()),
            dialogue.content_filtered("m"),
        ];
        for (kind, replies) in [(b'1', &whole[..]), (b'2', &live), (b'3', &errors)] {
            for reply in replies.iter().flatten() {
                match kind {
                    b'2' if !dialogue.is_text() => self.binary.push(body(reply)),
                    _ => self.add(kind, 29, &body(reply)),
                }
            }
        }
    }

    /// What the codec writes.
    fn written(&mut self, protocol: &Protocol) {
        for seed in 0..ROUNDS {
            let request = Carries::EVERYTHING.request(&mut Rng::with_seed(seed));
            let answer = Carries::EVERYTHING.answer(&mut Rng::with_seed(seed));
            let how = u8::try_from(seed).unwrap_or_default();
            let Some(server) = protocol.server() else {
                self.add(b'0', how, &serde_json::to_vec(&request).unwrap_or_default());
                continue;
            };
            let mut losses = Losses::noted();
            if let Ok(body) = protocol.codec().encode(&request, &mut losses) {
                self.add(b'0', how, &body);
            }
            let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
            if let Ok(body) = server.encode_response(&to, &answer, &mut losses) {
                self.add(b'1', how, &body);
            }
            if let Ok(frames) = frames_of(server, &to, &answer) {
                let mut stream = Vec::new();
                for frame in frames {
                    match server.framing() {
                        ultraai_core::Framing::ServerSentEvents => {
                            if !frame.name.is_empty() {
                                stream.extend_from_slice(format!("event: {}\n", frame.name).as_bytes());
                            }
                            stream.extend_from_slice(&[b"data: ", frame.data.as_slice(), b"\n\n"].concat());
                        }
                        ultraai_core::Framing::Lines => {
                            stream.extend_from_slice(&[frame.data.as_slice(), b"\n"].concat());
                        }
                        _ => {
                            let name = frame.name.as_bytes();
                            stream.extend_from_slice(&[name, b"\t", frame.data.as_slice(), b"\n"].concat());
                        }
                    }
                }
                self.add(b'2', how, &stream);
            }
        }
        if let Some(server) = protocol.server() {
            for kind in [ErrorKind::RateLimited, ErrorKind::Authentication, ErrorKind::InvalidRequest] {
                self.add(b'3', 0, &server.encode_error(&Error::new(kind, "no")).body);
            }
        }
    }
}

fn body(reply: &Reply) -> Vec<u8> {
    reply.body_pieces().concat()
}
