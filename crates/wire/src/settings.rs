//! The settings that every provider over HTTP has in common.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use serde::Deserialize;
use ultraai_core::{Error, ErrorKind, Field, Result};

use crate::{Address, Endpoint, Limits, Proxy, TransportSettings};

/// The table `http` in the settings of a provider: how it is reached, and how much is read of its answers.
///
/// A provider lists [`HttpSettings::FIELD`] among its fields and has a member `http` of this type:
///
/// ```
/// use serde::Deserialize;
/// use ultraai_core::{BuildContext, Field, Lookup, ProviderId};
/// use ultraai_wire::HttpSettings;
///
/// const FIELDS: &[Field] = &[HttpSettings::FIELD];
///
/// #[derive(Default, Deserialize)]
/// #[serde(default)]
/// struct Settings {
///     http: HttpSettings,
/// }
///
/// let settings = serde_json::json!({ "http": { "proxy": "socks://localhost" } });
/// let context = BuildContext::new(ProviderId::new("mine")?, Lookup::empty());
/// let error = context.parse::<Settings>(settings, FIELDS).err().expect("it is no proxy of HTTP");
/// assert!(error.message().starts_with("wrong setting `http.proxy`: the proxy is no http or https address"));
/// # Ok::<_, ultraai_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpSettings {
    /// The proxy. Default: the one that the environment names.
    pub proxy: Proxy,
    /// Certificate authorities besides the platform's. Default: none.
    pub ca_file: Option<CaFile>,
    /// Upper bound of a whole answer. Default: as in [`Limits`].
    pub max_answer_bytes: Option<NonZeroUsize>,
    /// Upper bound of what is read of an error. Default: as in [`Limits`].
    pub max_error_bytes: Option<NonZeroUsize>,
    /// Upper bound of one event of a stream. Default: as in [`Limits`].
    pub max_frame_bytes: Option<NonZeroUsize>,
    /// Upper bound of a whole stream. Default: as in [`Limits`].
    pub max_stream_bytes: Option<NonZeroUsize>,
    /// Upper bound of the number of headers, up to 10,000. Default: as in [`TransportSettings`].
    pub max_headers: Option<HeaderCount>,
    /// Upper bound of all headers together. Default: as in [`TransportSettings`].
    pub max_header_bytes: Option<NonZeroUsize>,
}

impl HttpSettings {
    /// The table, as a provider lists it among its fields.
    pub const FIELD: Field = Field {
        name: "http",
        doc: "How it is reached and how much is read, such as { proxy = \"http://localhost:3128\" }: `proxy`, `ca_file`, `max_answer_bytes`, `max_error_bytes`, `max_frame_bytes`, `max_stream_bytes`, `max_headers`, `max_header_bytes`. Default: the environment's proxy, the platform's certificate authorities, 64 MiB for an answer, 256 MiB for a stream.",
    };

    /// The keys of the table.
    pub const FIELDS: &[Field] = &[
        Field {
            name: "proxy",
            doc: "The proxy, such as \"http://user:password@host:3128\", for loopback addresses too, or \"none\". Default: what the environment names, and none for loopback addresses.",
        },
        Field {
            name: "ca_file",
            doc: "A file of certificates (PEM) of authorities that are trusted besides the platform's; it is read at the first request. Default: none.",
        },
        Field { name: "max_answer_bytes", doc: "Upper bound of a whole answer. Default: 67108864." },
        Field {
            name: "max_error_bytes",
            doc: "Upper bound of what is read of an error's body; the rest is cut off. Default: 65536.",
        },
        Field { name: "max_frame_bytes", doc: "Upper bound of one event of a stream. Default: 16777216." },
        Field { name: "max_stream_bytes", doc: "Upper bound of a whole stream. Default: 268435456." },
        Field {
            name: "max_headers",
            doc: "Upper bound of the number of headers of an answer, 1 to 10000. Default: 100.",
        },
        Field {
            name: "max_header_bytes",
            doc: "Upper bound of the headers of an answer together. Default: 65536.",
        },
    ];

    /// The endpoint at `address` under these settings.
    pub fn endpoint(&self, connect_timeout: Duration, address: Address) -> Endpoint {
        let mut settings = TransportSettings::new(connect_timeout);
        settings.proxy = self.proxy.clone();
        settings.ca_file = self.ca_file.as_ref().map(|file| file.0.clone());
        settings.max_headers = self.max_headers.map_or(settings.max_headers, |count| count.0);
        settings.max_header_bytes =
            self.max_header_bytes.map_or(settings.max_header_bytes, NonZeroUsize::get);
        Endpoint::new(settings, address).with_limits(self.limits())
    }

    /// How much is read.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (limit, set) in [
            (&mut limits.body, self.max_answer_bytes),
            (&mut limits.error_body, self.max_error_bytes),
            (&mut limits.frame, self.max_frame_bytes),
            (&mut limits.stream, self.max_stream_bytes),
        ] {
            *limit = set.map_or(*limit, NonZeroUsize::get);
        }
        limits
    }
}

/// A number of headers. Room for all of them is made for every answer, so that it is bounded itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct HeaderCount(usize);

impl TryFrom<u64> for HeaderCount {
    type Error = Error;

    fn try_from(count: u64) -> Result<Self> {
        match usize::try_from(count) {
            Ok(count @ 1..=10_000) => Ok(Self(count)),
            _ => Err(Error::new(ErrorKind::Config, format!("it is {count}: it must be from 1 to 10000"))),
        }
    }
}

/// The path of a file of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CaFile(PathBuf);

impl TryFrom<String> for CaFile {
    type Error = Error;

    fn try_from(path: String) -> Result<Self> {
        if !cfg!(feature = "tls") {
            let message = "certificates mean nothing without TLS: enable the feature `tls`";
            return Err(Error::new(ErrorKind::Config, message));
        }
        match path.is_empty() {
            true => Err(Error::new(ErrorKind::Config, "the path is empty: name a file of certificates")),
            false => Ok(Self(path.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ultraai_core::{BuildContext, Lookup, ProviderId};

    use super::*;

    fn read(settings: Value) -> Result<HttpSettings> {
        let context = BuildContext::new(ProviderId::new("it").unwrap(), Lookup::empty());
        context.parse(settings, HttpSettings::FIELDS)
    }

    #[test]
    fn every_key_that_is_documented_is_read() {
        for field in HttpSettings::FIELDS {
            assert!(HttpSettings::FIELD.doc.contains(&format!("`{}`", field.name)), "{}", field.name);
            let value = match field.name {
                "proxy" => json!("none"),
                "ca_file" => json!("ca.pem"),
                _ => json!(7),
            };
            let settings = read(json!({ field.name: value }));
            let known = field.name != "ca_file" || cfg!(feature = "tls");
            assert_eq!(settings.is_ok(), known, "{settings:?}");
        }
        let limits =
            read(json!({ "max_answer_bytes": 1, "max_error_bytes": 2, "max_frame_bytes": 3 })).unwrap();
        let limits = limits.limits();
        assert_eq!((limits.body, limits.error_body, limits.frame), (1, 2, 3));
        assert_eq!(limits.stream, Limits::default().stream);
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let (limits, transport) = (Limits::default(), TransportSettings::default());
        for (name, default) in [
            ("max_answer_bytes", limits.body),
            ("max_error_bytes", limits.error_body),
            ("max_frame_bytes", limits.frame),
            ("max_stream_bytes", limits.stream),
            ("max_headers", transport.max_headers),
            ("max_header_bytes", transport.max_header_bytes),
        ] {
            let field = HttpSettings::FIELDS.iter().find(|field| field.name == name).unwrap();
            assert!(field.doc.ends_with(&format!("Default: {default}.")), "{}", field.doc);
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_the_name_of_its_key() {
        for (settings, key) in [
            (json!({ "proxi": "none" }), "`proxi`"),
            (json!({ "proxy": "hunter2" }), "`proxy`"),
            (json!({ "proxy": 7 }), "`proxy`"),
            (json!({ "ca_file": "" }), "`ca_file`"),
            (json!({ "max_answer_bytes": 0 }), "`max_answer_bytes`"),
            (json!({ "max_stream_bytes": -1 }), "`max_stream_bytes`"),
            (json!({ "max_headers": "many hunter2" }), "`max_headers`"),
            (json!({ "max_headers": 10_001 }), "it is 10001: it must be from 1 to 10000"),
        ] {
            let error = read(settings).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains(key) && !text.contains("hunter2"), "{text}");
        }
    }
}
