//! Reads the settings again when what they were read from changes, or when the process is told to (SIGHUP).

use std::{error::Error as _, future::Future, io::Write as _, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, MissedTickBehavior, interval_at},
};
use ultraai::{Error, ErrorKind, Result};
use ultraai_settings::{Seen, Settings, Sources};

use crate::App;

/// How often the files are looked at. What changed is taken when it was the same for two looks, so that a file that is being
/// written is not read in the middle; about a second passes until then.
const LOOK: Duration = Duration::from_millis(500);

/// How long the files must have been the same before they are read, also where a signal asks for that at once.
const MOMENT: Duration = Duration::from_millis(100);

/// Moments that they are waited for until they are.
const MOMENTS: u32 = 100;

/// Looks after which settings that were refused are tried again: what they lacked may stand in another file, which is there by now.
const LOOKS_UNTIL_RETRY: u32 = 10;

/// Reads the settings again whenever the settings file, the file of prices or a file of keys holds something else, and on SIGHUP,
/// until `shutdown` ends.
///
/// Settings that are wrong are refused: the reason is told on standard error, and those in force stay. So are those that lack
/// what a file set up, as [`Settings::take_over`] says: nobody means an emptied file. Contents are compared and not the times of
/// files, so that a file that was renamed into place, a folder that was mounted anew behind a link and two writings within a
/// second are all noticed. SIGHUP is minded from this call on, before the future is first polled. Where no file was read there
/// is nothing to look at, and SIGHUP looks for one.
///
/// # Panics
/// Outside of a Tokio runtime.
pub fn watch(
    app: Arc<App>,
    sources: Sources,
    shutdown: impl Future<Output = ()>,
) -> impl Future<Output = ()> {
    watch_and_tell(app, sources, shutdown, |line| {
        tracing::info!("{line}");
        // Nobody is left to be told when this fails.
        let _ = writeln!(std::io::stderr(), "{line}");
    })
}

/// As [`watch`], for programs that tell their users in another way.
///
/// # Panics
/// Outside of a Tokio runtime.
pub fn watch_and_tell(
    app: Arc<App>,
    mut sources: Sources,
    shutdown: impl Future<Output = ()>,
    tell: impl Fn(&str),
) -> impl Future<Output = ()> {
    let mut hangup = Hangup::new(&tell);
    async move {
        let watching = async {
            let mut looks = interval_at(Instant::now() + LOOK, LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut known = app.live().settings.seen();
            let mut last = known.clone();
            // Why they were refused, and the looks since.
            let mut refused: Option<(String, u32)> = None;
            loop {
                let is_retry = tokio::select! {
                    biased;
                    () = hangup.received() => false,
                    _ = looks.tick(), if !known.is_empty() => {
                        let now = look(&last).await;
                        let settled = now == last;
                        last = now;
                        let retry = refused.as_mut().is_some_and(|(_, looks)| {
                            *looks += 1;
                            *looks >= LOOKS_UNTIL_RETRY
                        });
                        if !settled || (last == known && !retry) {
                            continue;
                        }
                        last == known
                    }
                };
                // The file that was read, also where another would be found first by now.
                if let Some(file) = &app.live().settings.file {
                    sources.file = Some(file.clone());
                }
                match reload(&app, &sources, &tell).await {
                    Ok(()) => {
                        known = app.live().settings.seen();
                        refused = None;
                    }
                    Err(error) => {
                        let reason = whole(&error);
                        if !is_retry || refused.is_none_or(|(known, _)| known != reason) {
                            tell(&format!("the settings were not taken, and those in force stay: {reason}"));
                        }
                        refused = Some((reason, 0));
                        // They are not read again at once, but when they change.
                        known = look(&known).await;
                    }
                }
                last = known.clone();
            }
        };
        tokio::select! {
            biased;
            () = shutdown => {}
            () = watching => {}
        }
    }
}

/// What the files hold now. One may stand on another machine: who serves does not wait for it.
async fn look(files: &Seen) -> Seen {
    let own = files.clone();
    tokio::task::spawn_blocking(move || own.now()).await.unwrap_or_else(|_| files.clone())
}

/// Reads the settings once nobody writes their files, and puts them in force.
///
/// # Errors
/// What is wrong with them.
async fn reload(app: &Arc<App>, sources: &Sources, tell: &impl Fn(&str)) -> Result<()> {
    let old = app.live();
    let settings = read_still(&old.settings, sources).await?;
    let notices = notices_of(&settings);
    let own = Arc::clone(app);
    let waiting = apart(move || own.replace(settings)).await?;
    tell("the settings were read again and are in force");
    if !waiting.is_empty() {
        let names: Vec<_> = waiting.iter().map(|name| format!("`gateway.{name}`")).collect();
        tell(&format!("what changed of {} waits for a restart", names.join(" and ")));
    }
    let known = notices_of(&old.settings);
    for notice in notices.iter().filter(|notice| !known.contains(notice)) {
        tell(notice);
    }
    Ok(())
}

/// What the user should know, and what could be safer.
fn notices_of(settings: &Settings) -> Vec<String> {
    settings.notices.iter().cloned().chain(settings.warnings()).collect()
}

/// Reads the settings in the place of `old`, as they stood in their files for a moment.
///
/// # Errors
/// What is wrong with them, or that their files do not stop changing.
async fn read_still(old: &Settings, sources: &Sources) -> Result<Settings> {
    let mut before = look(&old.seen()).await;
    for _ in 0..MOMENTS {
        tokio::time::sleep(MOMENT).await;
        let (sources, registry, runtime) = (sources.clone(), Arc::clone(old.registry()), Handle::current());
        let now = match apart(move || runtime.block_on(Settings::load(&sources, &registry))).await {
            Ok(settings) if settings.seen() == before => return Ok(settings),
            // Where they name other files than before, those are looked at too from now on.
            Ok(settings) => settings.seen(),
            Err(error) => match look(&before).await {
                now if now == before => return Err(error),
                now => now,
            },
        };
        before = now;
    }
    let message = "their files change all the time, and are read once they stay as they are for a moment";
    Err(Error::new(ErrorKind::Config, message))
}

/// Does what takes its time, such as reading a file of another machine or building with certificates, while who serves goes on.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| {
        Error::new(ErrorKind::Config, "the new settings could not be built").with_source(error)
    })?
}

/// An error with what caused it.
fn whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The signal that asks for the settings to be read again.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn new(tell: &impl Fn(&str)) -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        if let Err(error) = &signal {
            tell(&format!(
                "SIGHUP cannot be minded ({error}): the settings are read again when their file changes"
            ));
        }
        Self { signal: signal.ok() }
    }

    #[cfg(not(unix))]
    fn new(_: &impl Fn(&str)) -> Self {
        Self {}
    }

    /// Ends when the signal comes.
    async fn received(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
