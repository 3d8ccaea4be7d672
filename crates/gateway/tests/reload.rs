//! Settings that are read again while the gateway serves.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{body::Body, http::Request, response::Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{
    sync::{MutexGuard, Notify, oneshot},
    task::JoinSet,
};
use tower::ServiceExt as _;
use ultraai::{Lookup, Registry};
use ultraai_gateway::{App, Metrics, State, reload, router};
use ultraai_settings::{LocalServers, Settings, Sources};
use ultraai_testkit::{Reply, Server};

/// Nothing here waits so long unless it is broken.
const LONG: Duration = Duration::from_secs(30);

const TAKEN: &str = "the settings were read again and are in force";

const REFUSED: &str = "the settings were not taken, and those in force stay: ";

/// A signal reaches every gateway of the process, so there is one at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What was told.
#[derive(Clone, Default)]
struct Told {
    lines: Arc<Mutex<Vec<String>>>,
    more: Arc<Notify>,
}

impl Told {
    fn push(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
        self.more.notify_one();
    }

    /// Takes the next line, which holds `text`.
    async fn next(&self, text: &str) -> String {
        let next = async {
            loop {
                let line = {
                    let mut lines = self.lines.lock().unwrap();
                    (!lines.is_empty()).then(|| lines.remove(0))
                };
                match line {
                    Some(line) => return line,
                    None => self.more.notified().await,
                }
            }
        };
        let line = tokio::time::timeout(LONG, next).await.unwrap_or_else(|_| panic!("{text:?} was not told"));
        assert!(line.contains(text), "{line}");
        line
    }
}

/// A gateway over a settings file, which is watched until this is dropped.
struct Gateway {
    app: Arc<App>,
    told: Told,
    stop: Option<oneshot::Sender<()>>,
    watching: JoinSet<()>,
    _alone: MutexGuard<'static, ()>,
}

impl Gateway {
    async fn over(folder: &Path) -> Self {
        let alone = ALONE.lock().await;
        let mut sources = Sources::new(Lookup::empty());
        folder.clone_into(&mut sources.folder);
        sources.local_servers = LocalServers::none();
        let settings = Settings::load(&sources, &Registry::linked().unwrap()).await.unwrap();
        let app = Arc::new(App::new(settings, State::in_memory(), Metrics::default()).unwrap());
        let (told, (stop, stopped)) = (Told::default(), oneshot::channel::<()>());
        let own = told.clone();
        let shutdown = async {
            let _ = stopped.await;
        };
        let mut watching = JoinSet::new();
        watching.spawn(reload::watch_and_tell(Arc::clone(&app), sources, shutdown, move |line| {
            own.push(line);
        }));
        Self { app, told, stop: Some(stop), watching, _alone: alone }
    }

    async fn ask(&self, model: &str, stream: bool) -> Response {
        let message = json!({ "role": "user", "content": "hi" });
        let body = json!({ "model": model, "stream": stream, "messages": [message] });
        let request = Request::post("/v1/chat/completions").body(Body::from(body.to_string())).unwrap();
        router(Arc::clone(&self.app)).oneshot(request).await.unwrap()
    }

    /// The answer's text, or the error's.
    async fn said(&self, model: &str) -> String {
        let response = self.ask(model, false).await;
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let text = body.pointer("/choices/0/message/content").or(body.pointer("/error/message"));
        text.and_then(Value::as_str).unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

/// An upstream that says so.
fn saying(text: &'static str) -> Server {
    Server::always(Reply::json(
        200,
        &json!({
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 }
        }),
    ))
}

fn provider(name: &str, upstream: &Server) -> String {
    let url = upstream.url();
    format!(
        "[providers.{name}]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{url}/v1\"\nmax_retries = 0\n"
    )
}

fn hang_up() {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
}

#[tokio::test]
async fn whatever_way_the_file_changes_it_is_read_again() {
    let (one, two) = (saying("one"), saying("two"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // As a mounted folder has it: the file is a link into a folder that is itself a link.
    for (name, upstream) in [("first", &one), ("second", &two)] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("ultraai.toml"), provider("a", upstream)).unwrap();
    }
    std::os::unix::fs::symlink("first", at("data")).unwrap();
    std::os::unix::fs::symlink("data/ultraai.toml", at("ultraai.toml")).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    assert_eq!(gateway.said("default").await, "one");

    std::os::unix::fs::symlink("second", at("data.new")).unwrap();
    fs::rename(at("data.new"), at("data")).unwrap();
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("default").await, "two");

    // As an editor does it: a new file is renamed over the old one.
    fs::write(at("new"), provider("a", &one)).unwrap();
    fs::rename(at("new"), at("ultraai.toml")).unwrap();
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("default").await, "one");

    // As many bytes at the same moment, as a file system with a coarse clock sees it.
    let text = provider("a", &one).replace("[providers.a]", "[providers.b]");
    let before = fs::metadata(at("ultraai.toml")).unwrap();
    let file = fs::OpenOptions::new().write(true).open(at("ultraai.toml")).unwrap();
    std::io::Write::write_all(&mut &file, text.as_bytes()).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(before.len(), fs::metadata(at("ultraai.toml")).unwrap().len());
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("b").await, "one");
    assert!(gateway.said("a").await.contains("no model `a` here"));
}

#[tokio::test]
async fn a_signal_has_the_settings_read_again_at_once() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    // No file was read, so nothing is looked at: only the signal can make the difference.
    let gateway = Gateway::over(folder.path()).await;
    assert!(gateway.said("a").await.contains("no model `a` here"));
    fs::write(folder.path().join("ultraai.toml"), provider("a", &upstream)).unwrap();
    hang_up();
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("a").await, "hello");
}

#[tokio::test]
async fn who_is_served_does_not_wait_for_a_file_that_comes_slowly() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("ultraai.toml"), provider("a", &upstream)).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    // It is read as fast as somebody writes it. A second name stays when the first one is given to a file again.
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    let text = provider("b", &upstream);
    fs::write(at("new"), &text).unwrap();
    fs::hard_link(at("pipe"), at("slow")).unwrap();
    let (is_read, reading) = oneshot::channel();
    let (is_served, served) = std::sync::mpsc::channel::<()>();
    let pipe = at("pipe");
    let writer = std::thread::spawn(move || {
        // It opens when somebody reads.
        let mut pipe = fs::OpenOptions::new().write(true).open(pipe).unwrap();
        is_read.send(()).unwrap();
        let was_served = served.recv_timeout(LONG / 3).is_ok();
        std::io::Write::write_all(&mut pipe, text.as_bytes()).unwrap();
        was_served
    });
    fs::rename(at("slow"), at("ultraai.toml")).unwrap();
    hang_up();
    reading.await.unwrap();
    assert_eq!(gateway.said("a").await, "hello");
    fs::rename(at("new"), at("ultraai.toml")).unwrap();
    // Where the worker waits for the file, this comes too late.
    let _ = is_served.send(());
    assert!(writer.join().unwrap(), "nobody was served while the file was read");
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("b").await, "hello");
}

#[tokio::test]
async fn a_broken_file_is_refused_and_the_old_settings_stay() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    let good = provider("a", &upstream);
    fs::write(&file, &good).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    for (broken, reason) in [
        (good.replace("model", "modle"), "ultraai.toml:3:1: unknown setting `modle`: did you mean `model`?"),
        (format!("{good}[providers.b"), "ultraai.toml:6:13: no TOML"),
        (
            format!("{good}[providers.b]\ntype = \"openai\"\nmodel = \"x\"\n"),
            "no API key: set the variable OPENAI_API_KEY",
        ),
        (format!("{good}[gateway.aliases]\nx = \"y\"\n"), "neither an orchestrator nor a provider"),
        (String::new(), "ultraai.toml held something and is empty now"),
        ("[gateway]\nkeep_alive_seconds = 3\n".to_owned(), "no provider stands in"),
    ] {
        fs::write(&file, broken).unwrap();
        let line = gateway.told.next(REFUSED).await;
        assert!(line.contains(reason), "{line}");
        assert_eq!(gateway.said("a").await, "hello");
    }
    fs::remove_file(&file).unwrap();
    let line = gateway.told.next(REFUSED).await;
    assert!(line.contains("ultraai.toml is not there"), "{line}");
    assert_eq!(gateway.said("a").await, "hello");

    fs::write(&file, good.replace("providers.a", "providers.c")).unwrap();
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("c").await, "hello");
}

#[tokio::test]
async fn a_signal_that_meets_a_file_being_written_waits_for_its_end() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    fs::write(&file, provider("a", &upstream)).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    let whole = format!("{}{}", provider("b", &upstream), provider("c", &upstream));
    // Its start is a whole file too, and empty at first.
    fs::write(&file, "").unwrap();
    hang_up();
    for (at, _) in whole.match_indices('\n') {
        tokio::time::sleep(Duration::from_millis(10)).await;
        fs::write(&file, &whole[..=at]).unwrap();
    }
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("c").await, "hello");
}

#[tokio::test]
async fn a_file_that_is_gone_again_leaves_what_it_set_up() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    let gateway = Gateway::over(folder.path()).await;
    fs::write(&file, provider("a", &upstream)).unwrap();
    hang_up();
    gateway.told.next(TAKEN).await;
    fs::remove_file(&file).unwrap();
    hang_up();
    let line = gateway.told.next(REFUSED).await;
    assert!(line.contains("ultraai.toml is not there"), "{line}");
    assert_eq!(gateway.said("a").await, "hello");
}

#[tokio::test]
async fn a_file_that_lacks_another_one_is_taken_once_that_is_there() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    let text = provider("a", &upstream);
    fs::write(&file, &text).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    let renamed = text.replace("providers.a", "providers.b");
    fs::write(&file, format!("{renamed}[prices]\nfile = \"prices.toml\"\n")).unwrap();
    let line = gateway.told.next(REFUSED).await;
    assert!(line.contains("prices.toml is not there"), "{line}");
    fs::write(folder.path().join("prices.toml"), "[compatible]\nm = { input = 1, output = 1 }\n").unwrap();
    // The reason is told once, so this is what is told next.
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("b").await, "hello");
}

#[tokio::test]
async fn a_stream_under_way_ends_as_it_began() {
    let chunk = |text: &str, end: Value| {
        let delta = json!({ "role": "assistant", "content": text });
        json!({
            "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": end }]
        })
        .to_string()
    };
    let mut events: Vec<_> = (0..20).map(|number| chunk(&format!("<{number}>"), Value::Null)).collect();
    events.push(chunk("", json!("stop")));
    events.push("[DONE]".to_owned());
    // It lasts longer than the gateway takes to notice the file.
    let slow = Server::always(Reply::sse(events).paced(Duration::from_millis(200)));
    let other = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    fs::write(&file, provider("slow", &slow)).unwrap();
    let gateway = Gateway::over(folder.path()).await;

    let mut body = gateway.ask("slow", true).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    fs::write(&file, provider("other", &other)).unwrap();
    hang_up();
    gateway.told.next(TAKEN).await;
    assert!(!text.contains("<19>"), "it was under way still");
    assert_eq!(gateway.said("other").await, "hello");
    assert!(gateway.said("slow").await.contains("no model `slow` here"));
    while let Some(frame) = body.frame().await {
        text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
    }
    for number in 0..20 {
        assert!(text.contains(&format!("<{number}>")), "{text}");
    }
    assert!(text.contains("data: [DONE]"), "{text}");
}

#[tokio::test]
async fn what_was_spent_and_the_connections_of_a_provider_outlast_a_reload() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    // An answer costs two dollars, and the day's money is enough for one and what is reserved for it.
    let text = |more: &str| {
        format!(
            "{}price = {{ input = 1, output = 1, request = 2 }}\n{more}[orchestrator]\ndaily_budget_dollars = 3\n",
            provider("a", &upstream)
        )
    };
    fs::write(&file, text("")).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    assert_eq!(gateway.said("a").await, "hello");
    for more in ["[gateway]\nkeep_alive_seconds = 3\n", "[layers.breaker]\nenabled = false\n"] {
        fs::write(&file, text(more)).unwrap();
        hang_up();
        gateway.told.next(TAKEN).await;
        assert_ne!(gateway.said("a").await, "hello");
        assert_eq!(upstream.requests().len(), 1, "the money of the day is spent, so nothing was sent");
    }
    fs::write(&file, text("").replace("dollars = 3", "dollars = 9")).unwrap();
    hang_up();
    gateway.told.next(TAKEN).await;
    assert_eq!(gateway.said("a").await, "hello");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn what_waits_for_a_restart_is_told() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    fs::write(&file, provider("a", &upstream)).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    let waiting = "[gateway]\nlisten = \"127.0.0.1:9\"\nworkers = 7\naliases.x = \"a\"\n";
    fs::write(&file, format!("{}{waiting}", provider("a", &upstream))).unwrap();
    gateway.told.next(TAKEN).await;
    gateway.told.next("what changed of `gateway.listen` and `gateway.workers` waits for a restart").await;
    assert_eq!(gateway.said("x").await, "hello", "all else is in force");
}

#[tokio::test]
async fn what_could_be_safer_is_told_of_settings_that_are_read_again() {
    let upstream = saying("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    fs::write(&file, provider("a", &upstream)).unwrap();
    let gateway = Gateway::over(folder.path()).await;
    let with_key = format!("{}api_key = \"sk-planted\"\n", provider("a", &upstream));
    fs::write(&file, &with_key).unwrap();
    gateway.told.next(TAKEN).await;
    let line = gateway.told.next("the key of `a` stands in the file: a variable is safer").await;
    assert!(!line.contains("planted"), "{line}");
    // It is told once: nothing stands between these two.
    for timeout in [7, 8] {
        fs::write(&file, format!("{with_key}[orchestrator]\ntimeout_seconds = {timeout}\n")).unwrap();
        gateway.told.next(TAKEN).await;
    }
}

#[tokio::test]
async fn the_watch_ends_when_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::over(folder.path()).await;
    drop(gateway.stop.take());
    let ended = tokio::time::timeout(LONG, gateway.watching.join_next()).await.unwrap();
    ended.unwrap().unwrap();
}
