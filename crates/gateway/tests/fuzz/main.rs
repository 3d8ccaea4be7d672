//! Malformed requests of every kind: nothing panics, no status says that we failed, and every refusal is one in the words of its
//! protocol.
//!
//! `ULTRAAI_FUZZ_REQUESTS` and `ULTRAAI_FUZZ_SEED` set how many are sent, and which.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod able;
mod heads;
mod mutation;
mod samples;
mod sockets;
mod verdict;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use axum::{Router, body::Body, http::Request};
use fastrand::Rng;
use tower::ServiceExt as _;
use ultraai_gateway::{App, Metrics, State, router};
use ultraai_settings::{Settings, Sources};

use self::samples::{SAMPLES, Sample};

/// Requests of one run, as the gateway must bear them.
const REQUESTS: u64 = 200_000;

/// Providers that never fail, so that every failure is the caller's or ours.
const SETTINGS: &str = r#"
[orchestrator]
strategy = "fallback"

[providers.able]
type = "able"
model = "able-1"
weight = 2

[providers.mock]
type = "mock"
model = "m"
answer = "Grass, mostly."
"#;

fn set(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn settings(folder: &std::path::Path) -> Settings {
    let registry = ultraai::Registry::linked().unwrap();
    let file = folder.join("ultraai.toml");
    std::fs::write(&file, SETTINGS).unwrap();
    let mut sources = Sources::new(ultraai::Lookup::empty());
    sources.file = Some(file);
    let mut settings = Settings::load(&sources, &registry).await.unwrap();
    settings.gateway.access_log = false;
    settings
}

async fn app() -> Arc<App> {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path()).await;
    Arc::new(App::new(settings, State::in_memory(), Metrics::default()).unwrap())
}

#[test]
fn no_bytes_of_a_caller_are_taken_for_a_fault_of_ours() {
    let (requests, seed) = (set("ULTRAAI_FUZZ_REQUESTS", REQUESTS), set("ULTRAAI_FUZZ_SEED", 0x5eed));
    let threads = thread::available_parallelism().map_or(2, usize::from).min(8) as u64;
    let share = requests.div_ceil(threads);
    let workers: Vec<_> =
        (0..threads).map(|worker| thread::spawn(move || send(share, seed.wrapping_add(worker)))).collect();
    let tallies: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (sent, refused) = (sum(|tally| tally.sent), sum(|tally| tally.refused));
    println!("{sent} requests from the seed {seed}: {refused} were refused, {} answered", sent - refused);
    let wrong: Vec<_> = tallies.iter().flat_map(|tally| &tally.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(sent >= requests && refused > sent / 4 && refused < sent, "the mutations are no good ones");
}

#[test]
fn the_samples_are_valid_ones() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let router = runtime.block_on(async { router(app().await) });
    for sample in SAMPLES {
        let request = Request::post(sample.path).body(Body::from(sample.body)).unwrap();
        let (status, _, answer) = runtime.block_on(answer(&router, request));
        assert_eq!(status, 200, "{}: {}", sample.path, String::from_utf8_lossy(&answer));
    }
}

/// What came of some requests.
#[derive(Default)]
struct Tally {
    sent: u64,
    refused: u64,
    /// The first answers that were no good ones.
    wrong: Vec<String>,
}

/// So many wrong answers are enough to see what is wrong.
const ENOUGH: usize = 5;

fn send(requests: u64, seed: u64) -> Tally {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let router = runtime.block_on(async { router(app().await) });
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    for number in 0..requests {
        let sample = &SAMPLES[random.usize(..SAMPLES.len())];
        let body = mutation::body(&mut random, sample.body.as_bytes());
        let (request, shown) = request(&mut random, sample, body.clone());
        let path = request.uri().path().to_owned();
        let told = |what: &str| {
            let text = String::from_utf8_lossy(&body);
            format!("number {number} of the seed {seed}: {what}\n{shown}\n{text}")
        };
        let answered = catch_unwind(AssertUnwindSafe(|| runtime.block_on(answer(&router, request))));
        tally.sent += 1;
        let judged = match answered {
            Ok((status, head, answer)) => {
                tally.refused += u64::from(!(200..300).contains(&status));
                verdict::judge(&path, status, &head, &answer)
            }
            Err(_) => Err("it panicked".to_owned()),
        };
        tally.wrong.extend(judged.err().map(|wrong| told(&wrong)));
        if tally.wrong.len() >= ENOUGH {
            break;
        }
    }
    tally
}

fn request(random: &mut Rng, sample: &Sample, body: Vec<u8>) -> (Request<Body>, String) {
    let (method, path) = heads::line(random, sample.path);
    let mut request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    heads::spoil(random, request.headers_mut());
    let shown = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
    (request, shown)
}

async fn answer(router: &Router, request: Request<Body>) -> (u16, axum::http::HeaderMap, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, body.to_vec())
}
