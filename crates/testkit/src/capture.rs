//! What a piece of work logs, so that a test can look for what must not stand there.

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    span,
    subscriber::NoSubscriber,
};

/// Does `work` and returns, besides its result, every span and event that it made, at every level: their
/// names, targets, fields and values, a line each.
pub async fn captured<F: Future>(work: F) -> (F::Output, String) {
    // With one subscriber alone `tracing` asks the current thread's own whether a span matters, and a thread without one
    // says for all that it never does: a second one keeps every thread asking all.
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&SECOND);
    let text = Arc::new(Mutex::new(String::new()));
    let capture = Capture { text: Arc::clone(&text), spans: AtomicU64::new(0) };
    let output = work.with_subscriber(capture).await;
    let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (output, text)
}

struct Capture {
    text: Arc<Mutex<String>>,
    spans: AtomicU64,
}

impl Capture {
    fn write(&self, metadata: Option<&Metadata<'_>>, record: impl FnOnce(&mut Line)) {
        let mut line = Line(String::new());
        if let Some(metadata) = metadata {
            let _ = write!(line.0, "{} {}", metadata.target(), metadata.name());
        }
        record(&mut line);
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line.0);
        text.push('\n');
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.write(Some(span.metadata()), |line| span.record(line));
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        self.write(None, |line| values.record(line));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(Some(event.metadata()), |line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spans_events_and_late_values_are_captured() {
        let ((), text) = captured(async {
            let span = tracing::trace_span!("outer", early = "one", late = tracing::field::Empty);
            span.record("late", 2);
            span.in_scope(|| tracing::debug!(word = "three", "four"));
        })
        .await;
        for part in ["outer early=one", "late=2", "word=three", "message=four"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
