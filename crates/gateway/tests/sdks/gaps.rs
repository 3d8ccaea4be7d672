//! Cases that do not hold, each with its reason. One that holds all the same is a complaint.

pub(crate) const PYTHON: &[(&str, &str)] = &[];

pub(crate) const JAVASCRIPT: &[(&str, &str)] = &[(
    "vercel messages: structured output (on gemini)",
    "the package wants one call at a time, for which Google's protocol has no word: it is refused by name",
)];

pub(crate) const MOCK_SERVERS: &[(&str, &str)] = &[];
