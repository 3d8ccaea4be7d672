//! Columns of text.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{STRONG, printable, wrap::padded};

/// Columns of text under headings.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell).replace('\n', " ")).collect());
    }

    /// The lines, each indented by two.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or_default();
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut out = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
            let line = cells.join("  ");
            let line = line.trim_end();
            let _ = match number {
                0 => writeln!(out, "  {STRONG}{line}{STRONG:#}"),
                _ => writeln!(out, "  {line}"),
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NAME", "KEY"]);
        table.row(["grüße".into(), "x".into()]);
        table.row(["你好".into(), "y".into()]);
        let text = anstream::adapter::strip_str(&table.text()).to_string();
        assert_eq!(text, "  NAME   KEY\n  grüße  x\n  你好   y\n");
    }
}
