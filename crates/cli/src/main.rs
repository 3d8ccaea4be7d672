//! The program `ultraai`; everything is in the library, so that its documentation and its tests are found.

use std::process::ExitCode;

/// A gateway allocates in small pieces, which this one does in less time and memory than the system's; see
/// `benches/gateway/compare`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ultraai_cli::main()
}
