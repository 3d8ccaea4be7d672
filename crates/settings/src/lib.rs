//! Settings of UltraAI: files, environment, discovery.
