//! The strategy fallback: an ordered chain, the first good answer.
