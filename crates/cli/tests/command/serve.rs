//! `serve`.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr},
    time::Duration,
};

use ultraai_testkit::{End, Server, openai};

use crate::program::{Program, assert_error};

/// Long enough for a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(20);

/// A server that runs, and what it says.
struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
    greeting: String,
    address: String,
}

impl Running {
    fn start(program: &Program, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = program.command(&arguments).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("access key") {
            assert_ne!(err.read_line(&mut greeting).unwrap(), 0, "it ended: {greeting}");
        }
        let address = greeting.split("listening at http://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.unwrap_or_else(|| panic!("no address in {greeting}")).to_owned();
        Self { child, err, greeting, address }
    }

    fn ask(&self, is_live: bool) -> TcpStream {
        let body = format!(
            r#"{{"model":"default","messages":[{{"role":"user","content":"hi"}}],"stream":{is_live}}}"#
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let length = body.len();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// How it ended, and what it said in the end.
    #[cfg(unix)]
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn without_settings_it_serves_the_mock_and_says_so() {
    let running = Running::start(&Program::new(), &[]);
    for part in ["the mock answers, which is no model", "models: default, mock", "no access key is demanded"]
    {
        assert!(running.greeting.contains(part), "no `{part}` in {}", running.greeting);
    }
    let mut answer = String::new();
    running.ask(false).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"chat.completion\""), "{answer}");
}

#[test]
fn a_check_tells_what_would_be_served_and_serves_nothing() {
    let program = Program::with_server("http://127.0.0.1:9");
    let ran = program.run(&["serve", "--check", "--listen", "[::1]:8081", "--workers", "3"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    for part in [
        "http://[::1]:8081, 3 workers",
        "default, near",
        "compatible",
        "http://127.0.0.1:9/v1",
        "none, so only",
    ] {
        assert!(ran.out.contains(part), "no `{part}` in {}", ran.out);
    }
    assert!(!program.path(".local").exists(), "a check made a folder");
    let broken = Program::with_settings("[providers.near]\ntype = \"groq\"\n");
    assert_error(&broken.run(&["serve", "--check"]), 2, &["GROQ_API_KEY"]);
    assert_error(&broken.run(&["serve"]), 2, &["GROQ_API_KEY"]);
}

#[cfg(unix)]
#[test]
fn a_check_refuses_a_state_folder_that_the_server_would_refuse() {
    let program = Program::with_server("http://127.0.0.1:9");
    std::fs::write(program.path("file"), "").unwrap();
    let long = "a".repeat(120);
    let mut folders = vec!["file", "file/below", &long];
    if cfg!(target_os = "linux") {
        folders.extend(["/proc/foo/bar", "/sys/foo"]);
    }
    for folder in folders {
        let refused = program.run(&["serve", "--check", "--state", folder]);
        assert_error(&refused, 2, &[folder, "folder for keys"]);
        let serving = program.run(&["serve", "--state", folder]);
        assert_error(&serving, 2, &[folder, "folder for keys"]);
    }
    assert!(program.run(&["serve", "--check", "--state", "new/folder"]).code == Some(0));
    assert!(!program.path("new").exists(), "a check made a folder");
}

#[test]
fn a_check_beside_a_running_server_minds_neither_its_address_nor_its_keys() {
    let program = Program::with_server("http://127.0.0.1:9");
    let running = Running::start(&program, &[]);
    let ran = program.run(&["serve", "--check", "--listen", &running.address]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    // Nor does it make what is not there.
    let empty = program.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let ran = program.run(&["serve", "--check", "--listen", &running.address, "--state", "empty"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0, "a check made a file");
    let help = program.run(&["serve", "--help"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("does not listen and makes no files"), "{help}");
}

#[test]
fn without_keys_it_does_not_listen_for_other_machines() {
    let program = Program::new();
    for arguments in [&["serve", "--listen", "0.0.0.0:0"][..], &["serve", "--check", "--listen", "[::]:0"]] {
        assert_error(
            &program.run(arguments),
            2,
            &["without access keys", "ultraai keys create", "127.0.0.1"],
        );
    }
}

#[test]
fn an_address_that_cannot_be_had_is_told_with_what_to_do() {
    let program = Program::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for workers in ["1", "2"] {
        let ran = program.run(&["serve", "--listen", &address, "--workers", workers]);
        assert_error(&ran, 2, &[&address, "another program listens there", "--listen"]);
    }
    let ran = program.run(&["serve", "--listen", "localhost:80"]);
    assert_error(&ran, 2, &["--listen", "127.0.0.1:80"]);
    assert_eq!(program.run(&["serve", "--workers", "0"]).code, Some(2));
}

#[test]
fn a_probe_tells_whether_a_server_is_well() {
    let running = Running::start(&Program::new(), &[]);
    let (program, address) = (Program::new(), running.address.clone());
    let ran = program.run(&["serve", "--probe", "--listen", &address]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    drop(running);
    let ran = program.run(&["serve", "--probe", "--listen", &address]);
    assert!(ran.code == Some(1) && ran.err.contains(&address), "{ran:?}");
}

#[test]
fn a_key_for_a_model_that_the_server_does_not_know_is_made_with_a_word_of_that() {
    let program = Program::with_server("http://127.0.0.1:9");
    let running = Running::start(&program, &[]);
    let models = ["--model", "defualt", "--model", "near/*", "--model", "near/any", "--model", "naer/*"];
    let ran = program.run(&[&["keys", "create", "--name", "k"][..], &models].concat());
    assert!(ran.code == Some(0) && ran.out.starts_with("sk-ultraai-"), "{ran:?}");
    let notes: Vec<_> = ran.err.lines().filter(|line| line.starts_with("note: ")).collect();
    let unknown =
        |model, near| format!("note: the running server knows no model `{model}`: did you mean `{near}`?");
    assert_eq!(notes, [unknown("defualt", "default"), unknown("naer/*", "near/*")]);
    let ran = program.run(&["keys", "create", "--name", "k", "--model", "default"]);
    assert!(ran.code == Some(0) && !ran.err.contains("note: "), "{ran:?}");
    drop(running);
}

#[cfg(unix)]
#[test]
fn told_by_a_signal_it_reads_its_settings_again_and_refuses_broken_ones() {
    let upstream = Server::always(openai::answer("hello"));
    let program = Program::with_server(&upstream.url());
    let mut running = Running::start(&program, &["--workers", "2"]);
    let file = program.path("ultraai.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let asked = |running: &Running| {
        let mut answer = String::new();
        running.ask(false).read_to_string(&mut answer).unwrap();
        answer
    };
    let line = |running: &mut Running| {
        let mut line = String::new();
        running.err.read_line(&mut line).unwrap();
        line
    };
    // At once after it has said that it listens, and without a change of the file, so that it was the signal.
    running.signal("-HUP");
    assert_eq!(line(&mut running), "the settings were read again and are in force\n");
    std::fs::write(&file, good.replace("model", "modle")).unwrap();
    let said = line(&mut running);
    assert!(said.starts_with("the settings were not taken, and those in force stay: "), "{said}");
    assert!(said.contains("ultraai.toml:3:1: unknown setting `modle`: did you mean `model`?"), "{said}");
    assert!(asked(&running).contains("x-ultraai-provider: near"));
    std::fs::write(&file, good.replace("near", "other")).unwrap();
    running.signal("-HUP");
    assert_eq!(line(&mut running), "the settings were read again and are in force\n");
    assert!(asked(&running).contains("x-ultraai-provider: other"));
    running.signal("-TERM");
    let (code, said) = running.ended();
    // Where it listens was an argument and no change of the file.
    assert!(code == Some(0) && !said.contains("waits for a restart"), "{said}");
}

#[cfg(unix)]
#[test]
fn told_to_stop_it_finishes_a_stream_and_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let upstream = Server::always(openai::stream(["one", "two"]).paced(Duration::from_millis(100)));
        let mut running = Running::start(&Program::with_server(&upstream.url()), &["--workers", "2"]);
        let mut stream = running.ask(true);
        stream.read_exact(&mut [0; 12]).unwrap();
        running.signal(signal);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("two") && rest.contains("[DONE]"), "{rest}");
        let (code, said) = running.ended();
        assert!(code == Some(0) && !said.contains("waits for a restart"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn told_twice_it_does_not_wait() {
    let upstream =
        Server::always(openai::stream(["one"]).edited(|pieces| pieces.truncate(2)).ending(End::Hang));
    let mut running = Running::start(&Program::with_server(&upstream.url()), &[]);
    let mut stream = running.ask(true);
    stream.read_exact(&mut [0; 12]).unwrap();
    running.signal("-INT");
    // The first is obeyed when nobody is let in any more.
    while TcpStream::connect(&running.address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("-INT");
    assert_eq!(running.ended().0, Some(0));
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest);
    assert!(!rest.contains("[DONE]"), "{rest}");
}
