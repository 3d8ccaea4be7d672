//! The admin socket.

use std::{
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
};

use axum::{Router, routing::get};
use ultraai::ErrorKind;
use ultraai_gateway::{
    KeyStatus, KeyTerms, State,
    admin::{self, Client, Status},
};

async fn client(folder: &Path) -> Client {
    Client::find(folder).await.unwrap().unwrap()
}

/// Does something while a server listens.
async fn served(state: &State, folder: &Path, act: impl Future<Output = ()>) {
    let more = Router::new().route("/more", get(|| async { "7" }));
    let server = admin::listen(state, folder, more).unwrap();
    tokio::select! {
        () = server => panic!("it ended"),
        () = act => {}
    }
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_through_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let state = State::in_memory();
    served(&state, folder, async {
        let socket = folder.join(admin::SOCKET);
        assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        let status = client(folder).await.status().await.unwrap();
        assert_eq!((status.process, status.demands_key), (std::process::id(), false));
        let created = client(folder).await.create_key(&KeyTerms::new("k")).await.unwrap();
        assert!(created.token.starts_with(&format!("sk-ultraai-{}-", created.key.id)));
        assert!(!format!("{created:?}").contains(&created.token));
        assert_eq!(client(folder).await.keys().await.unwrap(), std::slice::from_ref(&created.key));
        let revoked = client(folder).await.revoke_key(&created.key.id).await.unwrap();
        assert_eq!(revoked.status, KeyStatus::Revoked);
        let more: u8 = client(folder).await.ask("GET".parse().unwrap(), "/more", Vec::new()).await.unwrap();
        assert_eq!(more, 7);
    })
    .await;
    assert_eq!(state.keys().len(), 1);
    assert!(Client::find(folder).await.unwrap().is_none(), "the socket went with the server");
}

#[tokio::test]
async fn the_socket_tells_which_names_a_request_may_give() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let state = State::in_memory();
    let app = crate::app(state.clone(), "http://127.0.0.1:9").await;
    let server = admin::listen(&state, folder, admin::models(app)).unwrap();
    let asked = async {
        let models = client(folder).await.models().await.unwrap();
        assert_eq!(models.models[..2], ["default", "near"]);
        assert_eq!(models.providers, ["near"]);
        for (name, is_known) in [
            ("default", true),
            ("near", true),
            ("near/*", true),
            ("near/any", true),
            ("nera", false),
            ("nera/*", false),
        ] {
            assert_eq!(models.know(name), is_known, "{name}");
        }
    };
    tokio::select! {
        () = server => panic!("it ended"),
        () = asked => {}
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    served(&State::in_memory(), folder, async {
        let error = client(folder).await.create_key(&KeyTerms::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("the name of a key"), "{error}");
        for id in ["abc", "", "../status", "a b"] {
            let error = client(folder).await.revoke_key(id).await.unwrap_err();
            assert_eq!(error.message(), format!("no key `{id}`: `ultraai keys list` shows the ids"));
        }
        let unknown =
            client(folder).await.ask::<Status>("GET".parse().unwrap(), "/nothing", Vec::new()).await;
        assert!(unknown.unwrap_err().message().contains("of the same version"));
        let unread = client(folder).await;
        let unread = unread.ask::<Status>("POST".parse().unwrap(), "/keys", b"{\"nmae\": 1}".to_vec()).await;
        assert!(unread.unwrap_err().message().contains("nmae"));
    })
    .await;
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_replaced_and_that_of_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let state = State::in_memory();
    // A listener that ends without taking its file along, as one whose process was killed.
    drop(UnixListener::bind(folder.join(admin::SOCKET)).unwrap());
    assert!(Client::find(folder).await.unwrap().is_none());
    served(&state, folder, async {
        client(folder).await.status().await.unwrap();
        let Err(error) = admin::listen(&state, folder, Router::new()) else { panic!("two answer there") };
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("another server answers on"), "{error}");
        client(folder).await.status().await.unwrap();
    })
    .await;
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    let long = folder.join("x".repeat(100)).join("y");
    std::fs::create_dir_all(&long).unwrap();
    let Err(error) = admin::listen(&state, &long, Router::new()) else { panic!("no socket has such a name") };
    assert!(error.message().contains("too long for a socket"), "{error}");
}
