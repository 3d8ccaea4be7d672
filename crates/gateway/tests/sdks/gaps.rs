//! Cases that do not hold, each with its reason. One that holds all the same is a complaint.

pub(crate) const PYTHON: &[(&str, &str)] = &[
    ("anthropic messages: count_tokens", NOT_YET),
    ("anthropic messages: models", NOT_YET),
    ("openai embeddings: in base64, as the SDK asks by default", NOT_YET),
    ("openai embeddings: as numbers, and the raw form of base64", NOT_YET),
    ("openai embeddings: dimensions come to the upstream, and errors back", NOT_YET),
    ("openai models: listed and retrieved", NOT_YET),
    ("langchain: embeddings", NOT_YET),
    ("specification: embeddings and models are as OpenAI describes them", NOT_YET),
];

pub(crate) const JAVASCRIPT: &[(&str, &str)] = &[
    ("anthropic npm: count_tokens", NOT_YET),
    ("openai npm: embeddings", NOT_YET),
    ("openai npm: models", NOT_YET),
    ("vercel: embeddings", NOT_YET),
    (
        "vercel messages: structured output (on gemini)",
        "the package wants one call at a time, for which Google's protocol has no word: it is refused by name",
    ),
];

pub(crate) const MOCK_SERVERS: &[(&str, &str)] = &[];

const NOT_YET: &str = "the address is not there yet";
