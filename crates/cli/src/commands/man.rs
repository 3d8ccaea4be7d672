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
        None => print_bytes(&page(&command)?)?,
    }
    Ok(Exit::Answer)
}

/// One page: the commands' options stand in it, each command in a section of its own.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let whole = Page::new(command.clone());
    whole.render_title(&mut out)?;
    whole.render_name_section(&mut out)?;
    whole.render_synopsis_section(&mut out)?;
    whole.render_description_section(&mut out)?;
    whole.render_options_section(&mut out)?;
    for command in visible(command) {
        let mut section = Vec::new();
        let page = Page::new(command.clone());
        page.render_synopsis_section(&mut section)?;
        page.render_description_section(&mut section)?;
        page.render_options_section(&mut section)?;
        let name = command.get_name().to_uppercase();
        out.extend(format!(".SH \"COMMAND {name}\"\n").bytes());
        // What heads a part of a page of its own heads a part of a section here.
        let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
        out.extend(
            section.strip_prefix(".SH ").map_or(section.clone(), |rest| format!(".SS {rest}")).bytes(),
        );
    }
    whole.render_extra_section(&mut out)?;
    whole.render_version_section(&mut out)?;
    Ok(out)
}

fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let pages = std::iter::once(command).chain(visible(command));
    for command in pages {
        let page = Page::new(command.clone());
        let path = folder.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        std::fs::write(&path, text)?;
        tell(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}
