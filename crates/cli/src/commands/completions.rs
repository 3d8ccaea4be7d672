//! `ultraai completions`.

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, Completions},
    exit::Exit,
    failure::Failure,
    terminal::print_bytes,
};

/// Prints completions for a shell.
pub(crate) fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    // Into memory first: the generator panics when its reader leaves.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "ultraai", &mut script);
    print_bytes(&script)?;
    Ok(Exit::Answer)
}
