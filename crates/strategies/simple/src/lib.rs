//! The strategy simple: collect, analyze, synthesize.
