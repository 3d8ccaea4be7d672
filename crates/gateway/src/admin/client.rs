//! The side of the commands.

use std::{fmt, io::ErrorKind as IoKind, path::Path, time::Duration};

use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use ultraai::{Error, ErrorKind, Result};

use super::SOCKET;
use crate::{KeyTerms, KeyView};

/// How long a running server may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than any list of keys.
const LARGEST: usize = 256 << 20;

/// A running server, by its admin socket.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    socket: String,
}

/// A new key, with the token that is shown once. It has no `Debug` of that.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Created {
    /// What is known of it.
    pub key: KeyView,
    /// What callers send.
    pub token: String,
}

impl fmt::Debug for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Created").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Created {
    /// A new key that no server made.
    pub fn new(key: KeyView, token: impl Into<String>) -> Self {
        Self { key, token: token.into() }
    }
}

/// What a running server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The process's number.
    pub process: u32,
    /// Whether callers need a key.
    pub demands_key: bool,
}

/// The names that requests may give as their model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Models {
    /// Orchestrators, aliases, providers, and the models of embeddings that are known by their own names.
    pub models: Vec<String>,
    /// The providers, each of which has models besides, as `PROVIDER/MODEL`.
    pub providers: Vec<String>,
}

impl Models {
    /// Whether a request, or the terms of a key, may name `model`: whether a provider has it is not asked.
    pub fn know(&self, model: &str) -> bool {
        let of_provider = model.split_once('/').map(|(provider, _)| provider);
        self.models.iter().any(|known| known == model)
            || of_provider.is_some_and(|provider| self.providers.iter().any(|known| known == provider))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) keys: Vec<KeyView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) error: Fault,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) kind: String,
    pub(super) message: String,
}

impl Client {
    /// The server that runs with the state in `folder`; `None` where none does.
    ///
    /// # Errors
    /// `Config` where the socket is another user's.
    pub async fn find(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(SOCKET);
        let socket = path.display().to_string();
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Some(Self { stream, socket })),
            Err(error) if error.kind() == IoKind::PermissionDenied => {
                let message = format!("{socket} may not be opened: ask as the user who runs the server");
                Err(Error::new(ErrorKind::Config, message).with_source(error))
            }
            // There is none, nobody answers, or the path is longer than any socket's.
            Err(_) => Ok(None),
        }
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// Where it does not answer as it should.
    pub async fn status(self) -> Result<Status> {
        self.ask(Method::GET, "/status", Vec::new()).await
    }

    /// The names that requests may give as their model.
    ///
    /// # Errors
    /// Where the server does not answer as it should, as one of an older version, which does not know the request.
    pub async fn models(self) -> Result<Models> {
        self.ask(Method::GET, "/models", Vec::new()).await
    }

    /// Makes a key.
    ///
    /// # Errors
    /// As [`State::create_key`](crate::State::create_key), and where the server does not answer as it should.
    pub async fn create_key(self, terms: &KeyTerms) -> Result<Created> {
        let unwritten =
            |error| Error::new(ErrorKind::Config, "the terms cannot be written as JSON").with_source(error);
        let body = serde_json::to_vec(terms).map_err(unwritten)?;
        self.ask(Method::POST, "/keys", body).await
    }

    /// Every key.
    ///
    /// # Errors
    /// Where the server does not answer as it should.
    pub async fn keys(self) -> Result<Vec<KeyView>> {
        let Listed { keys } = self.ask(Method::GET, "/keys", Vec::new()).await?;
        Ok(keys)
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// As [`State::revoke_key`](crate::State::revoke_key), and where the server does not answer as it should.
    pub async fn revoke_key(self, id: &str) -> Result<KeyView> {
        // An id is letters and digits; what else somebody typed would mean another address.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(crate::state::no_key(id));
        }
        self.ask(Method::DELETE, &format!("/keys/{id}"), Vec::new()).await
    }

    /// Asks something that `more` of [`listen`](super::listen) answers with JSON.
    ///
    /// # Errors
    /// What the server says, and where it does not answer as it should.
    pub async fn ask<T: DeserializeOwned>(self, method: Method, path: &str, body: Vec<u8>) -> Result<T> {
        let socket = self.socket.clone();
        let silent = |what: &str| {
            let message = format!("the server on {socket} {what}: is it of this version, and healthy?");
            Error::new(ErrorKind::ServerError, message)
        };
        let asked = tokio::time::timeout(TIMEOUT, self.exchange(method, path, body)).await;
        let (is_good, bytes) = asked
            .map_err(|_| silent("did not answer in 10 seconds"))?
            .map_err(|error| silent("broke off").with_source(std::io::Error::other(error)))?;
        let strange = |error: serde_json::Error| silent("answered what is not understood").with_source(error);
        if is_good {
            return serde_json::from_slice(&bytes).map_err(strange);
        }
        let Failed { error: Fault { kind, message } } = serde_json::from_slice(&bytes).map_err(strange)?;
        let kind = serde_json::from_value(kind.into()).unwrap_or(ErrorKind::ServerError);
        Err(Error::new(kind, message))
    }

    async fn exchange(
        self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(bool, Vec<u8>), axum::BoxError> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.stream)).await?;
        let request =
            Request::builder().method(method).uri(path).header("host", "localhost").body(Body::from(body))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let is_good = response.status().is_success();
            let body = Limited::new(response.into_body(), LARGEST).collect().await?;
            Ok((is_good, body.to_bytes().to_vec()))
        };
        // When the connection ends what is asked through it ends too, with what came or with an error.
        let connection = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = connection => unreachable!("it is pending for ever"),
        }
    }
}
