//! OpenAI-compatible vendors as rows of data.
