//! What the system says of this process: its memory, and how many files it may open.

use std::{cell::Cell, fmt, fs, io};

/// Files that are open besides one for each request.
#[cfg(unix)]
const OTHER_FILES: u64 = 100;

/// What this process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What the system holds for it.
    resident_kib: f64,
    /// What this thread allocated and did not free, of all that was measured.
    heap_bytes: i64,
}

thread_local! {
    /// What this thread allocated in all that was measured before, and did not free.
    static HEAP: Cell<i64> = const { Cell::new(0) };
}

impl Memory {
    /// What this process holds after `work`, and before what that returns is dropped.
    pub(crate) fn after(work: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        let mut result = Ok(());
        let counted = allocation_counter::measure(|| result = work());
        result?;
        let heap_bytes = HEAP.get() + counted.bytes_current;
        HEAP.set(heap_bytes);
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let resident_kib = kib.ok_or_else(|| io::Error::other("the system does not tell the memory"))?;
        Ok(Self { resident_kib, heap_bytes })
    }

    /// How much more it is, resident and on the heap, in KiB.
    pub(crate) fn since(self, before: Self) -> (f64, f64) {
        (self.resident_kib - before.resident_kib, self.heap_kib() - before.heap_kib())
    }

    /// How much more it is, resident and on the heap, in per cent.
    pub(crate) fn growth_from(self, before: Self) -> (f64, f64) {
        let (resident, heap) = self.since(before);
        (resident / before.resident_kib * 100.0, heap / before.heap_kib() * 100.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "no process holds so much")]
    fn heap_kib(self) -> f64 {
        self.heap_bytes as f64 / 1024.0
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resident, heap) = (self.resident_kib / 1024.0, self.heap_kib() / 1024.0);
        write!(f, "{resident:7.1} MiB resident, {heap:7.1} MiB on the heap")
    }
}

/// Lets this process, and those it starts, open as many files as so many requests need; returns for how many they last.
#[cfg(unix)]
pub(crate) fn raise_file_limit(requests: usize) -> io::Result<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = requests as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(needed, |maximum| maximum.min(needed));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    let lasts = usize::try_from(wanted.saturating_sub(OTHER_FILES)).unwrap_or(requests);
    Ok(requests.min(lasts))
}

/// The others have no such limit.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
pub(crate) fn raise_file_limit(requests: usize) -> io::Result<usize> {
    Ok(requests)
}
