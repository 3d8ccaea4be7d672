//! The arguments of `keys`.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use ultraai_gateway::start_of;

use super::{FileFlag, whole};

#[derive(Args, Debug)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Make a key, and print it: the only time that it is shown
    ///
    /// The key goes to standard output, everything else to standard error. From the first key on the gateway refuses every
    /// caller that has none.
    Create(Box<CreateKey>),
    /// List the keys, with what was spent with them: of attempts whose cost nobody knows, the most that they may have cost
    List(ListKeys),
    /// Revoke a key: it is refused from now on, and stays in the list
    Revoke(RevokeKey),
}

/// Where the keys are.
#[derive(Args, Debug)]
pub(crate) struct StateFlags {
    /// The folder of keys and spend. Default: `gateway.state_folder` of the settings, else `ultraai` in `XDG_STATE_HOME`, else
    /// ~/.local/state/ultraai
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) file: FileFlag,
}

#[derive(Args, Debug)]
pub(crate) struct CreateKey {
    /// What people call it: who or what it is for
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// When it ends: after so long, as `12h`, `30d` or `2w`, or as the day 2027-01-31 begins in UTC. Default: never
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    pub(crate) expires: Option<u64>,

    /// A model that it may ask, or these when repeated: a name as requests give it, or PROVIDER/* for all of a provider.
    /// Default: all
    #[arg(long = "model", value_name = "NAME")]
    pub(crate) models: Vec<String>,

    /// Upper bound of requests in a minute. Default: none
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(crate) requests_per_minute: Option<u64>,

    /// Upper bound of tokens in a minute, of requests and answers together. Default: none
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(crate) tokens_per_minute: Option<u64>,

    /// Upper bound of what is spent on a day, from midnight UTC on, in US dollars. Default: none
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = dollars)]
    pub(crate) budget_per_day: Option<u64>,

    /// Upper bound of what is spent in a month of the calendar, by UTC, in US dollars. Default: none
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = dollars)]
    pub(crate) budget_per_month: Option<u64>,

    #[command(flatten)]
    pub(crate) place: StateFlags,

    /// Print key and terms as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) place: StateFlags,

    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeKey {
    /// The key's id, as `ultraai keys list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) place: StateFlags,
}

fn positive(text: &str) -> Result<u64, &'static str> {
    whole(text).and_then(|number| match number {
        0 => Err("it must be a whole number above 0"),
        number => Ok(number),
    })
}

/// An amount of dollars in nano-dollars, exactly as it is written.
fn dollars(text: &str) -> Result<u64, &'static str> {
    let wrong = "it must be an amount of US dollars, such as 5 or 0.25, of at most nine decimals";
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 9 {
        return Err(wrong);
    }
    let whole = whole.parse::<u64>().ok().and_then(|dollars| dollars.checked_mul(1_000_000_000));
    let decimals = format!("{decimals:0<9}").parse::<u64>().ok();
    whole.zip(decimals).and_then(|(whole, decimals)| whole.checked_add(decimals)).ok_or(wrong)
}

/// The moment that a time from now or a date means, in seconds since 1970.
fn expiry(text: &str) -> Result<u64, &'static str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    expiry_from(text, Duration::from_secs(now))
}

fn expiry_from(text: &str, now: Duration) -> Result<u64, &'static str> {
    let wrong =
        "it must be a time from now on, such as 12h, 30d or 2w, or a date to come, such as 2027-01-31";
    let after = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "h" => 3600,
            "d" => 24 * 3600,
            "w" => 7 * 24 * 3600,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds)?.checked_add(now.as_secs())
    };
    after().or_else(|| start_of(text)).filter(|moment| *moment > now.as_secs()).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_taken_as_it_is_written() {
        for (text, nano) in [
            ("5", 5_000_000_000),
            ("0.25", 250_000_000),
            ("0.000000001", 1),
            ("0", 0),
            ("007.5", 7_500_000_000),
        ] {
            assert_eq!(dollars(text), Ok(nano), "{text}");
        }
        for text in ["", "-1", "1.", ".5", "1e3", "$5", "0.0000000001", "99999999999", "1.2.3", "+1"] {
            assert!(dollars(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_ends_after_a_time_or_at_a_date() {
        let now = Duration::from_secs(1_000_000_000);
        for (text, moment) in [
            ("12h", 1_000_043_200),
            ("30d", 1_002_592_000),
            ("2w", 1_001_209_600),
            ("2027-01-31", 1_801_353_600),
        ] {
            assert_eq!(expiry_from(text, now), Ok(moment), "{text}");
        }
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "30",
            "30m",
            "soon",
            "2001-01-01",
            "2027-02-30",
            "żd",
            "99999999999999999w",
        ] {
            assert!(expiry_from(text, now).is_err(), "{text}");
        }
    }
}
