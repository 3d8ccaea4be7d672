//! Writes the frames of a stream, in any framing.

use memchr::memchr2_iter;
use ultraai_core::{Framing, OwnedFrame};

use crate::event_stream;

/// Writes `frame` behind `out`, as `framing` has it.
///
/// A server-sent event without a name has no line `event:`, and data of several lines has a line `data:` for each. Among lines
/// the name is left out, and a line break within the data, which in JSON is white space, becomes a space. In AWS's event
/// stream a name that ends in `Exception` is an exception's, as AWS names all of them, and the data is JSON.
///
/// ```
/// use ultraai_core::{Framing, OwnedFrame};
/// use ultraai_wire::write_frame;
///
/// let mut bytes = Vec::new();
/// let frame = OwnedFrame { name: "ping", data: b"{}".to_vec() };
/// write_frame(Framing::ServerSentEvents, &frame, &mut bytes);
/// write_frame(Framing::Lines, &frame, &mut bytes);
/// assert_eq!(bytes, b"event: ping\ndata: {}\n\n{}\n");
/// ```
pub fn write_frame(framing: Framing, frame: &OwnedFrame, out: &mut Vec<u8>) {
    write_event(framing, frame.name, &frame.data, out);
}

/// As [`write_frame`], with what a frame holds.
pub fn write_event(framing: Framing, name: &str, data: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::AwsEventStream => event_stream::write(name, data, out),
        Framing::Lines => {
            let start = out.len();
            out.extend_from_slice(data);
            let breaks = out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r'));
            breaks.for_each(|byte| *byte = b' ');
            out.push(b'\n');
        }
        _ => {
            if !name.is_empty() {
                out.extend_from_slice(b"event: ");
                out.extend_from_slice(name.as_bytes());
                out.push(b'\n');
            }
            let mut from = 0;
            for at in memchr2_iter(b'\n', b'\r', data).chain([data.len()]) {
                // CRLF is one break.
                if at > 0 && at < data.len() && data[at] == b'\n' && data[at - 1] == b'\r' {
                    from = at + 1;
                    continue;
                }
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&data[from..at]);
                out.push(b'\n');
                from = at + 1;
            }
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{RawFrame, frames::FrameDecoder};

    fn read(framing: Framing, frames: &[OwnedFrame]) -> Vec<(String, Bytes)> {
        let mut bytes = Vec::new();
        for frame in frames {
            write_frame(framing, frame, &mut bytes);
        }
        let (mut decoder, mut read) = (FrameDecoder::new(framing, 1 << 20), VecDeque::<RawFrame>::new());
        decoder.push(&bytes.into(), &mut read).unwrap();
        assert!(!decoder.end(&mut read).unwrap());
        read.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect()
    }

    #[test]
    fn breaks_within_the_data_break_no_frame() {
        let frame = OwnedFrame { name: "a", data: b"{\n\"b\":\r\n1}\n".to_vec() };
        let read_as = |framing| read(framing, std::slice::from_ref(&frame)).remove(0);
        assert_eq!(read_as(Framing::ServerSentEvents), ("a".into(), Bytes::from_static(b"{\n\"b\":\n1}\n")));
        assert_eq!(read_as(Framing::Lines), (String::new(), Bytes::from_static(b"{ \"b\":  1} ")));
        assert_eq!(read_as(Framing::AwsEventStream), ("a".into(), Bytes::from_static(b"{\n\"b\":\r\n1}\n")));
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written(texts in prop::collection::vec("[ -~ß😀]{1,30}", 0..5)) {
            let data = texts.iter().map(|text| format!("{{{text}}}"));
            let frames: Vec<_> = data.map(|data| OwnedFrame { name: "novel", data: data.into_bytes() }).collect();
            for framing in [Framing::ServerSentEvents, Framing::Lines, Framing::AwsEventStream] {
                let name = if framing == Framing::Lines { "" } else { "novel" };
                let expected: Vec<_> = frames.iter().map(|frame| (name.to_owned(), frame.data.clone().into())).collect();
                prop_assert_eq!(read(framing, &frames), expected);
            }
        }
    }
}
