//! Live answers that break off, stall, or come in odd shapes. Who asks for a whole answer gets a good one.

use std::{
    iter::{once, repeat_n},
    time::Duration,
};

use bytes::Bytes;
use ultraai_core::ErrorKind as K;

use super::{
    Deed, Expected, Fault,
    Group::Streams,
    Scene,
    scene::Rest::{Follows, Missing},
};
use crate::{End, Framing, Reply};

const fn row(
    name: &'static str,
    summary: &'static str,
    live: Expected,
    does: fn(&Scene<'_>) -> Deed,
) -> Fault {
    Fault { name, group: Streams, summary, whole: Expected::RIGHT, live, does }
}

/// Before any content, and so asked again.
const BROKEN_EARLY: Expected = Expected::retried(&[K::Interrupted]);
/// After some content, which cannot be taken back.
const BROKEN_LATE: Expected = Expected::once(&[K::Interrupted]);
const SILENT_EARLY: Expected = Expected::retried(&[K::Timeout]).waiting();
const SILENT_LATE: Expected = Expected::once(&[K::Timeout]).waiting();

/// What lets a client read what came before a reset, which drops what is unread.
const PAUSE: Duration = Duration::from_millis(10);
const PACE: Duration = Duration::from_millis(20);
/// So many pieces at [`PACE`] last for a minute, which is longer than any test waits.
const ENDLESS: usize = 3000;

/// A large event that is none too many for the default limit of 16 MiB.
const LARGE: usize = 2 << 20;
/// One that is.
const TOO_LARGE: usize = 17 << 20;

pub(super) const FAULTS: &[Fault] = &[
    row(
        "hang-before-first-event",
        "begins the stream and falls silent before any content",
        SILENT_EARLY,
        |scene| live(scene, |scene| scene.beginning(0).ending(End::Hang)),
    ),
    row("end-before-first-event", "ends the stream properly before its first event", BROKEN_EARLY, |scene| {
        live(scene, |scene| scene.stream().pieces(0))
    }),
    row(
        "error-first",
        "an error event comes before any content",
        Expected::retried(&[K::Overloaded, K::ServerError]),
        |scene| live(scene, |scene| scene.with_pieces(0, scene.error_event(), Missing)),
    ),
    row(
        "error-late",
        "an error event comes after some content",
        Expected::once(&[K::Overloaded, K::ServerError]),
        |scene| live(scene, |scene| scene.with_pieces(2, scene.error_event(), Missing)),
    ),
    row("stall", "falls silent after some content", SILENT_LATE, |scene| {
        live(scene, |scene| scene.beginning(2).ending(End::Hang))
    }),
    row("cut-between-events", "closes the connection between two events", BROKEN_LATE, |scene| {
        live(scene, |scene| scene.beginning(2).ending(End::Closed))
    }),
    row("cut-in-event", "closes the connection in the middle of an event", BROKEN_LATE, |scene| {
        live(scene, |scene| half_a_piece_more(scene).ending(End::Closed))
    }),
    row("end-in-event", "ends the stream properly in the middle of an event", BROKEN_LATE, |scene| {
        live(scene, half_a_piece_more)
    }),
    row("reset-in-stream", "resets the connection after some content", BROKEN_LATE, |scene| {
        live(scene, |scene| scene.beginning(2).paced(PAUSE).ending(End::Reset))
    }),
    row(
        "garbage-event",
        "an event after some content is none of the protocol",
        Expected::once(&[K::Undecodable]),
        |scene| {
            live(scene, |scene| {
                let garbage = scene.dialogue.live_garbage().body_pieces().first().cloned();
                scene.with_pieces(1, garbage, Follows)
            })
        },
    ),
    row(
        "missing-finish",
        "ends the stream properly after the whole text, without a word of the end",
        BROKEN_LATE,
        |scene| live(scene, |scene| scene.beginning(scene.texts.len())),
    ),
    row(
        "missing-reason",
        "says that the stream is over (`[DONE]`, `message_stop`) after a part of the text, and not why",
        BROKEN_LATE,
        |scene| match scene.dialogue.live_without_reason(scene.model, &scene.texts[..2]) {
            None => Deed::Lacking("one word says that the answer has ended and why"),
            Some(reply) if scene.live => reply.into(),
            Some(_) => scene.whole().into(),
        },
    ),
    row("duplicate-finish", "says everything that ends the answer twice", Expected::RIGHT, |scene| {
        live(scene, |scene| {
            let at = scene.dialogue.pieces_before_end(scene.texts.len());
            scene.stream().edited(|pieces| {
                let end = pieces.split_off(at);
                pieces.extend(end.into_iter().flat_map(|piece| [piece.clone(), piece]));
            })
        })
    }),
    row("pings", "sends signs of life before and after every event", Expected::RIGHT, |scene| {
        pinging(scene, |scene, ping| {
            scene.stream().edited(|pieces| {
                *pieces = pieces.drain(..).flat_map(|piece| [ping.clone(), piece, ping.clone()]).collect();
            })
        })
    }),
    row("pings-forever", "sends signs of life and never any content", SILENT_EARLY, |scene| {
        pinging(scene, |scene, ping| scene.with_pieces(0, repeat_n(ping, ENDLESS), Missing).paced(PACE))
    }),
    row("pings-after-content", "sends signs of life for ever after some content", SILENT_LATE, |scene| {
        pinging(scene, |scene, ping| scene.with_pieces(2, repeat_n(ping, ENDLESS), Missing).paced(PACE))
    }),
    row("empty-deltas", "sends empty pieces of text for ever", SILENT_EARLY, |scene| {
        live(scene, |scene| scene.with_pieces(0, empty_deltas(scene), Missing).paced(PACE))
    }),
    row(
        "empty-deltas-after-content",
        "sends empty pieces of text for ever after some content",
        SILENT_LATE,
        |scene| live(scene, |scene| scene.with_pieces(2, empty_deltas(scene), Missing).paced(PACE)),
    ),
    row("crlf", "ends every line with CR and LF", Expected::RIGHT, |scene| {
        text(scene, |scene| {
            scene.stream().edited(|pieces| {
                for piece in pieces {
                    // JSON holds no line feed of its own.
                    *piece = String::from_utf8_lossy(piece).replace('\n', "\r\n").into();
                }
            })
        })
    }),
    row("byte-order-mark", "begins the stream with a byte order mark", Expected::RIGHT, |scene| {
        text(scene, |scene| {
            scene.stream().edited(|pieces| pieces.insert(0, Bytes::from_static(b"\xef\xbb\xbf")))
        })
    }),
    row(
        "split-in-character",
        "cuts its pieces inside characters of several bytes",
        Expected::RIGHT,
        |scene| {
            live(scene, |scene| {
                scene
                    .stream()
                    .edited(|pieces| *pieces = pieces.drain(..).flat_map(|piece| split(&piece)).collect())
            })
        },
    ),
    row("no-last-line-end", "leaves out the line ends of the last event", Expected::RIGHT, |scene| {
        text(scene, |scene| {
            scene.stream().edited(|pieces| {
                if let Some(last) = pieces.last_mut() {
                    *last = Bytes::copy_from_slice(last.trim_ascii_end());
                }
            })
        })
    }),
    row("large-event", "pads an event to 2 MB", Expected::RIGHT, |scene| {
        text(scene, |scene| padded(scene, LARGE))
    }),
    row(
        "too-large-event",
        "pads an event after some content to 17 MB, which is more than one may have",
        Expected::once(&[K::Undecodable]),
        |scene| text(scene, |scene| padded(scene, TOO_LARGE)),
    ),
];

fn live(scene: &Scene<'_>, reply: impl FnOnce(&Scene<'_>) -> Reply) -> Deed {
    if scene.live { reply(scene).into() } else { scene.whole().into() }
}

/// The same, where a live answer is text.
fn text(scene: &Scene<'_>, reply: impl FnOnce(&Scene<'_>) -> Reply) -> Deed {
    match scene.dialogue.is_text() {
        true => live(scene, reply),
        false => Deed::Lacking("its frames are binary, of a length and a checksum"),
    }
}

/// The same, where the protocol has signs of life.
fn pinging(scene: &Scene<'_>, reply: impl FnOnce(&Scene<'_>, Bytes) -> Reply) -> Deed {
    match scene.dialogue.ping() {
        Some(ping) => live(scene, |scene| reply(scene, ping)),
        None => Deed::Lacking("the protocol has no signs of life"),
    }
}

/// Two texts, and half of the event of the third.
fn half_a_piece_more(scene: &Scene<'_>) -> Reply {
    scene.beginning(3).edited(|pieces| {
        if let Some(last) = pieces.last_mut() {
            last.truncate(last.len() / 2);
        }
    })
}

fn empty_deltas(scene: &Scene<'_>) -> impl Iterator<Item = Bytes> {
    let skipped = scene.dialogue.pieces_before_end(0);
    let stream = scene.dialogue.live(scene.model, &[""]);
    repeat_n(stream.body_pieces()[skipped].clone(), ENDLESS)
}

/// The stream whose event of the second text is padded with white space inside its JSON. Its pieces share their memory,
/// which chunks would copy.
fn padded(scene: &Scene<'_>, size: usize) -> Reply {
    const BLANK: &[u8] = &[b' '; 64 << 10];
    let at = scene.dialogue.pieces_before_end(1);
    let stream = scene.stream().edited(|pieces| {
        let piece = pieces[at].clone();
        let inside = piece.iter().position(|byte| *byte == b'{').map_or(piece.len(), |brace| brace + 1);
        let blanks = repeat_n(Bytes::from_static(BLANK), size / BLANK.len());
        pieces.splice(at..=at, once(piece.slice(..inside)).chain(blanks).chain([piece.slice(inside..)]));
    });
    stream.framed(Framing::UntilClose)
}

/// Cuts before each byte that continues a character.
fn split(piece: &Bytes) -> Vec<Bytes> {
    let mut from = 0;
    let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let mut parts = Vec::new();
    for at in (1..piece.len()).filter(|at| continues(piece[*at])) {
        parts.push(piece.slice(from..at));
        from = at;
    }
    parts.push(piece.slice(from..));
    parts
}
