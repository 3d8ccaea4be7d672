//! What an author of UltraAI plugins needs for tests.
