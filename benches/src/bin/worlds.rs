//! Prints how the strategies compare, or with `--write` puts it into the README.
#![expect(clippy::print_stdout, reason = "a command prints")]

use std::{error::Error, fs};

use ultraai_benches::{
    figures,
    table::{REQUESTS, put, readme, tables},
};

fn main() -> Result<(), Box<dyn Error>> {
    let tables = tables(&figures::all(REQUESTS)?);
    if std::env::args().any(|argument| argument == "--write") {
        let text =
            put(&fs::read_to_string(readme())?, &tables).ok_or("the README has no place for the tables")?;
        fs::write(readme(), text)?;
    } else {
        println!("{tables}");
    }
    Ok(())
}
