//! `ultraai config`.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use ultraai::{Error, ErrorKind, Registry};
use ultraai_settings::{Entry, Settings, init_file};

use crate::{
    arguments::Config,
    exit::Exit,
    failure::Failure,
    terminal::{DIM, NOTE, STRONG, Table, print, print_json, tell},
};

/// What is in force, as JSON.
#[derive(Serialize)]
struct Everything<'a> {
    file: Option<&'a Path>,
    looked_for: Vec<PathBuf>,
    values: Vec<Entry>,
    warnings: Vec<String>,
    notices: &'a [String],
}

/// Shows what is in force, or writes a file.
pub(crate) async fn config(arguments: Config) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    if let Some(path) = &arguments.init {
        return init(path, &init_file(&registry));
    }
    let sources = arguments.settings.sources();
    let settings = Settings::load(&sources, &registry).await?;
    if arguments.json {
        print_json(&Everything {
            file: settings.file.as_deref(),
            looked_for: sources.usual_files(),
            values: settings.entries(),
            warnings: settings.warnings(),
            notices: &settings.notices,
        })?;
        return Ok(Exit::Answer);
    }
    let file = match &settings.file {
        Some(path) => path.display().to_string(),
        None => {
            let usual: Vec<_> = sources.usual_files().iter().map(|path| path.display().to_string()).collect();
            format!("none (looked for {}; `ultraai config --init` writes one)", usual.join(" and "))
        }
    };
    print(&format!("{STRONG}Settings file{STRONG:#}: {file}\n{}", tables(&settings.entries())))?;
    for warning in settings.warnings() {
        tell(&format!("{NOTE}warning:{NOTE:#} {warning}\n"));
    }
    for notice in &settings.notices {
        tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
    }
    // What the settings lack, such as a key, is told here too and not only when somebody asks.
    settings.build().map_err(|error| Failure::of(error, settings.summaries()))?;
    Ok(Exit::Answer)
}

fn tables(entries: &[Entry]) -> String {
    let mut out = String::new();
    let mut names: Vec<String> = entries.iter().map(|entry| entry.table.clone()).collect();
    names.dedup();
    for name in names {
        let mut table = Table::new(["KEY", "VALUE", "FROM"]);
        for entry in entries.iter().filter(|entry| entry.table == name) {
            table.row([entry.key.clone(), entry.value.clone(), entry.origin.to_string()]);
        }
        let _ = write!(out, "\n{STRONG}[{name}]{STRONG:#}\n{}", table.text());
    }
    out
}

fn init(path: &Path, text: &str) -> Result<Exit, Failure> {
    if path == Path::new("-") {
        print(text)?;
        return Ok(Exit::Answer);
    }
    let name = path.display();
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    created.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{name} is there already and was left alone: name another file with `--init FILE`, or print the text with `--init -`"
        )),
        _ => Error::new(ErrorKind::Config, format!("{name} cannot be written")).with_source(error).into(),
    })?;
    tell(&format!("wrote {name}{DIM}: take away the `#` of what you want to set{DIM:#}\n"));
    Ok(Exit::Answer)
}
