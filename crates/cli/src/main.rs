//! The program `ultraai`; everything is in the library, so that its documentation and its tests are found.

use std::process::ExitCode;

fn main() -> ExitCode {
    ultraai_cli::main()
}
