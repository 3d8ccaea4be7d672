//! Layers around a provider: one file each.
