//! Whole worlds through the real engine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;

use std::{fs, path::Path};

use ultraai_core::{ErrorKind, ProviderId};
use ultraai_simulation::{Report, Simulated, World};

use self::engine::{run_with, world};

fn run(world: &World, ids: &[&str]) -> (Report, Vec<Simulated>) {
    run_with(world, ids, |builder| builder)
}

const BAD_DAYS: &str = r#"
requests = 2000
arrivals_per_second = 20
live_share = 0.5
prompt_tokens = { p50 = 100, p99 = 1000 }

[default]
latency = { p50_seconds = 0.5, p99_seconds = 5 }
tokens_per_second = 100
slow_share = 0.02
failure_rate = 0.1
failures = { rate_limited = 1, server_error = 1, interrupted = 2 }
hang_rate = 0.01
brown_out = { every_seconds = 60, lasting_seconds = 10, failure_rate = 0.9, slower = 3 }
rate_limit = { requests_per_second = 15, requests_at_once = 30 }

[[outages]]
how = "hang"
every_seconds = 50
lasting_seconds = 5
"#;

#[test]
fn every_attempt_that_reached_a_provider_is_in_the_report_and_no_other() {
    let (report, providers) = run(&world(BAD_DAYS).unwrap(), &["one", "two"]);
    assert_eq!(report.requests, 2000);
    assert_eq!(report.answered + report.errors.values().sum::<u64>(), 2000);
    assert!(report.answered > 1300 && report.answered < 2000, "{report:?}");
    for (counted, provider) in report.providers.iter().zip(&providers) {
        assert_eq!(counted.attempts, provider.count() as u64, "{counted:?}");
        let ended = counted.answered + counted.abandoned + counted.errors.values().sum::<u64>();
        assert_eq!(counted.attempts, ended, "{counted:?}");
        assert_eq!(provider.in_flight(), 0);
    }
    let attempts: u64 = report.providers.iter().map(|provider| provider.attempts).sum();
    assert_eq!(report.attempts, attempts);
    assert!(report.retries > 0 && report.providers[1].attempts > 0);
}

#[test]
fn costs_that_nobody_knows_are_counted_apart() {
    let (report, _) = run(&world(BAD_DAYS).unwrap(), &["one", "two"]);
    let [one, two] = &report.providers[..] else { panic!("{report:?}") };
    assert!(one.cost.known_nano_dollars > 0);
    assert_eq!((two.cost.known_nano_dollars, two.cost.attempts_of_unknown_cost > 0), (0, true));
    assert_eq!(report.cost.known_nano_dollars, one.cost.known_nano_dollars);
}

#[test]
fn the_same_seed_makes_the_same_report_byte_for_byte_and_another_seed_another() {
    let mut world = world(BAD_DAYS).unwrap();
    let text = |world: &World| serde_json::to_string(&run(world, &["one", "two"]).0).unwrap();
    let one = text(&world);
    assert_eq!(one, text(&world));
    world.seed = 1;
    assert_ne!(one, text(&world));
}

#[test]
fn percentiles_are_those_of_the_world() {
    let steady = "requests = 500\n[default]\nlatency = { fixed_seconds = 0.7 }\nanswer_tokens = { fixed = 101 }\ntokens_per_second = 100\n";
    let (report, _) = run(&world(steady).unwrap(), &["one"]);
    assert_eq!(report.time_to_answer.max_seconds, Some(1.7));
    assert_eq!(report.time_to_answer.p50_seconds, Some(1.7));
    assert_eq!(report.time_to_first_content.max_seconds, None);
    let (report, _) = run(&world(&format!("live_share = 1\n{steady}")).unwrap(), &["one"]);
    assert_eq!(report.time_to_first_content.p99_9_seconds, Some(0.7));
    assert_eq!(report.providers[0].latency.p50_seconds, Some(0.7));
    // Each piece waits for the timer's next tick.
    assert!((1.7..1.71).contains(&report.time_to_answer.max_seconds.unwrap()), "{report:?}");
}

#[test]
fn a_closed_loop_keeps_as_many_under_way_as_it_says() {
    let text = "requests = 100\nconcurrency = 10\n[default]\nlatency = { fixed_seconds = 2 }\n";
    let (report, _) = run(&world(text).unwrap(), &["one"]);
    assert!((20.0..20.1).contains(&report.simulated_seconds), "{}", report.simulated_seconds);
}

#[test]
fn providers_that_share_an_outage_are_down_together() {
    let text = "requests = 2000\n[default]\nlatency = { fixed_seconds = 0.2 }\n[[outages]]\nhow = \"refuse\"\nevery_seconds = 50\nlasting_seconds = 10\n";
    let alone = text.replace("[[outages]]\n", "[[outages]]\nproviders = [\"one\"]\n");
    let share = |text: &str| run(&world(text).unwrap(), &["one", "two"]).0.answered_share;
    let (together, alone) = (share(text), share(&alone));
    assert!(together < 0.95, "{together}");
    assert!((alone - 1.0).abs() < f64::EPSILON, "{alone}");
}

#[test]
fn a_recorded_provider_fails_when_and_how_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let heading = "provider,model,i,error_code,ttft_s,inter_token_latency_s,end_to_end_latency_s,n_in,n_out";
    let calls = format!("{heading}\nacme,m,0,,0.5,0.01,1.5,550,151\nacme,m,1,401,0,0,0.25,550,1\n");
    fs::write(folder.path().join("calls.csv"), calls).unwrap();
    let text = "requests = 10\nconcurrency = 1\n[providers.one]\ntrace = { file = \"calls.csv\", provider = \"acme\", model = \"m\" }\n";
    fs::write(folder.path().join("world.toml"), text).unwrap();
    let world = World::read(&folder.path().join("world.toml")).unwrap();
    let (report, _) = run(&world, &["one"]);
    assert_eq!((report.answered, report.errors[&ErrorKind::Authentication]), (5, 5));
    assert_eq!(report.time_to_answer.max_seconds, Some(1.5));
    assert_eq!(report.time_to_error.max_seconds, Some(0.25));
}

#[test]
fn a_wrong_world_is_refused_with_the_place_and_what_is_known() {
    for (text, what) in [
        ("request = 5", "world.toml:1:1: unknown setting `request`: did you mean `requests`?"),
        (
            "[default]\n\nslow_shar = 1",
            "world.toml:3:1: unknown setting `slow_shar`: did you mean `slow_share`?",
        ),
        ("[default]\nslow_share = 3", "world.toml:2:14: a share from 0 to 1 must stand here, and 3 does"),
        ("[default]\nlatency = 3", "world.toml:2:11: a table must stand here, and integer `3` does"),
        ("[default]\nlatency = { p50_seconds = 1 }", "world.toml:2:11: set `fixed_seconds`, or"),
        (
            "[default]\nlatency = { p50_seconds = 2, p99_seconds = 1 }",
            "`p50_seconds` is more than `p99_seconds`",
        ),
        (
            "[default]\nlatency = { fixed_seconds = -1 }",
            "2:29: a time of 0 to 100000000 seconds must stand here, and -1 does",
        ),
        ("arrivals_per_second = 1e-300", "1:23: a number from 0.000001 to 1000000000 must stand here"),
        ("[default]\nslow_share = 1\nslower = 1e300", "3:10: a number from 0.000001 to 1000000000"),
        ("[default]\nanswer_tokens = { p50 = 0, p99 = 9 }", "2:17: `p50` must be above 0"),
        (
            "[default]\nfailures = { sever_error = 1 }",
            "2:14: unknown word `sever_error`: did you mean `server_error`?",
        ),
        ("[default]\nrate_limit = { requests_per_second = 1 }", "2:14: a limit needs both keys"),
        ("requests = 0", "1:12: a whole number above 0 must stand here, and integer `0` does"),
        ("concurrency = 0", "1:15: a whole number above 0 must stand here, and integer `0` does"),
        (
            "concurrency = 1\narrivals_per_second = 1",
            "1:15: `concurrency` and `arrivals_per_second` exclude each other",
        ),
        ("[[outages]]\nlasting_seconds = 1", "1:1: `how` is missing"),
        ("[[outages]]\nhow = \"hang\"\nlasting_seconds = 1", "1:1: set `from_seconds` for an outage"),
        (
            "[default]\ntrace = { file = \"no.csv\", provider = \"a\", model = \"b\" }",
            "no.csv cannot be read",
        ),
        ("requests = = 5", "world.toml:1:"),
    ] {
        let error = world(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(what), "{text}: {error}");
    }
    let missing = World::read(Path::new("nowhere/world.toml")).unwrap_err();
    assert_eq!(missing.message(), "nowhere/world.toml is not there: name a world file");
}

#[test]
fn settings_and_world_must_name_the_same_providers() {
    let ids = ["fast", "careful"].map(|id| ProviderId::new(id).unwrap());
    let refusal = |text: &str| world(text).unwrap().check(&ids).map_err(|error| error.message().to_owned());
    assert_eq!(refusal("[default]"), Ok(()));
    assert_eq!(refusal("[providers.fast]\n[providers.careful]"), Ok(()));
    let missing = refusal("[providers.fast]").unwrap_err();
    assert!(missing.ends_with("nothing says how the provider `careful` behaves: write [providers.careful], or [default] for all that have no table"), "{missing}");
    let misspelt = refusal("[default]\n[providers.carefull]").unwrap_err();
    assert!(
        misspelt.ends_with("no provider `carefull` is configured: did you mean `careful`?"),
        "{misspelt}"
    );
    let outages = "[default]\n[[outages]]\nproviders = [\"slow\"]\nhow = \"hang\"\nfrom_seconds = 1\nlasting_seconds = 1";
    let outages = refusal(outages).unwrap_err();
    assert!(outages.ends_with("no provider `slow` is configured: configured: fast, careful"), "{outages}");
}

#[test]
fn the_longest_times_and_the_slowest_arrivals_run_to_their_end() {
    let extreme = "requests = 3\narrivals_per_second = 0.000001\n[default]\nlatency = { fixed_seconds = 100_000_000 }\n\
                   slow_share = 1\nslower = 1e9\ndrift = { every_seconds = 1, slower = 1e9 }";
    let (report, _) = run(&world(extreme).unwrap(), &["one", "two"]);
    assert_eq!((report.requests, report.answered), (3, 0));
}
