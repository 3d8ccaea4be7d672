//! The command `ultraai`: ask several language models from a terminal.
#![doc = include_str!("../README.md")]

mod agreement;
mod arguments;
mod attach;
mod commands;
mod compare;
mod conversation;
mod exit;
mod failure;
mod flags;
mod keep;
mod log;
mod output;
mod prompt;
mod reach;
mod report;
mod simulation;
mod state;
mod statistics;
mod summary;
mod sums;
mod terminal;
mod together;
mod watch;

use std::process::ExitCode;

use clap::{
    Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use self::{
    arguments::{Arguments, Command},
    exit::Exit,
    failure::Failure,
};

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told when this fails.
            let _ = error.print();
            if is_a_prompt(&error) {
                terminal::tell("\nto ask that, write `ultraai ask \"…\"`\n");
            }
            if is_a_word_of_a_prompt(&error) {
                terminal::tell("\nput the prompt in quotes: `ultraai ask \"…\"`\n");
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Answer }.into();
        }
    };
    // One thread is enough: a request waits for the network, and everything it does is polled in one task.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).tell().into(),
    };
    let exit = runtime.block_on(run(arguments)).unwrap_or_else(|failure| failure.tell());
    // A read of standard input that nobody answers may be under way; it is not waited for.
    runtime.shutdown_background();
    exit.into()
}

/// Whether a prompt stands where a command is expected: commands hold no space.
fn is_a_prompt(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::InvalidSubcommand
        && matches!(error.get(ContextKind::InvalidSubcommand), Some(ContextValue::String(name)) if name.contains(char::is_whitespace))
}

/// Whether a word stands behind the prompt: a shell makes as many arguments of a sentence as it has words.
fn is_a_word_of_a_prompt(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(word)) if !word.starts_with('-'))
        && std::env::args_os().any(|argument| argument == "ask")
}

async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    log::start(arguments.log.as_deref())?;
    // A conversation goes on after Ctrl-C, and a server finishes what is under way.
    let minds_ctrl_c_itself = matches!(arguments.command, Command::Chat(_) | Command::Serve(_));
    let work = async {
        match arguments.command {
            Command::Ask(ask) => commands::ask(*ask).await,
            Command::Chat(chat) => commands::chat(*chat).await,
            Command::Show(show) => commands::show(&show),
            Command::Completions(completions) => commands::completions(&completions),
            Command::Man(man) => commands::man(&man),
            Command::Models(models) => commands::models(models).await,
            Command::Embed(embed) => commands::embed(*embed).await,
            Command::Providers(providers) => commands::providers(providers).await,
            Command::Keys(keys) => commands::keys(keys).await,
            Command::Serve(serve) => commands::serve(*serve).await,
            Command::Simulate(simulate) => commands::simulate(simulate).await,
            Command::Strategies(strategies) => commands::strategies(&strategies),
            Command::Config(config) => commands::config(*config).await,
        }
    };
    tokio::select! {
        biased;
        // What is under way is dropped, so that its connections close and the servers stop working on it.
        interrupted = tokio::signal::ctrl_c(), if !minds_ctrl_c_itself => match interrupted {
            Ok(()) => Err(Failure::Interrupted),
            Err(error) => Err(error.into()),
        },
        done = work => done,
    }
}
