//! What reading a stream costs.

use std::{collections::VecDeque, hint::black_box};

use bytes::Bytes;
use ultraai_core::{ChatRequest, Codec as _, Frame};
use ultraai_protocol_openai_responses::Responses;

#[test]
fn a_piece_of_text_costs_two_allocations_at_most() {
    let frame = |text: &str| {
        Bytes::from(format!(
            r#"{{"type":"response.output_text.delta","sequence_number":9,"item_id":"msg_0123456789","output_index":0,"content_index":0,"delta":"{text}","logprobs":[],"obfuscation":"x"}}"#
        ))
    };
    for text in [" word", r"\n \u00fc"] {
        let frames: Vec<_> = (0..100).map(|_| frame(text)).collect();
        let mut decode = Responses::new().decoder(&ChatRequest::default());
        let mut out = VecDeque::with_capacity(256);
        let counted = allocation_counter::measure(|| {
            for data in &frames {
                let read = decode(Some(Frame { name: "response.output_text.delta", data }), &mut out);
                assert!(read.is_ok());
            }
        });
        assert_eq!(out.len(), 100);
        assert!(counted.count_total <= 200, "{} allocations", counted.count_total);
        black_box(out);
    }
}
