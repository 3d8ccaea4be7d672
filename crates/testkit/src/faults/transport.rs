//! Connections that fail, and HTTP that is none.

use std::{iter::once, time::Duration};

use bytes::Bytes;
use ultraai_core::ErrorKind as K;

use super::{Deed, Expected, Fault, Group::Transport};
use crate::{Act, End, Framing, Reply};

const BROKEN: Expected = Expected::retried(&[K::Interrupted]);
const SILENT: Expected = Expected::retried(&[K::Timeout]).waiting();

/// What lets a client read what came before a reset, which drops what is unread.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "connection-refused",
        group: Transport,
        summary: "nobody listens",
        whole: Expected::retried(&[K::Connect]),
        live: Expected::retried(&[K::Connect]),
        does: |_| Deed::Refuse,
    },
    Fault {
        name: "connection-closed",
        group: Transport,
        summary: "closes the connection before it reads the request",
        whole: BROKEN,
        live: BROKEN,
        does: |_| Deed::HangUp,
    },
    Fault {
        name: "closed-at-once",
        group: Transport,
        summary: "reads the request and closes the connection",
        whole: BROKEN,
        live: BROKEN,
        does: |_| Reply::close().into(),
    },
    Fault {
        name: "reset-at-once",
        group: Transport,
        summary: "reads the request and resets the connection",
        whole: BROKEN,
        live: BROKEN,
        does: |_| Reply::reset().into(),
    },
    Fault {
        name: "hang-before-head",
        group: Transport,
        summary: "reads the request and says nothing",
        whole: SILENT,
        live: SILENT,
        does: |_| Reply::hang().into(),
    },
    Fault {
        name: "hang-in-head",
        group: Transport,
        summary: "falls silent in the middle of a header",
        whole: SILENT,
        live: SILENT,
        does: |_| Reply::acts([send("HTTP/1.1 200 OK\r\ncontent-ty"), Act::Hang]).into(),
    },
    Fault {
        name: "hang-after-head",
        group: Transport,
        summary: "sends the head of a good answer and falls silent",
        whole: SILENT,
        live: SILENT,
        does: |scene| scene.right().pieces(0).ending(End::Hang).into(),
    },
    Fault {
        name: "hang-in-body",
        group: Transport,
        summary: "sends the first bytes of the body and falls silent",
        whole: SILENT,
        live: SILENT,
        does: |scene| scene.right().cut_after(20).ending(End::Hang).into(),
    },
    Fault {
        name: "slow-trickle",
        group: Transport,
        summary: "sends a byte every 30 milliseconds",
        whole: SILENT,
        live: SILENT,
        does: |scene| scene.right().in_pieces_of(1).paced(Duration::from_millis(30)).into(),
    },
    Fault {
        name: "cut-head",
        group: Transport,
        summary: "closes the connection in the middle of a header",
        whole: BROKEN,
        live: BROKEN,
        does: |_| Reply::acts([send("HTTP/1.1 200 OK\r\ncontent-ty"), Act::Close]).into(),
    },
    Fault {
        name: "cut-body",
        group: Transport,
        summary: "closes the connection after the first bytes of the body",
        whole: BROKEN,
        live: BROKEN,
        does: |scene| scene.right().cut_after(20).ending(End::Closed).into(),
    },
    Fault {
        name: "reset-in-body",
        group: Transport,
        summary: "resets the connection after the first bytes of the body",
        whole: BROKEN,
        live: BROKEN,
        does: |scene| scene.right().cut_after(20).paced(PAUSE).ending(End::Reset).into(),
    },
    Fault {
        name: "length-too-long",
        group: Transport,
        summary: "claims 100 bytes more than the whole answer has, and closes",
        whole: BROKEN,
        // The last event of some streams says that nothing follows.
        live: Expected::once(&[K::Interrupted]).or_right(),
        does: |scene| framed(scene.right(), |length| length + 100).ending(End::Closed).into(),
    },
    Fault {
        name: "length-too-short",
        group: Transport,
        summary: "claims 60 bytes less than the answer has",
        whole: Expected::once(&[K::Undecodable]),
        live: Expected::once(&[K::Interrupted]),
        does: |scene| framed(scene.right(), |length| length - 60).into(),
    },
    Fault {
        name: "broken-gzip",
        group: Transport,
        summary: "says `content-encoding: gzip`, and the body is none",
        whole: BROKEN,
        live: BROKEN,
        does: |scene| {
            // The magic bytes of gzip, and then none of its blocks.
            let broken =
                Bytes::from_static(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff nothing");
            let reply = scene.right().header("content-encoding", "gzip");
            reply.edited(|pieces| *pieces = vec![broken]).into()
        },
    },
    Fault {
        name: "bad-chunk-size",
        group: Transport,
        summary: "sends a chunk whose size is no number",
        whole: BROKEN,
        live: BROKEN,
        does: |_| Reply::acts([send(CHUNKED), send("zz\r\n{}\r\n"), Act::Close]).into(),
    },
    Fault {
        name: "missing-last-chunk",
        group: Transport,
        summary: "sends the whole answer in chunks and closes without the last one",
        whole: BROKEN,
        live: Expected::once(&[K::Interrupted]).or_right(),
        does: |scene| scene.right().framed(Framing::Chunked).ending(End::Closed).into(),
    },
    Fault {
        name: "garbage-for-http",
        group: Transport,
        summary: "answers with bytes that are no HTTP",
        whole: Expected::once(&[K::Undecodable]),
        live: Expected::once(&[K::Undecodable]),
        does: |_| Reply::acts([send("\x15\x03\x01\x00\x02\x02\x28 not HTTP\r\n\r\n"), Act::Close]).into(),
    },
    Fault {
        name: "interim-response",
        group: Transport,
        summary: "sends `103 Early Hints` before a good answer",
        whole: Expected::RIGHT,
        live: Expected::RIGHT,
        does: |scene| {
            let hints = send("HTTP/1.1 103 Early Hints\r\nlink: </>; rel=preload\r\n\r\n");
            Reply::acts(once(hints).chain(scene.right().to_acts())).into()
        },
    },
    Fault {
        name: "huge-header",
        group: Transport,
        summary: "sends a header of 2 MB before a good answer",
        whole: Expected::retried(&[K::Interrupted, K::Undecodable]),
        live: Expected::retried(&[K::Interrupted, K::Undecodable]),
        does: |scene| scene.right().header("x-huge", &"x".repeat(2 << 20)).into(),
    },
];

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

fn send(text: &'static str) -> Act {
    Act::Send(Bytes::from_static(text.as_bytes()))
}

fn framed(reply: Reply, claim: impl FnOnce(usize) -> usize) -> Reply {
    let length = reply.body_pieces().iter().map(Bytes::len).sum();
    reply.framed(Framing::Claimed(claim(length)))
}
