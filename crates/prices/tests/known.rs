//! Costs computed by hand from the vendors' printed prices, and what is not known.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ultraai_core::{Cost, PriceSource, Usage};
use ultraai_prices::GenaiPrices;

/// 2026-11-22, 12:00 UTC, as GNU date has it.
const NOVEMBER: u64 = 1_795_348_800;

/// 2026-03-12, 12:00 UTC.
const MARCH: u64 = 1_773_316_800;

const HOUR: u64 = 3600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn cost(provider: &str, model: &str, seconds: u64, usage: &Usage) -> Cost {
    GenaiPrices.price(provider, model, at(seconds)).map_or(Cost::Unknown, |price| price.cost(usage))
}

#[test]
fn well_known_models_cost_what_their_vendors_print() {
    let mut cached = Usage::reported(1000, 100);
    cached.cache_read = Some(400);
    for (provider, model, usage, nano_dollars) in [
        // $2.50 and $10 per million tokens, $1.25 from the cache.
        ("openai", "gpt-4o", Usage::reported(1000, 100), 1000 * 2_500 + 100 * 10_000),
        ("openai", "gpt-4o-2024-11-20", cached, 600 * 2_500 + 400 * 1_250 + 100 * 10_000),
        ("azure.ai.openai", "gpt-4o", Usage::reported(1000, 100), 1000 * 2_500 + 100 * 10_000),
        // $3 and $15; $1.25 and $10; $0.59 and $0.79.
        ("anthropic", "claude-sonnet-4-20250514", Usage::reported(1000, 100), 1000 * 3_000 + 100 * 15_000),
        ("gemini", "gemini-2.5-pro", Usage::reported(1000, 100), 1000 * 1_250 + 100 * 10_000),
        ("groq", "llama-3.3-70b-versatile", Usage::reported(1000, 100), 1000 * 590 + 100 * 790),
    ] {
        assert_eq!(
            cost(provider, model, NOVEMBER, &usage),
            Cost::NanoDollars(nano_dollars),
            "{provider} {model}"
        );
    }
}

#[test]
fn a_large_request_is_billed_at_the_higher_rate_in_whole() {
    for (provider, model, (input, output), (large_input, large_output)) in [
        ("anthropic", "claude-sonnet-4-5", (3_000, 15_000), (6_000, 22_500)),
        ("gemini", "gemini-2.5-pro", (1_250, 10_000), (2_500, 15_000)),
    ] {
        let cost = |tokens| cost(provider, model, NOVEMBER, &Usage::reported(tokens, 1000));
        assert_eq!(cost(200_000), Cost::NanoDollars(200_000 * input + 1000 * output), "{model}");
        assert_eq!(cost(200_001), Cost::NanoDollars(200_001 * large_input + 1000 * large_output), "{model}");
    }
}

#[test]
fn a_price_is_that_of_the_day() {
    // Above 200,000 tokens Claude Opus 4.6 cost twice as much until 2026-03-13.
    let large = Usage::reported(300_000, 0);
    assert_eq!(cost("anthropic", "claude-opus-4-6", MARCH, &large), Cost::NanoDollars(300_000 * 10_000));
    assert_eq!(cost("anthropic", "claude-opus-4-6", NOVEMBER, &large), Cost::NanoDollars(300_000 * 5_000));
}

#[test]
fn a_price_is_that_of_the_hour() {
    // $0.27 from 00:30 to 16:30 UTC, half of it in the rest of the day.
    let usage = Usage::reported(1_000_000, 0);
    let cost = |hours| cost("deepseek", "deepseek-chat", NOVEMBER + hours * HOUR, &usage);
    assert_eq!(cost(4), Cost::NanoDollars(270_000_000));
    assert_eq!(cost(5), Cost::NanoDollars(135_000_000));
    assert_eq!(cost(12), Cost::NanoDollars(135_000_000));
    assert_eq!(cost(13), Cost::NanoDollars(270_000_000));
}

#[test]
fn a_request_that_costs_by_itself_does_so_without_tokens() {
    // $12 per thousand requests.
    assert_eq!(cost("perplexity", "sonar", NOVEMBER, &Usage::reported(0, 0)), Cost::NanoDollars(12_000_000));
}

#[test]
fn what_runs_at_home_has_no_price_and_not_even_zero() {
    for provider in ["compatible", "llama-cpp", "mock", "ollama", "replay", "vllm"] {
        for model in ["gpt-4o", "llama-3.3-70b-versatile", "claude-sonnet-4-5"] {
            assert_eq!(GenaiPrices.price(provider, model, at(NOVEMBER)), None, "{provider} {model}");
        }
    }
}

#[test]
fn what_the_data_does_not_know_in_full_is_unknown() {
    for (provider, model) in [
        ("openai", "a-model-of-nobody"),
        ("openai", "whisper-1"),
        ("openai", "gpt-image-1"),
        ("openai", "text-embedding-3-small"),
        ("perplexity", "sonar-deep-research"),
        ("huggingface", "openai/gpt-oss-20b"),
        ("a-vendor-of-nobody", "gpt-4o"),
        ("", ""),
    ] {
        assert_eq!(GenaiPrices.price(provider, model, at(NOVEMBER)), None, "{provider} {model}");
    }
}

#[test]
fn names_are_known_in_any_case_and_with_either_spelling_of_dates() {
    for model in ["GPT-5.2", "gpt-5.2-20251211", "gpt-5.2-2025-12-11"] {
        assert!(GenaiPrices.price("openai", model, at(NOVEMBER)).is_some(), "{model}");
    }
}

#[test]
fn what_only_begins_or_ends_like_a_model_is_not_priced_as_that_model() {
    for (provider, model) in [
        ("gemini", "gemini-3.6-flash-image"),
        ("gemini", "gemini-3.6-flash-tts"),
        ("gemini", "gemini-3.6-flash-lite"),
        ("gemini", "gemini-3.8-flash-live"),
        ("gemini", "gemini-2.0-flash-exp-image-generation"),
        ("gemini", "gemini-3-flash-preview-image"),
        ("gemini", "gemini-3.5-flash-lite-image"),
        ("gemini", "gemini-1.5-flash-8b"),
        ("azure.ai.openai", "o4-mini-deep-research"),
        ("azure.ai.openai", "not-o4-mini-anymore"),
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-opus-4-1-fast"),
        ("aws.bedrock", "not-us.anthropic.claude-opus-4-6-mini"),
        ("deepseek", "deepseek-r1-distill-llama-70b"),
    ] {
        assert_eq!(GenaiPrices.price(provider, model, at(NOVEMBER)), None, "{provider} {model}");
    }
}

#[test]
fn issues_of_a_model_by_date_version_or_stage_have_its_price() {
    for (provider, model) in [
        ("anthropic", "claude-opus-4-1-20250805"),
        ("anthropic", "claude-3-5-haiku-latest"),
        ("anthropic", "claude-sonnet-4-20250514"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("azure.ai.openai", "o4-mini-2025-04-16"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws.bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("aws.bedrock", "amazon.nova-lite-v1:0"),
        ("aws.bedrock", "meta.llama3-3-70b-instruct-v1:0"),
        ("aws.bedrock", "openai.gpt-oss-120b-1:0"),
        ("gemini", "gemini-2.0-flash-001"),
        ("gemini", "gemini-2.5-pro-preview-05-06"),
        ("gemini", "gemini-3.6-flash-preview"),
        ("mistral", "magistral-medium-2506"),
        ("minimax", "MiniMax-M2.5-highspeed"),
        ("openai", "gpt-5-nano-2025-08-07"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:my-org::abc"),
        ("vertex", "claude-sonnet-4-5@20250929"),
    ] {
        assert!(GenaiPrices.price(provider, model, at(NOVEMBER)).is_some(), "{provider} {model}");
    }
}
