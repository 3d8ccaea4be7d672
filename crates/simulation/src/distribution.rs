//! What times and tokens are drawn from.

use std::{f64::consts::TAU, time::Duration};

/// A distribution of latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Evenly between two.
    Uniform(Duration, Duration),
    /// Log-normal, with this median and this 99th percentile: the shape of response times in services.
    LogNormal {
        /// The median.
        p50: Duration,
        /// The 99th percentile.
        p99: Duration,
    },
}

/// A distribution of numbers of tokens, none of which is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Tokens {
    /// Always the same.
    Fixed(u64),
    /// Evenly between two, both included.
    Uniform(u64, u64),
    /// Log-normal, with this median and this 99th percentile: the shape of the lengths of prompts and answers.
    LogNormal {
        /// The median.
        p50: u64,
        /// The 99th percentile.
        p99: u64,
    },
}

/// The 0.99 quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// No text is longer, whatever a long tail draws: longer ones would be memory and nothing else.
const MOST_TOKENS: u64 = 1_000_000;

impl Latency {
    /// Draws one.
    pub fn sample(&self, rng: &mut fastrand::Rng) -> Duration {
        match *self {
            Self::Fixed(latency) => latency,
            Self::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(rng.f64()),
            Self::LogNormal { p50, p99 } => {
                let drawn = log_normal(p50.as_secs_f64(), p99.as_secs_f64(), rng);
                Duration::try_from_secs_f64(drawn).unwrap_or(p50)
            }
        }
    }
}

impl Tokens {
    /// Draws one.
    pub fn sample(&self, rng: &mut fastrand::Rng) -> u64 {
        let drawn = match *self {
            Self::Fixed(tokens) => tokens,
            Self::Uniform(least, most) => rng.u64(least.min(most)..=most),
            #[expect(clippy::cast_precision_loss, reason = "texts are not so long")]
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is cut anyway")]
            Self::LogNormal { p50, p99 } => log_normal(p50 as f64, p99 as f64, rng).round() as u64,
        };
        drawn.clamp(1, MOST_TOKENS)
    }
}

/// Draws from the log-normal distribution of this median and this 99th percentile.
fn log_normal(p50: f64, p99: f64, rng: &mut fastrand::Rng) -> f64 {
    // Box and Muller's transform; 1 - u, so that the logarithm never sees 0.
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
    let sigma = (p99 / p50).ln() / Z99;
    p50 * (sigma * normal).exp()
}

/// Draws from the exponential distribution of this mean: the time to the next of independent events.
pub(crate) fn exponential(mean: Duration, rng: &mut fastrand::Rng) -> Duration {
    // 1 - u, so that the logarithm never sees 0.
    mean.mul_f64(-(1.0 - rng.f64()).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_median_and_are_never_none() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut drawn: Vec<_> =
            (0..4001).map(|_| Tokens::LogNormal { p50: 400, p99: 4000 }.sample(&mut rng)).collect();
        drawn.sort_unstable();
        assert!((370..430).contains(&drawn[2000]), "{}", drawn[2000]);
        assert!((3200..5000).contains(&drawn[3960]), "{}", drawn[3960]);
        assert_eq!(Tokens::Fixed(0).sample(&mut rng), 1);
        let even: Vec<_> = (0..100).map(|_| Tokens::Uniform(3, 5).sample(&mut rng)).collect();
        assert!(
            [3, 4, 5].iter().all(|tokens| even.contains(tokens))
                && even.iter().all(|it| (3..=5).contains(it))
        );
    }

    #[test]
    fn times_between_independent_events_have_their_mean() {
        let mut rng = fastrand::Rng::with_seed(2);
        let sum: Duration = (0..10_000).map(|_| exponential(Duration::from_secs(1), &mut rng)).sum();
        assert!((9_700.0..10_300.0).contains(&sum.as_secs_f64()), "{sum:?}");
    }
}
