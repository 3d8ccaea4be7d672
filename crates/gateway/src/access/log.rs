//! Lines on their way to where they are written: a bounded queue, and a thread that empties it.
//!
//! No request waits for the pipe that standard output mostly is. A thread that is woken for each line would cost more than the
//! line, so it sleeps a moment and takes all that have come.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{Line, time};

/// Lines that wait at most, some megabytes of them.
const MOST: usize = 8192;

/// How long lines are gathered before they are written.
const GATHERING: Duration = Duration::from_millis(20);

/// How long the end of the program waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines are written.
pub(crate) type Place = Box<dyn Write + Send>;

/// The access log.
pub(crate) struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something changed that the writer waits for, or the writer has ended.
    changed: Condvar,
}

struct Queue {
    lines: Vec<Line>,
    /// Lines that did not fit, of all.
    dropped: u64,
    /// Where the writer will write, until the first line starts it.
    place: Option<Place>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Open,
    /// The rest is written, and no more comes.
    Closing,
    Ended,
}

/// Said in place of lines that did not fit.
#[derive(Serialize)]
struct Dropped {
    #[serde(serialize_with = "time::rfc3339")]
    time: SystemTime,
    dropped_lines: u64,
}

impl Queue {
    /// No more is written; what still waits is lost.
    fn end(&mut self) {
        self.stage = Stage::Ended;
        self.dropped += self.lines.len() as u64;
        self.lines = Vec::new();
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::to(Box::new(io::stdout()))
    }
}

impl Log {
    pub(super) fn to(place: Place) -> Self {
        let queue = Queue { lines: Vec::new(), dropped: 0, place: Some(place), stage: Stage::Open };
        Self { shared: Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new() }) }
    }

    /// Takes a line, or counts it where too many wait.
    pub(super) fn push(&self, line: Line) {
        let mut queue = self.shared.queue();
        if queue.lines.len() >= MOST || queue.stage == Stage::Ended {
            queue.dropped += 1;
            return;
        }
        queue.lines.push(line);
        if let Some(place) = queue.place.take() {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new().name("access-log".into()).spawn(move || shared.write(place));
            if started.is_err() {
                queue.end();
            }
        } else if queue.lines.len() == 1 {
            self.shared.changed.notify_all();
        }
    }

    /// Lines that were not written.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.queue().dropped
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        if queue.place.is_some() || queue.stage == Stage::Ended {
            return;
        }
        queue.stage = Stage::Closing;
        self.shared.changed.notify_all();
        // Whoever reads no more must not keep the program from ending.
        let waits = |queue: &mut Queue| queue.stage != Stage::Ended;
        let waited = self.shared.changed.wait_timeout_while(queue, PATIENCE, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's life.
    fn write(&self, mut place: Place) {
        let (mut lines, mut text, mut said) = (Vec::new(), Vec::new(), 0);
        loop {
            let idle = |queue: &mut Queue| queue.lines.is_empty() && queue.stage == Stage::Open;
            let queue = self.changed.wait_while(self.queue(), idle).unwrap_or_else(PoisonError::into_inner);
            let is_last = queue.stage != Stage::Open;
            drop(queue);
            if !is_last {
                thread::sleep(GATHERING);
            }
            let mut queue = self.queue();
            std::mem::swap(&mut lines, &mut queue.lines);
            let dropped = queue.dropped;
            drop(queue);
            for line in lines.drain(..) {
                add(&mut text, &line);
            }
            if dropped > said {
                add(&mut text, &Dropped { time: SystemTime::now(), dropped_lines: dropped - said });
                said = dropped;
            }
            // Nobody reads what is told here, so that an error has no place to go.
            let written = place.write_all(&text).and_then(|()| place.flush());
            text.clear();
            let mut queue = self.queue();
            if written.is_err() || is_last && queue.lines.is_empty() {
                queue.end();
                self.changed.notify_all();
                return;
            }
        }
    }
}

fn add(text: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *text, line).expect("a line has names and numbers alone");
    text.push(b'\n');
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}
