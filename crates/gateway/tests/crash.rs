//! A process that keeps keys and spend is killed 200 times under load, and loses no key and at most the last second of spend.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use ultraai::{Clock, Lookup, Registry};
use ultraai_gateway::{App, DiskStore, KeyStatus, KeyTerms, Metrics, State, router};
use ultraai_settings::{Settings, Sources};

const KILLS: u32 = 200;

/// Names the folder to the process that is killed.
const FOLDER: &str = "ULTRAAI_CRASH_FOLDER";
/// Gives it the key to spend with.
const TOKEN: &str = "ULTRAAI_CRASH_TOKEN";

/// What each request costs, in nano-dollars.
const COST: u64 = 1_000_000;

/// How much of the spend a crash may lose.
const LOST: Duration = Duration::from_secs(1);

/// A process that found no processor for so long cannot keep a promise of a second.
const STARVED: Duration = Duration::from_millis(250);

/// The state, at one moment of one day, so that no midnight comes in between.
fn state(folder: &Path) -> State {
    let clock = Clock::new(|| UNIX_EPOCH + Duration::from_hours(500_000));
    State::with_store(Arc::new(DiskStore::open(folder).unwrap()), clock).unwrap()
}

fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// Tells the parent something, in one write, so that no line is torn unless it is the last.
fn say(line: std::fmt::Arguments<'_>) {
    let line = format!("{line}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The process that is killed: it serves requests that cost, and makes and revokes keys.
#[test]
#[ignore = "it is the process that the other test kills"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let state = state(Path::new(&folder));
    for key in state.keys() {
        let status = if key.status == KeyStatus::Revoked { "revoked" } else { "live" };
        say(format_args!("key {} {status}", key.id));
    }
    let spent: u64 = state.keys().iter().map(|key| key.spent_this_month_nano_dollars).sum();
    say(format_args!("up {spent}"));
    thread::spawn(|| {
        loop {
            say(format_args!("beat {}", nanos()));
            thread::sleep(Duration::from_millis(50));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = gateway(state.clone()).await;
        let token = match std::env::var(TOKEN) {
            Ok(token) => token,
            Err(_) => {
                let (_, token) = state.create_key(KeyTerms::new("spender")).await.unwrap();
                say(format_args!("token {}", token.expose()));
                token.expose().to_owned()
            }
        };
        let done = AtomicU64::new(0);
        tokio::join!(spend(&router, &token, &done), make_keys(&state), flush(&state, &done));
    });
}

async fn spend(router: &Router, token: &str, done: &AtomicU64) {
    let body = r#"{"model":"near","messages":[{"role":"user","content":"hello"}],"max_tokens":10}"#;
    loop {
        say(format_args!("begun"));
        let request =
            Request::post("/v1/chat/completions").header("authorization", format!("Bearer {token}"));
        let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-ultraai-cost"], "0.001000000");
        response.into_body().collect().await.unwrap();
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        say(format_args!("done {done} {}", nanos()));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn make_keys(state: &State) {
    for number in 0_u64.. {
        let (key, _) = state.create_key(KeyTerms::new("k")).await.unwrap();
        say(format_args!("made {}", key.id));
        if number.is_multiple_of(3) {
            state.revoke_key(&key.id).await.unwrap();
            say(format_args!("gone {}", key.id));
        }
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

/// Now and then all is written at once, and what was done before is safe whatever the clock says.
async fn flush(state: &State, done: &AtomicU64) {
    loop {
        tokio::time::sleep(Duration::from_millis(130)).await;
        let done = done.load(Ordering::Relaxed);
        state.sync().await.unwrap();
        say(format_args!("safe {done}"));
        // Mostly the keeper's own half second is what is tested.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// A gateway before a provider that answers at once, and has a price for each request.
async fn gateway(state: State) -> Router {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    let settings = "[providers.near]\ntype = \"mock\"\nprice = { input = 0, output = 0, request = 0.001 }\n";
    std::fs::write(&file, settings).unwrap();
    let mut sources = Sources::new(Lookup::empty());
    sources.file = Some(file);
    let settings = Settings::load(&sources, &Registry::linked().unwrap()).await.unwrap();
    router(Arc::new(App::new(settings, state, Metrics::default()).unwrap()))
}

/// What is known of the keys and of the spend, by what the killed processes said.
#[derive(Default)]
struct Known {
    token: Option<String>,
    /// Whether each key was revoked.
    keys: BTreeMap<String, bool>,
    /// The least and the most that may have been spent when the last process was killed.
    least: u64,
    most: u64,
    /// How often the last second was looked at.
    seconds: u32,
}

impl Known {
    fn begin(&self, folder: &Path) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--ignored", "--nocapture"]).env(FOLDER, folder);
        if let Some(token) = &self.token {
            command.env(TOKEN, token);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
    }

    /// Compares what a process found with what those before it said, and learns what it says.
    fn take_in(&mut self, lines: &[String], killed: u128) {
        let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
        let found: BTreeMap<&str, bool> = words
            .iter()
            .filter_map(|words| match words[..] {
                ["key", id, status] => Some((id, status == "revoked")),
                _ => None,
            })
            .collect();
        let up = words.iter().find_map(|words| match words[..] {
            ["up", spent] => Some(spent.parse::<u64>().unwrap()),
            _ => None,
        });
        // It was killed before it had read everything: the next one tells.
        let Some(spent) = up else { return };
        for (id, was_revoked) in &self.keys {
            let is_revoked = found.get(id.as_str());
            assert!(is_revoked.is_some(), "the key {id} is lost");
            assert!(is_revoked == Some(&true) || !was_revoked, "the key {id} lives again");
        }
        assert!(self.least <= spent, "{spent} is there of {} that were spent before", self.least);
        assert!(spent <= self.most, "{spent} is there, and {} were spent", self.most);

        let (mut begun, mut safe) = (0, 0);
        let mut beats = vec![];
        for words in &words {
            match words[..] {
                ["token", token] => self.token = Some(token.to_owned()),
                ["made", id] => drop(self.keys.insert(id.to_owned(), false)),
                ["gone", id] => drop(self.keys.insert(id.to_owned(), true)),
                ["begun"] => begun += 1,
                ["safe", done] => safe = done.parse::<u64>().unwrap(),
                ["beat", at] => beats.push(at.parse::<u128>().unwrap()),
                _ => {}
            }
        }
        let before = killed.saturating_sub(LOST.as_nanos());
        beats.push(killed);
        let gaps = beats.windows(2).filter(|beats| beats[1] >= before).map(|beats| beats[1] - beats[0]);
        let is_starved = gaps.max().is_none_or(|gap| gap > STARVED.as_nanos());
        if beats[0] < before && !is_starved {
            self.seconds += 1;
            let old = words.iter().filter_map(|words| match words[..] {
                ["done", done, at] if at.parse::<u128>().unwrap() <= before => done.parse::<u64>().ok(),
                _ => None,
            });
            safe = safe.max(old.max().unwrap_or(0));
        }
        self.least = spent + safe * COST;
        self.most = spent + begun * COST;
    }
}

/// Reads what a process says, and tells when it is up.
fn listen(out: ChildStdout, up: &std::sync::mpsc::Sender<()>) -> Vec<String> {
    let mut reader = BufReader::new(out);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        // The last line may be cut off in the middle: what it says was not said.
        if reader.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            return lines;
        }
        let line = line.trim_end().to_owned();
        if line.starts_with("up ") {
            // Nobody waits where it is to be killed before.
            let _ = up.send(());
        }
        lines.push(line);
    }
}

#[test]
fn a_process_that_is_killed_200_times_loses_no_key_and_at_most_a_second_of_spend() {
    // What is written survives a killed process in memory too, and there no other load makes a second long.
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let folder = folder.path().join("state");
    let mut rng = fastrand::Rng::with_seed(6);
    let mut known = Known { most: 0, ..Known::default() };
    for number in 0..KILLS {
        let mut child = known.begin(&folder);
        let (up, is_up) = std::sync::mpsc::channel();
        let out = child.stdout.take().unwrap();
        let listener = thread::spawn(move || listen(out, &up));
        // Some are killed while they open the store or make it. Of the others most live shortly, and some longer than a
        // second, so that there is something to lose.
        match number % 10 {
            0 => thread::sleep(Duration::from_millis(rng.u64(0..40))),
            _ => {
                is_up.recv_timeout(Duration::from_mins(1)).expect("it opens the store");
                thread::sleep(Duration::from_secs_f64(0.01 + 1.4 * rng.f64().powi(10)));
            }
        }
        let killed = nanos();
        child.kill().unwrap();
        child.wait().unwrap();
        known.take_in(&listener.join().unwrap(), killed);
    }
    // The last one's words are checked too.
    let state = state(&folder);
    let spent: u64 = state.keys().iter().map(|key| key.spent_this_month_nano_dollars).sum();
    assert!((known.least..=known.most).contains(&spent));
    assert!(known.keys.len() > KILLS as usize && known.keys.values().any(|revoked| *revoked));
    assert!(spent > u64::from(KILLS) * COST, "there was a load: {spent}");
    println!("{} keys, {spent} nano-dollars, {} last seconds looked at", known.keys.len(), known.seconds);
}
