//! `ultraai simulate`.

use std::{
    io::{self, IsTerminal as _},
    thread,
};

use tokio::sync::oneshot;
use ultraai::{Error, ErrorKind, Lookup, Registry};
use ultraai_settings::{LocalServers, Settings, Sources};
use ultraai_simulation::{Report, World, virtual_time};

use crate::{
    arguments::Simulate,
    exit::Exit,
    failure::Failure,
    simulation,
    terminal::{NOTE, print, print_json, tell},
};

/// The progress is told after each hundredth of the requests.
const STEPS: u64 = 100;

/// Simulates, and prints the report.
pub(crate) async fn simulate(arguments: Simulate) -> Result<Exit, Failure> {
    let settings = settings(&arguments).await?;
    let mut world = World::read(&arguments.world)?;
    world.requests = arguments.requests.map_or(world.requests, Into::into);
    world.seed = arguments.seed.unwrap_or(world.seed);
    world.check(settings.providers().map(|(id, _)| id))?;
    for notice in &settings.notices {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    let strategy = settings.strategy.clone();
    // Time is another one in there, and Ctrl-C is minded out here.
    let (told, report) = oneshot::channel();
    thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        // Nobody is left to be told when this fails.
        let _ = told.send(run(&settings, &world));
    })?;
    let report = report
        .await
        .map_err(|error| Error::new(ErrorKind::Exhausted, "the simulation broke off").with_source(error))??;
    match arguments.json {
        true => print_json(&report)?,
        false => print(&simulation::text(&strategy, &report))?,
    }
    Ok(Exit::Answer)
}

/// The settings of the file alone: what is set in the environment, or found on this machine, would make another report
/// elsewhere.
async fn settings(arguments: &Simulate) -> Result<Settings, Failure> {
    // Tokenizers get ready in a time of their own, which is not virtual.
    let registry = Registry::linked()?.without_tokenizers();
    let mut sources = Sources::new(Lookup::empty());
    sources.local_servers = LocalServers::none();
    sources.file = Some(arguments.config.clone());
    let settings = Settings::load(&sources, &registry).await?;
    if settings.summaries().iter().all(|provider| !provider.is_from_file()) {
        let message = format!(
            "{} sets up no provider: write [providers.NAME], with the `type` of a linked one",
            arguments.config.display()
        );
        return Err(Failure::usage(message));
    }
    Ok(settings)
}

fn run(settings: &Settings, world: &World) -> Result<Report, Error> {
    let is_watched = io::stderr().is_terminal();
    let every = (world.requests / STEPS).max(1);
    let progress = |over: u64| {
        if is_watched && over.is_multiple_of(every) {
            tell(&format!("\r\x1b[2K{over} of {} requests", world.requests));
        }
    };
    let report = virtual_time().block_on(async {
        let begun = world.begin();
        let orchestrator = settings.build_with(
            |builder| builder.seed(begun.seed()).clock(begun.clock()),
            |id, spec| {
                let played = begun.provider(id, spec.type_name().unwrap_or_default());
                spec.played_by(played)
            },
        )?;
        begun.run(&orchestrator, progress).await
    });
    if is_watched {
        tell("\r\x1b[2K");
    }
    report
}
