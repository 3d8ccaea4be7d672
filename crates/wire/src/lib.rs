//! HTTP transport and framing for UltraAI's providers.
