//! The arguments of `serve`.

use std::net::SocketAddr;

use clap::Args;

use super::SettingsFlags;

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: SettingsFlags,

    /// Where to listen. Default: `gateway.listen` of the settings, else 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}
