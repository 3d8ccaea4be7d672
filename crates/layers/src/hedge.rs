//! Asks twice where an answer is late.
