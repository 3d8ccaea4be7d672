//! Words for the tier of service.

/// `tier` as OpenAI's protocols call it: what others call `standard` is their `default`.
pub fn openai_tier(tier: &str) -> &str {
    if tier == "standard" { "default" } else { tier }
}
