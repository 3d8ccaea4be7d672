//! Keeps the state file, apart from the requests.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use ultraai_core::{Error, ErrorKind, Result};

use crate::{memory::Memory, state};

/// A thread that writes the state when it is told to, and a last time when it is dropped: a request never waits for the disk.
pub(crate) struct Keeper {
    orders: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<Error>>>,
}

impl Keeper {
    /// Keeps `memory` in the file `path`.
    ///
    /// # Errors
    /// `Config` when the system gives no thread.
    pub(crate) fn start(path: PathBuf, memory: Arc<Mutex<Memory>>) -> Result<Self> {
        // One order that waits is enough: what it will write is the state of then.
        let (orders, received) = sync_channel(1);
        let trouble: Arc<Mutex<Option<Error>>> = Arc::default();
        let told = Arc::clone(&trouble);
        let thread = std::thread::Builder::new()
            .name("ultraai-adaptive".to_owned())
            .spawn(move || keep(&path, &memory, &received, &told))
            .map_err(|error| {
                let what = "the system gives no thread that keeps the state file: leave `state_file` out, and call `save`";
                Error::new(ErrorKind::Config, what).with_source(error)
            })?;
        Ok(Self { orders: Some(orders), thread: Some(thread), trouble })
    }

    /// Has the state written soon. It never waits.
    pub(crate) fn order(&self) {
        if let Some(orders) = &self.orders {
            let _ = orders.try_send(());
        }
    }

    /// Why the last writing failed, once.
    pub(crate) fn trouble(&self) -> Option<Error> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn keep(
    path: &std::path::Path,
    memory: &Mutex<Memory>,
    orders: &Receiver<()>,
    trouble: &Mutex<Option<Error>>,
) {
    let mut kept = 0;
    loop {
        let goes_on = orders.recv().is_ok();
        let snapshot = memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if snapshot.recorded() != kept {
            match state::write(path, &state::to_json(&snapshot)) {
                Ok(()) => kept = snapshot.recorded(),
                Err(error) => *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
            }
        }
        if !goes_on {
            return;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper(..)")
    }
}
