//! The program `ultraai`; everything is in the library, so that its documentation and its tests are found.

use std::process::ExitCode;

/// A request of the gateway takes a fifth less of the processor than with glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ultraai_cli::main()
}
