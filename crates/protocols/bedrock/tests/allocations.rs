//! What reading a stream costs in memory.

use std::collections::VecDeque;

use bytes::Bytes;
use ultraai_core::{ChatRequest, Framing, OwnedFrame};
use ultraai_protocol_bedrock::Decoder;
use ultraai_wire::{EventStreamDecoder, write_frame};

#[test]
fn a_piece_of_text_costs_two_allocations_at_most() {
    const DELTAS: u64 = 500;
    let mut bytes = Vec::new();
    for number in 0..DELTAS {
        let data =
            format!(r#"{{"contentBlockIndex":0,"delta":{{"text":" word{number}"}},"p":"abcdefghij"}}"#);
        let frame = OwnedFrame { name: "contentBlockDelta", data: data.into_bytes() };
        write_frame(Framing::AwsEventStream, &frame, &mut bytes);
    }
    let pieces: Vec<_> = bytes.chunks(1400).map(Bytes::copy_from_slice).collect();
    let counted = allocation_counter::measure(|| {
        let (mut cut, mut frames) = (EventStreamDecoder::new(1 << 20), VecDeque::new());
        let (mut decoder, mut events) = (Decoder::new(&ChatRequest::default()), VecDeque::new());
        for piece in &pieces {
            cut.push(piece, &mut frames).unwrap();
            while let Some(frame) = frames.pop_front() {
                decoder.push(frame.name(), &frame.data, &mut events).unwrap();
            }
            events.clear();
        }
    });
    assert!(counted.count_total <= 2 * DELTAS, "{} allocations for {DELTAS} deltas", counted.count_total);
}
