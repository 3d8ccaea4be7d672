//! What requests look like.
