//! Plays one fault.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::{Deed, Fault, Scene};
use crate::{Dialogue, Received, Reply, Server};

/// A loopback server that answers every request with one [`Fault`], in one protocol.
///
/// Like [`Server`] it wants a clock that is not paused.
#[derive(Debug)]
pub struct FaultyServer {
    fault: &'static Fault,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Serving(Server),
    /// A port that is held and not listened at, so that nobody else can answer there.
    Refusing(SocketAddr, #[expect(dead_code, reason = "it holds the port")] TcpSocket),
}

impl FaultyServer {
    /// The model that it answers as.
    pub const MODEL: &'static str = "test-model";
    /// The right answer, in the pieces that a live one comes in. Some of its characters are of several bytes.
    pub const TEXTS: [&'static str; 3] = ["Grass, and ", "clover", ", mostly: ‘żółw’ 🦓."];

    /// A server of `fault` that speaks `dialogue`, such as `&OpenAiChat`.
    ///
    /// # Panics
    /// When the protocol has no such fault: [`faults_of`](super::faults_of) lists those it has.
    pub fn start(dialogue: &'static dyn Dialogue, fault: &'static Fault) -> Self {
        let place = match (fault.does)(&Scene::sample(dialogue, false)) {
            Deed::Refuse => Self::refusing(),
            Deed::HangUp => Place::Serving(Server::hanging_up()),
            Deed::Reply(_) | Deed::Lacking(_) => {
                if let Some(reason) = fault.lacking_in(dialogue) {
                    panic!("{dialogue:?} has no fault `{}`: {reason}", fault.name);
                }
                Place::Serving(Server::answering(move |request| reply(dialogue, fault, request)))
            }
        };
        Self { fault, place }
    }

    fn refusing() -> Place {
        let socket = TcpSocket::new_v4().expect("a socket can be opened");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a loopback port is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        Place::Refusing(address, socket)
    }

    /// The fault.
    pub fn fault(&self) -> &'static Fault {
        self.fault
    }

    /// Its address as a URL without a path: `http://127.0.0.1:PORT`. The dialogue's base path goes behind it, and before
    /// that may stand a path of one's own, by which several callers tell their requests apart.
    pub fn url(&self) -> String {
        match &self.place {
            Place::Serving(server) => server.url(),
            Place::Refusing(address, _) => format!("http://{address}"),
        }
    }

    /// Attempts that reached it: requests, or connections where it reads none. Refused ones are seen by nobody: 0.
    pub fn attempts(&self) -> usize {
        match &self.place {
            Place::Serving(server) => server.requests().len().max(match self.reads() {
                true => 0,
                false => server.connections(),
            }),
            Place::Refusing(..) => 0,
        }
    }

    /// Whether it reads requests.
    pub fn reads(&self) -> bool {
        let scene = Scene::sample(&crate::openai::OpenAiChat, false);
        !matches!((self.fault.does)(&scene), Deed::Refuse | Deed::HangUp)
    }

    /// The requests so far, in the order they came.
    pub fn requests(&self) -> Vec<Received> {
        match &self.place {
            Place::Serving(server) => server.requests(),
            Place::Refusing(..) => Vec::new(),
        }
    }
}

/// A loopback server that speaks `dialogue` and plays every fault that it has in turn: one at each `every`-th request, and right
/// answers between them. Faults of the connection itself are left out: a server that reads requests accepts each.
pub fn every_fault(dialogue: &'static dyn Dialogue, every: usize) -> Server {
    let plays = |fault: &&Fault| matches!((fault.does)(&Scene::sample(dialogue, false)), Deed::Reply(_));
    let mut turns = turns(super::faults_of(dialogue).filter(plays).collect(), every);
    Server::answering(move |request| reply(dialogue, turns(), request))
}

/// Each of the faults in turn, and one that ends in a right answer but for each `every`-th time.
pub(super) fn turns(faults: Vec<&'static Fault>, every: usize) -> impl FnMut() -> &'static Fault {
    let right = Fault::named("interim-response");
    let mut number = 0;
    move || {
        number += 1;
        match number % every.max(1) {
            0 => faults[(number / every.max(1) - 1) % faults.len()],
            _ => right,
        }
    }
}

fn reply(dialogue: &dyn Dialogue, fault: &Fault, request: &Received) -> Reply {
    let scene = Scene {
        dialogue,
        model: FaultyServer::MODEL,
        live: dialogue.wants_live(request),
        texts: &FaultyServer::TEXTS,
        path: &request.path,
    };
    match (fault.does)(&scene) {
        Deed::Reply(reply) => reply,
        other => panic!("`{}` is {other:?} for one request and a reply for another", fault.name),
    }
}
