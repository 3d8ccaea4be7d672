//! Errors as callers are told them: in the words of their protocol, and no stranger's secrets.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use ultraai::{Error, ErrorKind};

use super::{Api, heads};

/// How long a caller is told to wait where nobody knows better.
const USUAL_DELAY: Duration = Duration::from_secs(1);

/// An error as an answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    body: Vec<u8>,
    /// In seconds.
    retry_after: Option<u64>,
    /// What the vendors' SDKs are told about asking again.
    should_retry: Option<bool>,
}

/// Writes `error` as the protocol's SDKs expect it.
pub(crate) fn refusal(api: Api, error: &Error) -> Refusal {
    let told = told(error);
    let answer = api.codec().encode_error(&told);
    let status = match (told.kind(), told.status()) {
        // What this server itself found has a status of its own: a body too large, too slow or compressed.
        (ErrorKind::InvalidRequest | ErrorKind::Timeout, Some(status @ (408 | 413 | 415))) => status,
        (ErrorKind::Rejected, Some(422)) => 422,
        // An answer breaks off here where the server ends: an upstream's break is a sum by now.
        (ErrorKind::QueueFull | ErrorKind::Interrupted, _) => 503,
        _ => answer.status,
    };
    let waits = matches!(
        told.kind(),
        ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::QueueFull | ErrorKind::CircuitOpen
    );
    let delay = told.retry_after().or_else(|| waits.then_some(USUAL_DELAY));
    let retry_after =
        delay.map(|delay| delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).map(|it| it.max(1));
    // What was tried again upstream an SDK that tries again by itself would multiply. A caller who was told to wait by who was
    // asked once may do so.
    let ledger = error.report().map(|report| &report.ledger);
    let asked = ledger.is_some_and(|ledger| !ledger.rows.is_empty());
    let retried = ledger.is_some_and(|ledger| ledger.rows.iter().any(|row| row.attempt > 0));
    // Nor does it help soon where only money or the operator does.
    let is_lasting =
        matches!(told.kind(), ErrorKind::BudgetExceeded | ErrorKind::QuotaExhausted | ErrorKind::Exhausted);
    let should_retry = (is_lasting || retried || asked && !waits).then_some(false);
    Refusal { status, body: answer.body, retry_after, should_retry }
}

/// The error that a caller must read. Of several that led to one, it is the one that the caller can do something about; what
/// only the operator can mend (an upstream's key, its quota) is a failure of this server.
pub(crate) fn told(error: &Error) -> Cow<'_, Error> {
    use ErrorKind as K;
    let sums = [K::Exhausted, K::BudgetExceeded, K::PriceUnknown];
    let is_sum = sums.contains(&error.kind()) && !error.causes().is_empty();
    let causes = if is_sum { error.causes() } else { std::slice::from_ref(error) };
    // Only this server says 408 of itself: the caller's body came too slowly.
    let is_upstreams =
        |cause: &Error| cause.provider().is_some() || !matches!(cause.status(), None | Some(408));
    // The first refusal of the request itself is what its author must read.
    let of_the_request = [K::Rejected, K::InvalidRequest, K::ContextTooLong, K::ContentFiltered];
    if let Some(cause) =
        of_the_request.iter().find_map(|kind| causes.iter().find(|cause| cause.kind() == *kind))
    {
        return if is_sum { Cow::Owned(cause.clone()) } else { Cow::Borrowed(error) };
    }
    let all = |kinds: &[K]| causes.iter().all(|cause| kinds.contains(&behind(cause)));
    let alike = |kind: K| {
        let said = Error::new(kind, message(error, is_sum));
        let delay = causes.iter().filter_map(Error::retry_after).min();
        Cow::Owned(delay.into_iter().fold(said, Error::with_retry_after))
    };
    match () {
        // The budget is not spent, and no waiting helps: with a budget this model may not be asked.
        () if all(&[K::PriceUnknown]) => alike(K::PermissionDenied),
        // What was refused here, with the caller's own key or in the caller's own words.
        () if !is_sum && !is_upstreams(error) && error.kind() != K::Config => Cow::Borrowed(error),
        () if all(&[K::RateLimited]) => alike(K::RateLimited),
        () if all(&[K::RateLimited, K::Overloaded, K::CircuitOpen]) => alike(K::Overloaded),
        () if all(&[K::Timeout]) => alike(K::Timeout),
        () if all(&[K::ModelNotFound]) => alike(K::ModelNotFound),
        () if all(&[K::Unsupported]) => alike(K::Unsupported),
        () if all(&[K::BudgetExceeded, K::PriceUnknown]) => alike(K::BudgetExceeded),
        () => alike(if all(&[K::Config, K::Cancelled]) { error.kind() } else { K::Exhausted }),
    }
}

/// What a cause comes down to: what opened a breaker for good is told as it was before that opened, since waiting does not
/// mend it.
fn behind(cause: &Error) -> ErrorKind {
    use ErrorKind as K;
    let opened_by = cause.causes().first().filter(|_| cause.kind() == K::CircuitOpen).map(Error::kind);
    let lasting =
        [K::Authentication, K::PermissionDenied, K::ModelNotFound, K::QuotaExhausted, K::Undecodable];
    opened_by.filter(|kind| lasting.contains(kind)).unwrap_or(cause.kind())
}

/// What went wrong, and with whom.
fn message(error: &Error, is_sum: bool) -> String {
    if !is_sum {
        return error.message().to_owned();
    }
    let causes: Vec<_> = error.causes().iter().map(ToString::to_string).collect();
    format!("{}: {}", error.message(), causes.join("; "))
}

impl Refusal {
    /// The same with another body, in JSON too.
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, heads::JSON);
        if let Some(seconds) = self.retry_after {
            headers.insert("retry-after", HeaderValue::from(seconds));
        }
        if let Some(should_retry) = self.should_retry {
            let word = if should_retry { "true" } else { "false" };
            headers.insert("x-should-retry", HeaderValue::from_static(word));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use ultraai::ProviderId;

    use super::*;

    fn cause(kind: ErrorKind) -> Error {
        Error::new(kind, "why").with_provider(ProviderId::new("fast").unwrap())
    }

    fn sum(kinds: &[ErrorKind]) -> Error {
        let causes = kinds.iter().map(|kind| cause(*kind)).collect();
        Error::new(ErrorKind::Exhausted, "no candidate answered").with_causes(causes)
    }

    #[test]
    fn the_caller_reads_what_it_can_do_something_about() {
        use ErrorKind as K;
        for (causes, kind, status) in [
            (&[K::RateLimited, K::Rejected][..], K::Rejected, 400),
            (&[K::Timeout, K::ContextTooLong], K::ContextTooLong, 400),
            (&[K::RateLimited, K::RateLimited], K::RateLimited, 429),
            (&[K::RateLimited, K::Overloaded], K::Overloaded, 503),
            (&[K::Timeout, K::Timeout], K::Timeout, 504),
            (&[K::ModelNotFound], K::ModelNotFound, 404),
            (&[K::Unsupported], K::Unsupported, 400),
            (&[K::BudgetExceeded], K::BudgetExceeded, 429),
            (&[K::BudgetExceeded, K::PriceUnknown], K::BudgetExceeded, 429),
            (&[K::PriceUnknown], K::PermissionDenied, 403),
            (&[K::PriceUnknown, K::Timeout], K::Exhausted, 502),
            (&[K::Timeout, K::ServerError], K::Exhausted, 502),
            // The keys of the upstreams are not the caller's.
            (&[K::Authentication], K::Exhausted, 502),
            (&[K::PermissionDenied, K::QuotaExhausted], K::Exhausted, 502),
        ] {
            let error = sum(causes);
            assert_eq!(told(&error).kind(), kind, "{causes:?}");
            assert_eq!(refusal(Api::Chat, &error).status, status, "{causes:?}");
        }
    }

    #[test]
    fn an_open_breaker_does_not_hide_what_waiting_does_not_mend() {
        use ErrorKind as K;
        for (kind, status, should_retry) in [
            (K::Authentication, 502, Some(false)),
            (K::QuotaExhausted, 502, Some(false)),
            (K::ModelNotFound, 404, None),
            (K::ServerError, 503, None),
            (K::RateLimited, 503, None),
        ] {
            let open = cause(K::CircuitOpen).with_causes(vec![Error::new(kind, "why")]);
            let error = Error::new(K::Exhausted, "no candidate answered").with_causes(vec![open]);
            for api in [Api::Chat, Api::Messages] {
                let refusal = refusal(api, &error);
                let status = if (api, status) == (Api::Messages, 503) { 529 } else { status };
                assert_eq!((refusal.status, refusal.should_retry), (status, should_retry), "{api:?} {kind}");
            }
        }
    }

    #[test]
    fn what_is_refused_here_is_told_as_it_is() {
        let error = Error::new(ErrorKind::Authentication, "no key");
        assert_eq!(refusal(Api::Messages, &error).status, 401);
        let error = Error::new(ErrorKind::QueueFull, "full");
        for api in [Api::Chat, Api::Responses, Api::Messages] {
            let refusal = refusal(api, &error);
            assert_eq!((refusal.status, refusal.retry_after), (503, Some(1)));
        }
    }

    #[test]
    fn the_causes_are_named_and_the_shortest_delay_is_told() {
        let causes = [1500, 2500]
            .map(|millis| cause(ErrorKind::RateLimited).with_retry_after(Duration::from_millis(millis)));
        let error = Error::new(ErrorKind::Exhausted, "no candidate answered").with_causes(causes.to_vec());
        let refusal = refusal(Api::Chat, &error);
        assert_eq!(refusal.retry_after, Some(2));
        let body: Value = serde_json::from_slice(&refusal.body).unwrap();
        assert_eq!(body["error"]["message"], "no candidate answered: fast: why; fast: why");
    }
}
