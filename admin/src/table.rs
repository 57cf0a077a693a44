//! Tables in text: columns as wide as what is in them, numbers to the right.

use crate::report::Cell;

/// A column's title, and its key in JSON.
pub(crate) type Column = (&'static str, &'static str);

/// The distance of columns.
const GAP: &str = "  ";

/// Draws a table, titles first. There is no blank at the end of a line.
pub(crate) fn draw(columns: &[Column], rows: &[Vec<Cell>]) -> String {
    let texts: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(Cell::to_text).collect()).collect();
    let width = |at: usize| {
        let cells = texts.iter().filter_map(|row| row.get(at)).map(|text| text.chars().count());
        cells.chain([columns[at].0.chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let to_right: Vec<bool> = (0..columns.len())
        .map(|at| !rows.is_empty() && rows.iter().all(|row| row.get(at).is_some_and(Cell::is_number)))
        .collect();
    let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let mut drawn = String::new();
    for row in std::iter::once(&titles).chain(&texts) {
        let cells = row.iter().zip(&widths).zip(&to_right).map(|((text, &width), &right)| match right {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        });
        drawn += cells.collect::<Vec<_>>().join(GAP).trim_end();
        drawn.push('\n');
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row;

    #[test]
    fn columns_stand_under_each_other() {
        let columns = [("#Topic", "topic"), ("#Max", "max"), ("#Note", "note")];
        let rows = [row!["größer", 7, ""], row!["a", 12_000, "behind"]];
        assert_eq!(draw(&columns, &rows), "#Topic   #Max  #Note\ngrößer      7\na       12000  behind\n");
    }

    #[test]
    fn a_table_without_rows_has_its_titles() {
        assert_eq!(draw(&[("#A", "a"), ("#B", "b")], &[]), "#A  #B\n");
    }
}
