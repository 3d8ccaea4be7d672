//! Waits for a place under the provider's limits.
