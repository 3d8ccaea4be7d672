//! Many requests on one connection, and many connections.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use ultraai_gateway::{ServeOptions, Server as Listening};
use ultraai_testkit::{Server, openai, refusing_url};

use crate::support::{Gateway, SOON, app, chat, get, read_answer, rest};

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let upstream = Server::always(openai::answer("hello"));
    let gateway = Gateway::start(&upstream.url(), |_| {});
    let mut stream = gateway.connect();
    for _ in 0..3 {
        stream.write_all(chat(false).as_bytes()).unwrap();
        let answer = read_answer(&mut stream);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("hello"), "{answer:?}");
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (3, 1));
}

#[test]
fn a_head_that_is_asked_for_alone_comes_alone() {
    let gateway = Gateway::start(&refusing_url(), |_| {});
    let mut stream = gateway.connect();
    stream.write_all(b"HEAD /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 3\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn requests_that_come_at_once_are_answered_in_their_order() {
    let upstream = Server::always(openai::stream(["one", "two"]).paced(Duration::from_millis(5)));
    let gateway = Gateway::start(&upstream.url(), |_| {});
    let mut stream = gateway.connect();
    stream.write_all([chat(true), get("/healthz"), chat(true)].concat().as_bytes()).unwrap();
    let answers: Vec<_> = (0..3).map(|_| read_answer(&mut stream)).collect();
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert!(answers[0].body.contains("two") && answers[2].body.contains("two"), "{answers:?}");
    assert_eq!(answers[1].body, "ok\n");
}

#[test]
fn a_caller_is_told_that_the_connection_ends_where_a_body_is_left_unread() {
    let gateway = Gateway::start(&refusing_url(), |_| {});
    let mut stream = gateway.connect();
    let (head, body) = ("POST /nowhere HTTP/1.1\r\nhost: localhost\r\n", "what nobody reads");
    let length = format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all([head, &length].concat().as_bytes()).unwrap();
    let answer = read_answer(&mut stream);
    assert_eq!((answer.status, answer.header("connection")), (404, Some("close")), "{answer:?}");
    // Without a body there is nothing in the way of the next one.
    let mut stream = gateway.connect();
    for _ in 0..2 {
        stream.write_all([head, "content-length: 0\r\n\r\n"].concat().as_bytes()).unwrap();
        let answer = read_answer(&mut stream);
        assert_eq!((answer.status, answer.header("connection")), (404, None), "{answer:?}");
    }
}

#[test]
fn workers_share_a_port_and_each_answers() {
    let upstream = Server::always(openai::answer("hello"));
    let gateway = Gateway::start(&upstream.url(), |gateway| gateway.workers = Some(2));
    let mut streams: Vec<TcpStream> = (0..40).map(|_| gateway.connect()).collect();
    for _ in 0..2 {
        for stream in &mut streams {
            stream.write_all(chat(false).as_bytes()).unwrap();
        }
        for stream in &mut streams {
            assert_eq!(read_answer(stream).status, 200);
        }
    }
    assert_eq!(upstream.requests().len(), 80);
}

#[test]
fn beyond_the_cap_a_connection_waits_until_another_one_ends() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_connections = 2);
    let ask = |stream: &mut TcpStream| stream.write_all(get("/healthz").as_bytes()).unwrap();
    let mut streams: Vec<TcpStream> = (0..4).map(|_| gateway.connect()).collect();
    streams.iter_mut().for_each(ask);
    for stream in &mut streams[..2] {
        assert_eq!(read_answer(stream).status, 200);
    }
    let mut late = streams.pop().unwrap();
    late.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    let nothing = late.read(&mut [0]).unwrap_err();
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
    late.set_read_timeout(Some(SOON)).unwrap();
    streams.truncate(1);
    assert_eq!(read_answer(&mut late).status, 200);
}

#[test]
fn a_caller_who_left_before_anybody_looked_is_in_the_access_log_all_the_same() {
    let (gateway, log) = Gateway::logging(&refusing_url(), |gateway| gateway.max_connections = 1);
    let named = |request: String, id: &str| {
        request.replacen("host: ", &format!("x-request-id: {id}\r\nhost: "), 1).into_bytes()
    };
    // It has the only place, so that the others are looked at once they have gone.
    let first = gateway.connect();
    let (get, half) = (named(get("/v1/models"), "get"), named(get("/v1/models"), "half"));
    for request in [&named(chat(true), "post")[..], &get, &half[..half.len() - 2], b"", &get] {
        gateway.connect().write_all(request).unwrap();
    }
    drop(first);
    let lines = log.lines(3);
    let told: Vec<_> = lines.iter().map(|line| (&line["request_id"], &line["path"])).collect();
    let models = (&json!("get"), &json!("/v1/models"));
    assert_eq!(told, [(&json!("post"), &json!("/v1/chat/completions")), models, models]);
    for line in &lines {
        assert_eq!((&line["status"], &line["client_gone"]), (&Value::Null, &json!(true)), "{line}");
    }
}

#[test]
fn what_the_process_does_besides_runs_once_and_ends_with_the_server() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(10, Ordering::SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let counts = Counts(Arc::clone(&count));
    let (begun, begins) = std::sync::mpsc::channel();
    let mut options = ServeOptions::default();
    options.tasks.push(Box::pin(async move {
        counts.0.fetch_add(1, Ordering::SeqCst);
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    }));
    let mut gateway = Gateway::with_options(&refusing_url(), |gateway| gateway.workers = Some(3), options);
    begins.recv_timeout(SOON).unwrap();
    gateway.app.stop();
    gateway.ended().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 11);
}

#[test]
fn without_keys_it_listens_on_this_machine_only() {
    let app = Arc::new(app(&refusing_url(), |gateway| gateway.listen = "0.0.0.0:0".parse().unwrap()));
    let error = Listening::bind(app).unwrap_err();
    assert!(error.to_string().contains("ultraai keys create"), "{error}");
}
