//! `ultraai serve`.

use std::{
    fmt::Write as _,
    future::pending,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use ultraai::{Lookup, Registry};
use ultraai_gateway::{
    App, DiskStore, Metrics, ServeOptions, Server, State, admin, may_listen, reload, stop_at_signals, workers,
};
use ultraai_settings::{GatewaySettings, Settings, Sources};

use crate::{
    arguments::Serve,
    exit::Exit,
    failure::Failure,
    state,
    terminal::{BAD, NOTE, Table, print, tell},
};

/// How long a server has to say that it is well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// So few connections that one program alone may want more.
const FEW: usize = 1000;

/// Serves until it is told to stop, or tells what it would serve.
pub(crate) async fn serve(serve: Serve) -> Result<Exit, Failure> {
    if let (true, Some(address)) = (serve.probe, serve.listen) {
        return Ok(probe(address));
    }
    let registry = Registry::linked()?;
    let sources = sources(&serve);
    let settings = Settings::load(&sources, &registry).await?;
    let settings = with_arguments(settings, &serve);
    if serve.probe {
        return Ok(probe(settings.gateway.listen));
    }
    let folder = state::folder(serve.state.as_deref(), &settings.gateway, &Lookup::environment())?;
    if serve.check {
        return check(&settings, &folder).await;
    }
    let state = State::open(&folder)?;
    let demands_key = state.demands_key();
    let mut notices = settings.notices.clone();
    notices.extend(settings.warnings());
    notices.extend(warnings(&settings.gateway, demands_key).map(str::to_owned));
    let wanted = settings.gateway.max_connections;
    let app = Arc::new(App::new(settings, state.clone(), Metrics::default())?);
    let admin = admin::listen(&state, &folder, admin::models(Arc::clone(&app)))?;
    let server = Server::bind(Arc::clone(&app))?;
    // It minds SIGHUP from here on, which would end the process otherwise.
    let watching = reload::watch(Arc::clone(&app), sources, pending());
    // The default is more than most need, so less of it is no news.
    let is_news = wanted != GatewaySettings::default().max_connections || server.max_connections() < FEW;
    if server.max_connections() < wanted && is_news {
        notices.push(format!(
            "only {} connections may be open and not {wanted}, since the system lets this process open no more files: raise its limit (`ulimit -Hn`)",
            server.max_connections()
        ));
    }
    for notice in notices {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    tell(&greeting(server.address(), &app.models(), demands_key));
    // The program's own runtime has nothing else to do meanwhile: each worker has one of its own.
    let mut options = ServeOptions::default();
    options.tasks.push(Box::pin(stop_at_signals(app)));
    options.tasks.push(Box::pin(admin));
    options.tasks.push(Box::pin(watching));
    server.run(options)?;
    Ok(Exit::Answer)
}

/// The environment, and what the arguments set. What answers at the gateway's own address is no server to be found.
fn sources(serve: &Serve) -> Sources {
    let mut sources = serve.settings.sources();
    let own = serve.listen.unwrap_or_else(|| GatewaySettings::default().listen);
    let servers = &mut sources.local_servers;
    for server in [&mut servers.ollama, &mut servers.llama_cpp] {
        *server = server.filter(|server| server.port() != own.port());
    }
    sources
}

fn with_arguments(mut settings: Settings, serve: &Serve) -> Settings {
    if let Some(listen) = serve.listen {
        settings.gateway.listen = listen;
    }
    if let Some(workers) = serve.workers {
        settings.gateway.workers = Some(workers.into());
    }
    settings
}

/// What works and could be safer.
fn warnings(gateway: &GatewaySettings, demands_key: bool) -> Option<&'static str> {
    let is_open_to_all = !demands_key && gateway.cors_origins.iter().any(|origin| origin == "*");
    is_open_to_all.then_some(
        "every page that a browser of this machine shows may use this gateway: `gateway.cors_origins` names `*`, and there are no access keys",
    )
}

/// Where it listens, what it answers to, and whether keys are demanded.
fn greeting(address: SocketAddr, models: &[String], demands_key: bool) -> String {
    let keys = match demands_key {
        true => "an access key is demanded",
        false => {
            "no access key is demanded, so only programs of this machine may call; `ultraai keys create` makes one"
        }
    };
    format!(
        "listening at http://{address}; the base URL is http://{address}/v1 for OpenAI's clients, http://{address} for Anthropic's\n\
         models: {}, and PROVIDER/MODEL\n{keys}\n",
        models.join(", ")
    )
}

/// Asks who listens at `address` whether it is well.
fn probe(address: SocketAddr) -> Exit {
    // What listens everywhere is reached here.
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let address = SocketAddr::new(ip, address.port());
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
        stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        io::Result::Ok(status)
    };
    let why = match ask() {
        Ok(status) if status == *b"HTTP/1.1 200" => return Exit::Answer,
        Ok(_) => "what answers there is no gateway that is well".to_owned(),
        Err(error) => error.to_string(),
    };
    tell(&format!("{BAD}not well:{BAD:#} http://{address}: {why}\n"));
    Exit::NoAnswer
}

/// Builds everything, and prints what would be served.
async fn check(settings: &Settings, folder: &Path) -> Result<Exit, Failure> {
    let models = settings.orchestrators(|builder| builder)?.names();
    let gateway = &settings.gateway;
    // A server that runs has its store to itself, and what is not there is not made.
    let demands_key = match admin::Client::find(folder).await? {
        Some(running) => running.status().await?.demands_key,
        None => {
            admin::check_folder(folder)?;
            match DiskStore::is_in(folder) {
                true => State::open(folder)?.demands_key(),
                false => DiskStore::check_folder(folder).map(|()| false)?,
            }
        }
    };
    may_listen(demands_key, gateway.listen)?;
    let keys = match demands_key {
        true => "demanded",
        false => "none, so only programs of this machine may call",
    };
    let file = settings.file.as_ref().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    let mut out = format!(
        "settings file  {file}\nlisten         http://{}, {} workers\nmodels         {}, and PROVIDER/MODEL\naccess keys    {keys}\nstate folder   {}\n\n",
        gateway.listen,
        workers(gateway),
        models.join(", "),
        folder.display(),
    );
    let mut table = Table::new(["PROVIDER", "TYPE", "MODEL", "ADDRESS"]);
    for provider in settings.summaries() {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            provider.id.to_string(),
            provider.provider_type,
            or_none(provider.model),
            or_none(provider.base_url),
        ]);
    }
    let _ = write!(out, "{}", table.text());
    print(&out)?;
    let warnings = warnings(gateway, demands_key).map(str::to_owned);
    for notice in settings.notices.iter().cloned().chain(settings.warnings()).chain(warnings) {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    Ok(Exit::Answer)
}
