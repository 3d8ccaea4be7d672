//! Whether a timeout says more about who asks than about who is asked.

use std::time::Duration;

use tokio::time::Instant;

use crate::CallContext;

/// A deadline that passes within this time says more about the caller than about the candidate.
const PATIENCE: Duration = Duration::from_secs(5);

impl CallContext {
    /// The same call, whose deadline a stranger set: when it passes, that says nothing of the candidate, which others ask too.
    #[must_use]
    pub fn hurried(mut self) -> Self {
        self.hurried = true;
        self
    }

    /// Whether it is the caller's hurry, and nothing of the candidate's, that ends what began at `since`: the deadline has passed,
    /// and was too near or a stranger's. Before its first content a live answer has a deadline of its own.
    pub fn is_hurried(&self, since: Instant, has_content: bool) -> bool {
        let deadline = if has_content { self.deadline() } else { self.content_deadline() };
        let now = Instant::now();
        deadline.is_some_and(|deadline| deadline <= now)
            && (self.hurried || now.duration_since(since) < PATIENCE)
    }
}
