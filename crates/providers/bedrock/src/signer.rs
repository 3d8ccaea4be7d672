//! Signs requests as AWS wants it (version 4).

use std::{fmt, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign},
    sign::v4,
};
use ultraai_core::{Error, ErrorKind, Result, async_trait};
use ultraai_wire::{Authorizer, Unsigned};

use crate::credentials::Keys;

/// The service's name in signatures.
const SERVICE: &str = "bedrock";

/// Signs requests with one pair of keys.
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    service: &'static str,
    now: fn() -> SystemTime,
}

impl Signer {
    /// A signer for the models of `region`.
    pub(crate) fn new(keys: &Keys, region: String) -> Self {
        let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
        let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
        let credentials = Credentials::new(id, secret, token, None, "ultraai");
        Self { credentials, region, service: SERVICE, now: SystemTime::now }
    }
}

// The keys are never printed.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authorizer for Signer {
    async fn authorize(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time((self.now)())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| broken("its parameters are not complete").with_source(error))?;
        let Unsigned { method, url, headers, body } = *request;
        let signable = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body))
            .map_err(|error| broken("its address or its headers are not plain").with_source(error))?;
        let signed = sign(signable, &SigningParams::V4(params))
            .map_err(|error| broken("its address or its headers are not plain").with_source(error))?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers().filter_map(|(name, value)| {
            let known = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
            let name = known.into_iter().find(|known| name.eq_ignore_ascii_case(known))?;
            Some((name, value.to_owned()))
        });
        Ok(headers.collect())
    }
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the request cannot be signed: {why}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ultraai_core::Secret;

    use super::*;

    fn signer(service: &'static str, session_token: Option<&str>) -> Signer {
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap(),
            session_token: session_token.map(|token| Secret::new(token).unwrap()),
        };
        // 2015-08-30 at 12:36:00 in UTC.
        let now = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        Signer { service, now, ..Signer::new(&keys, "us-east-1".into()) }
    }

    async fn signed(signer: &Signer, request: Unsigned<'_>) -> Vec<(&'static str, String)> {
        signer.authorize(&request).await.unwrap()
    }

    fn header(headers: &[(&'static str, String)], name: &str) -> String {
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[tokio::test]
    async fn the_signatures_that_aws_publishes_come_out() {
        // `get-vanilla` and `post-vanilla` of AWS's test suite for version 4, and their credentials.
        for (method, expected) in [
            ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ] {
            let request = Unsigned { method, url: "https://example.amazonaws.com/", headers: &[], body: b"" };
            let headers = signed(&signer("service", None), request).await;
            assert_eq!(header(&headers, "x-amz-date"), "20150830T123600Z");
            let authorization = header(&headers, "authorization");
            let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=";
            assert_eq!(authorization, format!("{scope}{expected}"));
        }
    }

    #[tokio::test]
    async fn an_escaped_model_is_escaped_once_more_in_what_is_signed() {
        let request = Unsigned {
            method: "POST",
            url: "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%2Fm-v1%3A0/converse",
            headers: &[],
            body: b"{\"messages\":[]}",
        };
        let headers = signed(&signer(SERVICE, None), request).await;
        let authorization = header(&headers, "authorization");
        // Computed by hand with HMAC, from the rules of
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
        let expected = "d4299fae3decf7412e35658f873ff6bcd8b7574e51f5a11fa1cb7d035a4807e6";
        assert!(authorization.ends_with(&format!("Signature={expected}")), "{authorization}");
    }

    #[tokio::test]
    async fn a_session_s_token_is_sent_and_no_key_is_printed() {
        let signer = signer(SERVICE, Some("session-hunter2"));
        let request =
            Unsigned { method: "POST", url: "http://localhost:1/", headers: &[("x-a", "b")], body: b"" };
        let headers = signed(&signer, request).await;
        assert_eq!(header(&headers, "x-amz-security-token"), "session-hunter2");
        assert!(
            header(&headers, "authorization")
                .contains("SignedHeaders=host;x-a;x-amz-date;x-amz-security-token")
        );
        let text = format!("{signer:?}");
        assert!(!text.contains("EXAMPLE") && !text.contains("hunter2"), "{text}");
    }
}
