//! OpenAI as a provider of UltraAI.
