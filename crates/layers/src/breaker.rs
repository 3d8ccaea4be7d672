//! Refuses at once while the provider is known to be down.
