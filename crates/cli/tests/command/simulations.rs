//! Simulations.

use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Program, Ran, assert_error};

const SETTINGS: &str = r#"
[orchestrator]
strategy = "fallback"

[providers.fast]
type = "groq"
model = "llama-3.3-70b-versatile"

[providers.careful]
type = "anthropic"
model = "unheard-of"
api_key = { env = "NOBODY_SET_IT" }
"#;

const WORLD: &str = "
requests = 400
[providers.fast]
latency = { p50_seconds = 0.5, p99_seconds = 5 }
failure_rate = 0.1
[providers.careful]
latency = { fixed_seconds = 2 }
";

fn program(world: &str) -> Program {
    Program::with_settings(SETTINGS).file("world.toml", world.as_bytes())
}

fn simulate(program: &Program, more: &[&str]) -> Ran {
    let arguments = ["simulate", "--config", "ultraai.toml", "--world", "world.toml"];
    program.run(&[&arguments[..], more].concat())
}

#[test]
fn requests_run_in_virtual_time_without_keys_and_the_report_is_a_table() {
    let ran = simulate(&program(WORLD), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    for part in ["fallback", "400 in ", "seed 0", "400 (100.00 %)", "the answer", "fast", "careful", "P99.9"]
    {
        assert!(ran.out.contains(part), "no `{part}` in {}", ran.out);
    }
}

#[test]
fn the_report_as_json_keeps_known_and_unknown_costs_apart() {
    let ran = simulate(&program(WORLD), &["--json", "--requests", "600", "--seed", "7"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["requests"], &report["seed"]), (&600.into(), &7.into()));
    let [fast, careful] = [0, 1].map(|place| &report["providers"][place]);
    assert_eq!(
        (fast["provider_id"].as_str(), careful["provider_id"].as_str()),
        (Some("fast"), Some("careful"))
    );
    // The price of the one is known by its type and model, as it would be in earnest, and nobody knows that of the other.
    assert!(fast["cost"]["known_nano_dollars"].as_u64().unwrap() > 0, "{fast}");
    assert_eq!(careful["cost"]["known_nano_dollars"], 0);
    assert!(fast["errors"]["server_error"].as_u64().unwrap() > 0, "{fast}");
}

#[test]
fn the_same_seed_makes_the_same_output_byte_for_byte() {
    let program = program(WORLD);
    for more in [&["--json"][..], &[]] {
        let one = simulate(&program, more);
        // What is set in the environment changes nothing.
        let again =
            program.command(&[&["simulate", "-c", "ultraai.toml", "-w", "world.toml"][..], more].concat());
        let again = { again }.env("ULTRAAI_STRATEGY", "simple").env("GROQ_API_KEY", "k").output().unwrap();
        assert_eq!(one.out, String::from_utf8(again.stdout).unwrap());
        assert_ne!(one.out, simulate(&program, &[more, &["--seed", "1"]].concat()).out);
    }
}

#[test]
fn what_is_wrong_with_a_world_is_told_with_its_place() {
    for (world, parts) in [
        ("requests = 5\nsede = 1", &["world.toml:2:1: unknown setting `sede`: did you mean `seed`?"][..]),
        (
            "[providers.fast]",
            &["world.toml: nothing says how the provider `careful` behaves", "[providers.careful]"],
        ),
        ("[default]\n[providers.fsat]", &["no provider `fsat` is configured: did you mean `fast`?"]),
    ] {
        assert_error(&simulate(&program(world), &[]), 2, parts);
    }
    let program = program(WORLD);
    assert_error(&program.run(&["simulate", "-c", "ultraai.toml"]), 2, &["--world <FILE>"]);
    assert_error(
        &program.run(&["simulate", "-c", "no.toml", "-w", "world.toml"]),
        2,
        &["no.toml is not there"],
    );
    assert_error(&program.run(&["simulate", "-c", "ultraai.toml", "-w", "no"]), 2, &["no is not there"]);
    assert_error(&simulate(&program, &["--requests", "0"]), 2, &["--requests", "a whole number above 0"]);
    let nobody = Program::with_settings("[orchestrator]\n").file("world.toml", b"[default]");
    assert_error(&simulate(&nobody, &[]), 2, &["ultraai.toml sets up no provider: write [providers.NAME]"]);
}

#[test]
fn the_example_runs() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/simulate");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let program =
        Program::new().file("ultraai.toml", &read("ultraai.toml")).file("world.toml", &read("world.toml"));
    let ran = simulate(&program, &["--requests", "8000", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(report["answered_share"].as_f64().unwrap() > 0.95, "{report}");
    // It shows what can go wrong, and does so.
    for provider in report["providers"].as_array().unwrap() {
        assert!(provider["attempts"].as_u64().unwrap() > 0, "{provider}");
    }
    assert!(report["time_to_first_content"]["p50_seconds"].as_f64().is_some(), "{report}");
}
