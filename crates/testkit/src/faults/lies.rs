//! Bodies that are no answers under a status that says success, and answers in another form than was asked for.

use bytes::Bytes;
use serde_json::json;
use ultraai_core::ErrorKind as K;

use super::{Deed, Expected, Fault, Group::Lies, Scene};
use crate::Reply;

const fn row(
    name: &'static str,
    summary: &'static str,
    both: Expected,
    does: fn(&Scene<'_>) -> Deed,
) -> Fault {
    Fault { name, group: Lies, summary, whole: both, live: both, does }
}

const NO_ANSWER: Expected = Expected::once(&[K::Undecodable]);
const NO_CONTENT: Expected = Expected::once(&[K::EmptyAnswer, K::Undecodable]);
const EMPTY: Expected = Expected::once(&[K::EmptyAnswer]);

pub(super) const FAULTS: &[Fault] = &[
    row("200-error", "200 with the body of a 500", Expected::retried(&[K::ServerError]), |scene| {
        scene.dialogue.error(500, "Something is wrong.").with_status(200).into()
    }),
    row("200-html", "200 with a page for people", NO_ANSWER, |_| Reply::html(200).into()),
    row("200-cut-json", "200 with the first half of the JSON, of the right length", NO_ANSWER, |scene| {
        let whole = scene.whole().body_pieces().concat();
        json(whole[..whole.len() / 2].to_vec()).into()
    }),
    Fault {
        // An empty stream looks like one that broke off.
        live: Expected::retried(&[K::Interrupted, K::Undecodable]),
        ..row("200-empty", "200 with an empty body", NO_ANSWER, |scene| empty(scene, "").into())
    },
    Fault {
        live: Expected::retried(&[K::Interrupted, K::Undecodable]),
        ..row("200-whitespace", "200 with white space alone", NO_ANSWER, |scene| {
            empty(scene, " \n\r\n \t\n\n").into()
        })
    },
    row("204", "204: no content", NO_ANSWER, |_| Reply::status(204).into()),
    row("no-choices", "a whole answer without any choice", NO_CONTENT, |scene| {
        scene.dialogue.nothing(scene.model).into()
    }),
    row("null-content", "a whole answer whose text is `null`", NO_CONTENT, |scene| {
        Deed::or(scene.dialogue.null_content(scene.model), "the protocol has no answer whose text is `null`")
    }),
    row("empty-content", "an answer whose text is empty", EMPTY, |scene| {
        Scene { texts: &[""], ..*scene }.right().into()
    }),
    row("other-json", "JSON that is no answer: `{\"status\":\"ok\"}`", NO_CONTENT, |_| {
        Reply::json(200, &json!({ "status": "ok" })).into()
    }),
    row("json-list", "JSON that is an empty list", NO_CONTENT, |_| Reply::json(200, &json!([])).into()),
    row("json-twice", "the whole answer twice, one after the other", NO_ANSWER.or_right(), |scene| {
        json(scene.whole().body_pieces().concat().repeat(2)).into()
    }),
    row("not-utf8", "an answer with a byte that is no UTF-8", NO_ANSWER, |scene| {
        let not_utf8 = |piece: &mut Bytes| {
            // The first byte of a character of several, which nothing follows.
            let at = piece.iter().position(|byte| !byte.is_ascii());
            if let Some(at) = at {
                *piece = [&piece[..at], b"\xf0", &piece[at + 1..]].concat().into();
            }
        };
        scene.right().edited(|pieces| pieces.iter_mut().for_each(not_utf8)).into()
    }),
    row("json-for-stream", "a whole answer, whatever was asked for", Expected::RIGHT, |scene| {
        scene.whole().into()
    }),
    row("stream-for-json", "a live answer, whatever was asked for", Expected::RIGHT, |scene| {
        scene.stream().into()
    }),
    row("json-as-text", "a whole answer as `text/plain`", Expected::RIGHT, |scene| {
        Reply::body(200, "text/plain", scene.whole().body_pieces().concat()).into()
    }),
    row("stream-as-json", "a live answer as `application/json`", NO_ANSWER.or_right(), |scene| {
        let pieces = scene.stream().body_pieces().to_vec();
        Reply::chunked("application/json", pieces).into()
    }),
    row("no-content-type", "the right answer without a content type", Expected::RIGHT, |scene| {
        let right = scene.right();
        Reply::status(200).edited(|pieces| pieces.extend_from_slice(right.body_pieces())).into()
    }),
    row(
        "other-format",
        "an answer in the format of another vendor",
        Expected::retried(&[K::Undecodable, K::EmptyAnswer, K::Interrupted]),
        |scene| scene.foreign().into(),
    ),
    row("cut-at-length", "an answer that ended at the limit of tokens", Expected::INCOMPLETE, |scene| {
        let said = &scene.texts[..1];
        match scene.live {
            true => scene.dialogue.live_cut_short(scene.model, said).into(),
            false => scene.dialogue.cut_short(scene.model, &said.concat()).into(),
        }
    }),
];

fn json(body: Vec<u8>) -> Reply {
    Reply::body(200, "application/json", body)
}

fn empty(scene: &Scene<'_>, body: &'static str) -> Reply {
    scene.right().edited(|pieces| *pieces = vec![Bytes::from_static(body.as_bytes())])
}
