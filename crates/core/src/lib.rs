//! The vocabulary, the traits, the registry and the base orchestrator of UltraAI.
