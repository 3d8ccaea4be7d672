//! What a key took of its minute.
//!
//! A window is a minute of the wall clock, so that it begins at the same moment for all who share a store. Requests are
//! counted as they come. Tokens are counted as they are estimated, and once more when they are known.

use std::time::Duration;

use super::key::KeyTerms;

/// What was taken of one minute, as far as is known here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    minute: u64,
    requests: u64,
    tokens: u64,
    /// What the store knows of it.
    shared: Taken,
}

/// Requests and tokens of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) requests: u64,
    pub(super) tokens: u64,
}

/// What one request took, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    minute: u64,
    tokens: u64,
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) limit: u64,
    pub(super) remaining: u64,
}

/// Why a request found no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There were enough requests in this minute.
    Requests,
    /// What is left of the tokens is not enough.
    Tokens,
    /// No minute has so many tokens.
    Never,
}

impl Window {
    /// Takes a place for a request of about so many tokens.
    pub(super) fn take(&mut self, minute: u64, terms: &KeyTerms, tokens: u64) -> Result<Share, Full> {
        self.turn(minute);
        if terms.requests_per_minute.is_some_and(|limit| self.requests >= limit) {
            return Err(Full::Requests);
        }
        if let Some(limit) = terms.tokens_per_minute {
            if tokens > limit {
                return Err(Full::Never);
            }
            if self.tokens.saturating_add(tokens) > limit {
                return Err(Full::Tokens);
            }
        }
        self.requests += 1;
        self.tokens = self.tokens.saturating_add(tokens);
        Ok(Share { minute, tokens })
    }

    /// Corrects an estimate. What a request took beyond it counts now, whenever it came: else whoever lets answers run over
    /// the minute's end had no limit. What it did not take goes back to its own minute only.
    pub(super) fn settle(&mut self, minute: u64, share: Share, tokens: u64) {
        self.turn(minute);
        match tokens.checked_sub(share.tokens) {
            Some(more) => self.tokens = self.tokens.saturating_add(more),
            None if self.minute == share.minute => {
                self.tokens = self.tokens.saturating_sub(share.tokens - tokens);
            }
            None => {}
        }
    }

    /// What is left of the requests and of the tokens, where they are limited.
    pub(super) fn left(&mut self, minute: u64, terms: &KeyTerms) -> [Option<Left>; 2] {
        self.turn(minute);
        let left = |limit: Option<u64>, used: u64| {
            limit.map(|limit| Left { limit, remaining: limit.saturating_sub(used) })
        };
        [left(terms.requests_per_minute, self.requests), left(terms.tokens_per_minute, self.tokens)]
    }

    /// The minute, and what the store does not know of it yet, where there is anything. Tokens may have gone back.
    pub(super) fn unshared(&self) -> Option<(u64, u64, i64)> {
        let tokens = self.tokens.cast_signed().saturating_sub(self.shared.tokens.cast_signed());
        let requests = self.requests.saturating_sub(self.shared.requests);
        (requests > 0 || tokens != 0).then_some((self.minute, requests, tokens))
    }

    /// Takes in what the store knows of `minute` once it was told of these requests and tokens: what others took is in it.
    pub(super) fn share(&mut self, (minute, requests, tokens): (u64, u64, i64), all: Taken) {
        if minute != self.minute {
            return;
        }
        let known = Taken {
            requests: self.shared.requests + requests,
            tokens: self.shared.tokens.saturating_add_signed(tokens),
        };
        self.requests += all.requests.saturating_sub(known.requests);
        self.tokens = self.tokens.saturating_add(all.tokens).saturating_sub(known.tokens);
        self.shared = all;
    }

    /// A clock that was set back begins a minute anew: to wait for the one that it came from could take long.
    fn turn(&mut self, minute: u64) {
        if self.minute != minute {
            *self = Self { minute, ..Self::default() };
        }
    }
}

/// How long something lasts, as OpenAI's heads say it: `120ms`, `1.2s`, `6m0s`.
pub(super) fn reset(lasts: Duration) -> String {
    // Rounded up: whoever waits so long has waited long enough.
    let millis = lasts.as_nanos().div_ceil(1_000_000);
    match (millis / 60_000, millis % 60_000) {
        (0, millis) if millis < 1000 => format!("{millis}ms"),
        (0, millis) => format!("{}s", decimal(millis)),
        (minutes, millis) => format!("{minutes}m{}s", decimal(millis)),
    }
}

fn decimal(millis: u128) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(requests: impl Into<Option<u64>>, tokens: impl Into<Option<u64>>) -> KeyTerms {
        KeyTerms {
            requests_per_minute: requests.into(),
            tokens_per_minute: tokens.into(),
            ..KeyTerms::default()
        }
    }

    #[test]
    fn a_minute_has_so_many_requests_and_the_next_one_as_many_again() {
        let (terms, mut window) = (terms(2, None), Window::default());
        for minute in [7, 8] {
            window.take(minute, &terms, 1_000_000).unwrap();
            assert_eq!(window.left(minute, &terms), [Some(Left { limit: 2, remaining: 1 }), None]);
            window.take(minute, &terms, 0).unwrap();
            assert_eq!(window.take(minute, &terms, 0).unwrap_err(), Full::Requests);
        }
        window.take(3, &terms, 0).unwrap();
    }

    #[test]
    fn tokens_count_as_estimated_and_are_corrected_when_they_are_known() {
        let (terms, mut window) = (terms(None, 100), Window::default());
        assert_eq!(window.take(1, &terms, 101).unwrap_err(), Full::Never);
        let first = window.take(1, &terms, 60).unwrap();
        assert_eq!(window.take(1, &terms, 41).unwrap_err(), Full::Tokens);
        window.settle(1, first, 20);
        assert_eq!(window.left(1, &terms)[1].unwrap().remaining, 80);
        let second = window.take(1, &terms, 80).unwrap();
        window.settle(1, second, 500);
        assert_eq!(window.left(1, &terms)[1].unwrap().remaining, 0);
    }

    #[test]
    fn what_an_answer_takes_beyond_its_minute_counts_in_the_next_and_nothing_goes_back_there() {
        let (terms, mut window) = (terms(None, 100), Window::default());
        let more = window.take(1, &terms, 10).unwrap();
        let less = window.take(1, &terms, 90).unwrap();
        window.settle(2, more, 40);
        window.settle(2, less, 0);
        assert_eq!(window.left(2, &terms)[1].unwrap().remaining, 70);
    }

    #[test]
    fn what_others_took_counts_here_once() {
        let (terms, mut window) = (terms(10, 100), Window::default());
        let share = window.take(1, &terms, 40).unwrap();
        let told = window.unshared().unwrap();
        assert_eq!(told, (1, 1, 40));
        window.take(1, &terms, 5).unwrap();
        window.share(told, Taken { requests: 3, tokens: 60 });
        assert_eq!(window.left(1, &terms).map(|left| left.unwrap().remaining), [6, 35]);
        window.settle(1, share, 10);
        let told = window.unshared().unwrap();
        assert_eq!(told, (1, 1, -25));
        window.share(told, Taken { requests: 4, tokens: 35 });
        assert_eq!(window.unshared(), None);
        assert_eq!(window.left(1, &terms).map(|left| left.unwrap().remaining), [6, 65]);
        window.share((0, 5, 5), Taken { requests: 9, tokens: 99 });
        assert_eq!(window.left(1, &terms)[0].unwrap().remaining, 6, "a minute that is over");
    }

    #[test]
    fn a_reset_is_written_as_openai_does() {
        for (millis, text) in [
            (0, "0ms"),
            (120, "120ms"),
            (1000, "1s"),
            (1200, "1.2s"),
            (59_999, "59.999s"),
            (60_000, "1m0s"),
            (366_050, "6m6.05s"),
        ] {
            assert_eq!(reset(Duration::from_millis(millis)), text);
        }
        assert_eq!(reset(Duration::from_nanos(1)), "1ms");
    }
}
