//! Reserves money before each attempt.
