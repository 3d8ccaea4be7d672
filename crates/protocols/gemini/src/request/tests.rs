//! Requests as they are read.
