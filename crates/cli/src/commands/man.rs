//! `ultraai man`.

use std::{io, path::Path};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man as Page;
use ultraai::{Error, ErrorKind};

use crate::{
    arguments::{Arguments, Man},
    exit::Exit,
    failure::Failure,
    terminal::{print_bytes, tell},
};

/// Prints one page of everything, or writes a page for each command.
pub(crate) fn man(arguments: &Man) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    command.build();
    match &arguments.out {
        Some(folder) => write_all(&command, folder).map_err(|error| {
            let message = format!("the pages cannot be written to {}", folder.display());
            Failure::from(Error::new(ErrorKind::Config, message).with_source(error))
        })?,
        None => print_bytes(whole(&command)?.as_bytes())?,
    }
    Ok(Exit::Answer)
}

/// One page of everything, with a section for each command.
fn whole(command: &Command) -> io::Result<String> {
    let page = page_of(command);
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    let end = |command: &Command| command.get_after_help().map(ToString::to_string);
    for inner in visible(command) {
        let page = page_of(inner);
        let mut section = Vec::new();
        page.render_synopsis_section(&mut section)?;
        page.render_description_section(&mut section)?;
        page.render_options_section(&mut section)?;
        if end(inner) != end(command) {
            page.render_extra_section(&mut section)?;
        }
        let name = inner.get_bin_name().unwrap_or_else(|| inner.get_name());
        let name = name.strip_prefix("ultraai ").unwrap_or(name).to_uppercase();
        // What heads a part of a page of its own heads a part of a section here.
        let section = format!("\n{}", text(&section)).replace("\n.SH ", "\n.SS ");
        out.extend(format!(".SH \"COMMAND {name}\"{section}").into_bytes());
    }
    page.render_extra_section(&mut out)?;
    page.render_version_section(&mut out)?;
    Ok(text(&out))
}

fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for command in std::iter::once(command).chain(visible(command)) {
        let page = page_of(command);
        let path = folder.join(page.get_filename());
        let mut out = Vec::new();
        page.render(&mut out)?;
        std::fs::write(&path, text(&out))?;
        tell(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}

fn page_of(command: &Command) -> Page {
    Page::new(command.clone()).source(concat!("ultraai ", env!("CARGO_PKG_VERSION")))
}

/// The page's source. What stands below a command's help has a name of its own in manuals.
fn text(source: &[u8]) -> String {
    String::from_utf8_lossy(source).replace("\n.SH EXTRA\n", "\n.SH NOTES\n")
}

/// The commands below a command, each before those below it.
fn visible(command: &Command) -> Vec<&Command> {
    let each = command.get_subcommands().filter(|command| !command.is_hide_set());
    each.flat_map(|command| std::iter::once(command).chain(visible(command))).collect()
}
