//! Through a proxy, or around it.

use serde_json::json;
use ultraai_core::ErrorKind;
use ultraai_testkit::{Reply, Server, refusing_url};

use crate::support::{
    ask_of,
    proxy::{Manner, TestProxy},
    with_settings,
};

/// `user:pass word`.
const CREDENTIALS: &str = "Basic dXNlcjpwYXNzIHdvcmQ=";

#[tokio::test]
async fn a_proxy_that_is_named_holds_for_loopback_addresses_too() {
    let server = Server::always(Reply::json(200, &json!({})));
    let mut proxy = TestProxy::start(Manner::For(CREDENTIALS));
    let named = format!("http://user:pass%20word@{}", proxy.address);
    let provider = with_settings(&server.url(), json!({ "proxy": named }));
    assert_eq!(ask_of(&provider).await.unwrap().text(), "{}");
    assert_eq!(proxy.asked(), [format!("POST {}/chat HTTP/1.1", server.url())]);
    assert!(!format!("{provider:?}").contains("pass"), "{provider:?}");

    let direct = with_settings(&server.url(), json!({ "proxy": "none" }));
    assert_eq!(ask_of(&direct).await.unwrap().text(), "{}");
    assert_eq!((proxy.asked().len(), server.requests().len()), (0, 2));
}

#[tokio::test]
async fn wrong_credentials_are_the_proxys_own_error_and_reach_no_server() {
    let server = Server::always(Reply::json(200, &json!({})));
    let proxy = TestProxy::start(Manner::For(CREDENTIALS));
    for named in [proxy.url(), format!("http://user:hunter2@{}", proxy.address)] {
        let error = ask_of(&with_settings(&server.url(), json!({ "proxy": named }))).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, Some(407)));
        assert!(error.message().contains("`http.proxy`"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_refusal_of_the_proxy_is_told_by_its_status_and_reaches_no_server() {
    let server = Server::always(Reply::json(200, &json!({})));
    let refusing = TestProxy::start(Manner::Refusing);
    let error = ask_of(&with_settings(&server.url(), json!({ "proxy": refusing.url() }))).await.unwrap_err();
    assert_eq!((error.status(), server.connections()), (Some(403), 0));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let gone = refusing_url();
    let error = ask_of(&with_settings("http://127.0.0.1:9", json!({ "proxy": gone }))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let expected = format!(
        "no connection to 127.0.0.1:9 through the proxy {}: refused; is the server running there?",
        gone.trim_start_matches("http://")
    );
    assert_eq!(error.message(), expected);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_goes_through_a_tunnel_and_a_refusal_of_it_is_told() {
    use crate::support::http2::{Http2, Play};

    let server = Http2::start(&[Play::Answer]);
    let settings = |proxy: String| {
        let mut settings = server.settings();
        settings["proxy"] = proxy.into();
        settings
    };
    let mut proxy = TestProxy::start(Manner::For(CREDENTIALS));
    let named = format!("http://user:pass%20word@{}", proxy.address);
    assert_eq!(ask_of(&with_settings(&server.url(), settings(named))).await.unwrap().text(), "{}");
    let tunnel = format!("CONNECT {} HTTP/1.1", server.url().trim_start_matches("https://"));
    assert_eq!(proxy.asked(), [tunnel]);

    let error = ask_of(&with_settings(&server.url(), settings(proxy.url()))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");

    let refusing = TestProxy::start(Manner::Refusing);
    let error = ask_of(&with_settings(&server.url(), settings(refusing.url()))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.message().ends_with("the proxy refused to connect to it"), "{error}");
}
