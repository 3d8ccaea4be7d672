//! Lines of a given width.

use std::io::{self, IsTerminal as _};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns of the terminal that standard output is, or `None` when it is none.
pub(crate) fn width_of_stdout() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    // A terminal that does not say how wide it is, is as wide as the first ones were.
    Some(terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| width.0.into()))
}

/// Breaks lines that are wider than `width` columns, between words where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.replace('\t', "    ");
        match line.width() <= width {
            true => lines.push(line.trim_end().to_owned()),
            false => wrap_line(&line, width, &mut lines),
        }
    }
    lines
}

fn wrap_line(line: &str, width: usize, lines: &mut Vec<String>) {
    let mut current = String::new();
    for piece in line.split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        if current.width() + word.width() > width {
            if !current.trim_end().is_empty() {
                lines.push(current.trim_end().to_owned());
            }
            current.clear();
        }
        if word.width() <= width {
            current.push_str(piece);
            continue;
        }
        // No line holds it: an address, or a script that puts no spaces between words.
        for c in piece.chars() {
            if current.width() + c.width().unwrap_or(0) > width && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            }
            current.push(c);
        }
    }
    if !current.trim_end().is_empty() {
        lines.push(current.trim_end().to_owned());
    }
}

/// The text with spaces behind it, up to `width` columns.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three\n\nfour", 8), ["one two", "three", "", "four"]);
        assert_eq!(wrap("    let x = 1;\n\ty", 20), ["    let x = 1;", "    y"]);
        assert_eq!(wrap("", 8), [""; 0]);
    }

    #[test]
    fn what_has_no_spaces_breaks_where_it_must() {
        assert_eq!(wrap("a https://example.org/x b", 8), ["a", "https://", "example.", "org/x b"]);
        // Each of these characters takes two columns.
        assert_eq!(wrap("你好世界", 5), ["你好", "世界"]);
        assert_eq!(wrap("你好", 1), ["你", "好"]);
    }

    #[test]
    fn padding_counts_columns_and_not_characters() {
        assert_eq!(padded("你好", 6), "你好  ");
        assert_eq!(padded("grüße", 6), "grüße ");
    }
}
