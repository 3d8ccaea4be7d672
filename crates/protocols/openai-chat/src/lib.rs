//! The OpenAI chat completions protocol, encoded and decoded without I/O.
