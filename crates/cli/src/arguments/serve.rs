//! The arguments of `serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::SettingsFlags;

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    /// Where to listen: an IP address and a port, as in 127.0.0.1:8080. Default: `gateway.listen` of the
    /// settings, else 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// How many threads serve. Default: `gateway.workers` of the settings, else one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,

    /// The folder of access keys and of what was spent. Default: `gateway.state_folder` of the settings, else `ultraai` in
    /// the user's folder for state
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<PathBuf>,

    /// Check the settings and the keys, print what would be served, and serve nothing
    ///
    /// It does not listen and makes no files, so that it says nothing against an address that a running server has: run it
    /// before that one reads its settings again, or is restarted. That another program has the address is told by `serve` itself.
    #[arg(long)]
    pub(crate) check: bool,

    /// Ask the server that listens there whether it is well, and serve nothing; for health checks
    #[arg(long, conflicts_with = "check")]
    pub(crate) probe: bool,
}

/// An IP address and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    let with_host = |host: &str| match text.rsplit_once(':') {
        Some((_, port)) => format!("{host}:{port}"),
        None => format!("{host}:8080"),
    };
    text.parse().map_err(|_| {
        let near = match text.rsplit_once(':').map_or(text, |(host, _)| host) {
            "" | "*" => format!("for all addresses of this machine write {}", with_host("0.0.0.0")),
            "localhost" => format!("write {}", with_host("127.0.0.1")),
            _ if text.matches(':').count() > 1 => {
                format!("write an IPv6 address as in {}", with_host("[::1]"))
            }
            _ => "write an IP address and a port, as in 127.0.0.1:8080".to_owned(),
        };
        format!("it is no IP address with a port: {near}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_with_the_one_that_is_meant() {
        for good in ["127.0.0.1:0", "[::1]:80", "0.0.0.0:8080"] {
            assert_eq!(address(good).unwrap().to_string(), good);
        }
        let cases = [
            (":80", "0.0.0.0:80"),
            ("localhost:9", "127.0.0.1:9"),
            ("::1:80", "[::1]:80"),
            ("8080", "127.0.0.1:8080"),
            ("localhost", "127.0.0.1:8080"),
            ("1.2.3.4:99999", "an IP address and a port"),
        ];
        for (bad, advice) in cases {
            let said = address(bad).unwrap_err();
            assert!(said.contains(advice), "{bad}: {said}");
        }
    }
}
