//! Which candidate first.

use std::{fmt, sync::Arc};

use crate::{Candidate, ChatRequest};

/// Orders the candidates of a request. Healthy ones come before the others afterwards, whatever it says.
pub trait Selector: fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// Puts `candidates`, which come in the order of registration, into the order they are asked in.
    /// Equal seeds make equal choices.
    fn order(&self, request: &ChatRequest, candidates: &mut [Arc<Candidate>], seed: u64);
}

impl<S: Selector + ?Sized> Selector for Arc<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn order(&self, request: &ChatRequest, candidates: &mut [Arc<Candidate>], seed: u64) {
        (**self).order(request, candidates, seed);
    }
}

/// The order that the user gave: higher `weight` first, then the order of registration. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Priority;

impl Selector for Priority {
    fn name(&self) -> &'static str {
        "priority"
    }

    fn order(&self, _: &ChatRequest, candidates: &mut [Arc<Candidate>], _: u64) {
        candidates.sort_by(|one, other| other.weight().total_cmp(&one.weight()));
    }
}
