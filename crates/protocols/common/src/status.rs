//! Which status an error is answered with.

use ultraai_core::{Error, ErrorKind};

/// The HTTP status that tells a caller of this error: the one that vendors use for
/// its kind.
pub fn status_of(error: &Error) -> u16 {
    use ErrorKind as K;
    match error.kind() {
        K::RateLimited => 429,
        K::Overloaded | K::CircuitOpen | K::QueueFull => 503,
        K::Connect | K::Interrupted | K::Undecodable | K::EmptyAnswer | K::NoGoodAnswer | K::Exhausted => 502,
        K::Timeout => 504,
        K::Authentication => 401,
        K::PermissionDenied | K::PriceUnknown => 403,
        K::ModelNotFound => 404,
        K::ContextTooLong => 413,
        K::QuotaExhausted | K::BudgetExceeded => 402,
        K::ContentFiltered | K::Unsupported | K::Rejected | K::InvalidRequest => 400,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_the_kind_that_it_was_written_for() {
        for kind in [
            ErrorKind::RateLimited,
            ErrorKind::Overloaded,
            ErrorKind::ServerError,
            ErrorKind::Authentication,
            ErrorKind::PermissionDenied,
            ErrorKind::ModelNotFound,
            ErrorKind::ContextTooLong,
            ErrorKind::QuotaExhausted,
            ErrorKind::Rejected,
        ] {
            assert_eq!(ErrorKind::of_status(status_of(&Error::new(kind, "m"))), kind);
        }
    }
}
