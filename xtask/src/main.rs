//! The tasks of this repository: `cargo xtask help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod ci;
mod fuzz;
mod independent;
mod live;
mod new;
mod prices;
mod soak;
mod step;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that must hold before a change lands, apart from `cargo test`.
    Ci {
        /// Only the step of this name.
        #[arg(long, value_name = "STEP")]
        only: Option<String>,
    },
    /// The rules of the house that neither rustc nor clippy knows.
    Tidy,
    /// Installs what others wrote: the mock servers that the test `independent` talks to, and the SDKs that talk to the gateway.
    Independent,
    /// The end-to-end test against two llama.cpp servers with small models.
    Live {
        /// Only start the servers, print their addresses, and stop them when standard input ends.
        #[arg(long)]
        serve: bool,
    },
    /// Arbitrary bytes into every decoder, with `cargo fuzz`, which must be there.
    Fuzz {
        /// Only this target.
        #[arg(value_name = "TARGET")]
        target: Option<String>,
        /// How long each target runs.
        #[arg(long, value_name = "SECONDS", default_value_t = 180)]
        seconds: u64,
    },
    /// Mixed traffic with faults through the real program: nothing fails that need not, and nothing is left behind.
    Soak {
        /// How long.
        #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
        seconds: u64,
    },
    /// Writes the price file from the Python package `genai-prices`, and compares costs with the package's own.
    Prices {
        /// From this version of the package and not from the newest.
        #[arg(long, value_name = "VERSION")]
        version: Option<String>,
        /// Only check the file that is there, without a network.
        #[arg(long, conflicts_with = "version")]
        check: bool,
    },
    /// Writes a provider crate that compiles and passes its suite.
    NewProvider {
        /// Lower-case words joined by dashes.
        name: String,
    },
    /// Writes a strategy crate that compiles and passes its suite.
    NewStrategy {
        /// Lower-case words joined by dashes.
        name: String,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ci { only } => ci::run(only.as_deref()),
        Task::Tidy => tidy::report(),
        Task::Independent => independent::install(),
        Task::Live { serve: false } => live::test(),
        Task::Live { serve: true } => live::serve(),
        Task::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Task::Soak { seconds } => soak::run(seconds),
        Task::Prices { check: true, .. } => prices::check(),
        Task::Prices { check: false, version } => prices::write(version.as_deref()),
        Task::NewProvider { name } => new::run(&new::PROVIDER, &name),
        Task::NewStrategy { name } => new::run(&new::STRATEGY, &name),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
