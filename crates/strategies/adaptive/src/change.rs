//! Whether a series of rewards changed its level, and where.

/// Outcomes on either side of a change; fewer are an accident.
const LEAST: usize = 6;

/// What the statistic must exceed. For one split of an unchanged series the chance is about `2 * exp(-9)` (Chernoff); that of any split
/// of a window is measured by a test below.
const THRESHOLD: f64 = 9.0;

/// The least variance that a series is taken to have, so that a steady one does not change with every trifle.
const LEAST_VARIANCE: f64 = 0.01;

/// The place of the first reward after the likeliest change of level, if there is one.
///
/// The statistic is the generalized likelihood ratio of one mean against two, `s (n - s) / n * (difference of the means)^2 /
/// (2 * variance)`, maximized over the splits `s` (Lai and Xing, "Sequential change-point detection when the pre- and
/// post-change parameters are unknown", 2010; for bandits Besson, Kaufmann, Maillard and Seznec, JMLR 2022), with the variance
/// within the two parts.
#[expect(clippy::cast_precision_loss, reason = "the window is short")]
pub(crate) fn find(rewards: &[f64]) -> Option<usize> {
    let n = rewards.len();
    if n < 2 * LEAST {
        return None;
    }
    let total: f64 = rewards.iter().sum();
    let squares: f64 = rewards.iter().map(|reward| reward * reward).sum();
    let mut before = 0.0;
    let mut best = (THRESHOLD, None);
    for (place, reward) in rewards.iter().enumerate() {
        if place >= LEAST && n - place >= LEAST {
            let (left, right) = (place as f64, (n - place) as f64);
            let (one, other) = (before / left, (total - before) / right);
            let within = squares - left * one * one - right * other * other;
            // Half an outcome of the widest spread, so that a few equal outcomes do not pass for certainty.
            let variance = ((within + 0.125) / (n as f64 + 0.5)).max(LEAST_VARIANCE);
            let statistic = left * right / n as f64 * (one - other).powi(2) / (2.0 * variance);
            if statistic > best.0 {
                best = (statistic, Some(place));
            }
        }
        before += reward;
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rng: &mut fastrand::Rng, share: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| f64::from(u8::from(rng.f64() < share))).collect()
    }

    #[test]
    fn a_fall_is_found_soon_and_where_it_was() {
        let mut late = 0;
        for seed in 0..100 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut rewards = drawn(&mut rng, 0.9, 60);
            rewards.extend(drawn(&mut rng, 0.4, 25));
            match find(&rewards) {
                Some(split) if (50..=75).contains(&split) => {}
                _ => late += 1,
            }
        }
        assert!(late <= 15, "{late} of 100 were not found within 25 outcomes");
    }

    #[test]
    fn an_unchanged_series_seldom_seems_changed() {
        let mut alarms = 0;
        for seed in 0..100 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let rewards = drawn(&mut rng, 0.8, 200);
            alarms += (10..=200).filter(|length| find(&rewards[..*length]).is_some()).count().min(1);
        }
        assert!(alarms <= 15, "{alarms} of 100 series of 200 outcomes gave an alarm");
    }

    #[test]
    fn a_steady_series_has_no_change() {
        assert_eq!(find(&[0.7; 100]), None);
        assert_eq!(find(&[0.7; 3]), None);
    }
}
