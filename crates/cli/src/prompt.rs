//! Where the prompt comes from.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::PathBuf,
};

use ultraai::{Error, ErrorKind};

use crate::{arguments::Ask, failure::Failure};

/// Beyond every context window there is; what is longer is a file that was named by mistake.
const LONGEST_PROMPT: u64 = 16 << 20;

/// The prompt: the argument, a file, or standard input; what is piped in beside an argument stands below it.
///
/// It is read beside the main thread, which goes on listening for Ctrl-C.
pub(crate) async fn read(ask: &Ask) -> Result<String, Failure> {
    let (prompt, file) = (ask.prompt.clone(), ask.file.clone());
    match tokio::task::spawn_blocking(|| read_now(prompt, file)).await {
        Ok(prompt) => prompt,
        Err(error) => Err(std::io::Error::other(error).into()),
    }
}

fn read_now(prompt: Option<String>, file: Option<PathBuf>) -> Result<String, Failure> {
    let prompt = match (prompt, file) {
        (Some(prompt), _) if prompt != "-" => match io::stdin().is_terminal() {
            true => prompt,
            // Read to its end, as other tools do: nobody can know that a pipe will stay silent.
            false => joined(prompt, &read_text(io::stdin().lock(), "standard input")?),
        },
        (None, Some(path)) => {
            let name = path.display().to_string();
            let file = File::open(&path).map_err(|error| {
                Error::new(ErrorKind::Config, format!("{name} cannot be read")).with_source(error)
            })?;
            read_text(file, &name)?
        }
        (None, None) if io::stdin().is_terminal() => {
            return Err(Failure::usage(
                "no prompt: write it as an argument, name a file with --file, or pipe it in",
            ));
        }
        _ => read_text(io::stdin().lock(), "standard input")?,
    };
    if prompt.trim().is_empty() {
        return Err(Failure::usage("the prompt is empty: say something to the models"));
    }
    Ok(prompt)
}

/// The argument, a blank line and what was piped in; an empty input adds nothing.
fn joined(argument: String, input: &str) -> String {
    match (argument.trim().is_empty(), input.trim().is_empty()) {
        (_, true) => argument,
        (true, false) => input.to_owned(),
        (false, false) => format!("{}\n\n{input}", argument.trim_end()),
    }
}

fn read_text(source: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    source.take(LONGEST_PROMPT + 1).read_to_end(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Config, format!("{name} cannot be read")).with_source(error)
    })?;
    if bytes.len() as u64 > LONGEST_PROMPT {
        return Err(Failure::usage(format!("{name} is longer than 16 MiB: no model takes such a prompt")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{name} is not UTF-8 (at byte {at}): save it as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused() {
        let refusal = |bytes: &[u8]| read_text(bytes, "x.txt").unwrap_err().to_string();
        assert_eq!(refusal(b"ab\xff"), "x.txt is not UTF-8 (at byte 2): save it as UTF-8");
        assert!(read_text(io::repeat(b'a'), "x").unwrap_err().to_string().contains("16 MiB"));
        assert_eq!(read_text(&b"gr\xc3\xbc\xc3\x9f"[..], "x").unwrap(), "grüß");
    }
}
