//! Errors that a server owns up to.

use std::time::{Duration, SystemTime};

use ultraai_core::ErrorKind as K;

use super::{Deed, Expected, Fault, Group::Status, Scene};
use crate::{End, Reply};

const fn row(
    name: &'static str,
    summary: &'static str,
    both: Expected,
    does: fn(&Scene<'_>) -> Deed,
) -> Fault {
    Fault { name, group: Status, summary, whole: both, live: both, does }
}

const LIMITED: Expected = Expected::retried(&[K::RateLimited]);
const FAILED: Expected = Expected::retried(&[K::ServerError]);
const OVERLOADED: Expected = Expected::retried(&[K::Overloaded]);

pub(super) const FAULTS: &[Fault] = &[
    row("400", "400: a parameter is wrong", Expected::once(&[K::Rejected]), |scene| {
        error(scene, 400, "`temperature` is odd.").into()
    }),
    row(
        "400-context-too-long",
        "400: the request is longer than the model's context window",
        Expected::once(&[K::ContextTooLong]),
        |scene| scene.dialogue.context_too_long().into(),
    ),
    row(
        "400-content-filter",
        "400, or the protocol's own way to say it: the content filter stopped the request",
        Expected::once(&[K::ContentFiltered]),
        |scene| {
            Deed::or(scene.dialogue.content_filtered(scene.model), "the protocol knows no content filter")
        },
    ),
    row(
        "400-model-not-found",
        "400 where others say 404: the model is unknown",
        Expected::once(&[K::ModelNotFound, K::Rejected]),
        |scene| error(scene, 404, "model 'test-model' not found").with_status(400).into(),
    ),
    row("400-html", "400 with a page for people", Expected::once(&[K::Rejected]), |_| {
        Reply::html(400).into()
    }),
    row("401", "401: the key is wrong", Expected::once(&[K::Authentication]), |scene| {
        error(scene, 401, "Incorrect API key provided.").into()
    }),
    row("402", "402: the account is empty", Expected::once(&[K::QuotaExhausted]), |scene| {
        error(scene, 402, "Insufficient credits").into()
    }),
    row("403", "403: the key may not do this", Expected::once(&[K::PermissionDenied]), |scene| {
        error(scene, 403, "Not allowed here.").into()
    }),
    row("404", "404: the model or the address is unknown", Expected::once(&[K::ModelNotFound]), |scene| {
        error(scene, 404, "model 'test-model' not found").into()
    }),
    row("404-html", "404 with a page for people", Expected::once(&[K::ModelNotFound]), |_| {
        Reply::html(404).into()
    }),
    row("408", "408: the server waited too long", FAILED, |scene| {
        error(scene, 408, "Request timeout.").into()
    }),
    row("409", "409: a conflict", FAILED, |scene| error(scene, 409, "Conflict.").into()),
    row("413", "413: the request is too large", Expected::once(&[K::ContextTooLong]), |scene| {
        error(scene, 413, "Too large.").into()
    }),
    row("422", "422: the request makes no sense", Expected::once(&[K::Rejected]), |scene| {
        error(scene, 422, "`temperature` is odd.").into()
    }),
    row("429", "429 without a delay", LIMITED, |scene| limited(scene).into()),
    row("429-retry-after", "429 with `retry-after: 1`", LIMITED, |scene| {
        limited(scene).header("retry-after", "1").into()
    }),
    row("429-retry-after-date", "429 with `retry-after` as a date within a second", LIMITED, |scene| {
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1));
        limited(scene).header("retry-after", &soon).into()
    }),
    row("429-retry-after-ms", "429 with `retry-after-ms: 20`", LIMITED, |scene| {
        limited(scene).header("retry-after-ms", "20").into()
    }),
    row(
        "429-reset-headers",
        "429 with `x-ratelimit-reset-requests: 20ms`, of which 0 are left",
        LIMITED,
        |scene| {
            limited(scene)
                .header("x-ratelimit-limit-requests", "60")
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "20ms")
                .into()
        },
    ),
    row(
        "429-beyond-deadline",
        "429 with `retry-after: 3600`, which is past the deadline",
        Expected::once(&[K::RateLimited]),
        |scene| limited(scene).header("retry-after", "3600").into(),
    ),
    row(
        "429-quota",
        "429, or the protocol's own way to say it: the quota is used up",
        Expected::once(&[K::QuotaExhausted]),
        |scene| scene.dialogue.quota_exhausted().into(),
    ),
    row("500", "500", FAILED, |scene| error(scene, 500, "Internal.").into()),
    row("500-empty", "500 without a body", FAILED, |_| Reply::status(500).into()),
    row("500-hanging-body", "500, and the body never comes", FAILED, |scene| {
        error(scene, 500, "Internal.").pieces(0).ending(End::Hang).into()
    }),
    row("502-html", "502 with a page for people, as proxies send it", FAILED, |_| Reply::html(502).into()),
    row("503", "503: overloaded", OVERLOADED, |scene| error(scene, 503, "Overloaded.").into()),
    row("503-retry-after", "503 with `retry-after: 1`", OVERLOADED, |scene| {
        error(scene, 503, "Overloaded.").header("retry-after", "1").into()
    }),
    row("504", "504: a gateway waited too long", FAILED, |scene| {
        error(scene, 504, "Gateway timeout.").into()
    }),
    row("529", "529: overloaded, in Anthropic's words", OVERLOADED, |scene| {
        error(scene, 529, "Overloaded.").into()
    }),
    row("redirect-elsewhere", "307 to another host", Expected::once(&[K::Undecodable]), |_| {
        Reply::redirect(307, "http://elsewhere.invalid/v1").into()
    }),
    row(
        "redirect-to-itself",
        "308 to the address that was asked",
        Expected::once(&[K::Undecodable]),
        |scene| Reply::redirect(308, scene.path).into(),
    ),
];

fn error(scene: &Scene<'_>, status: u16, message: &str) -> Reply {
    scene.dialogue.error(status, message)
}

fn limited(scene: &Scene<'_>) -> Reply {
    error(scene, 429, "Slow down.")
}
