use std::fmt::Write as _;

/// Writes a table in Markdown, with columns of even width. Columns of numbers stand to the right.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        let heading = headings.get(column).map_or(0, |heading| heading.len());
        widths.max().unwrap_or(0).max(heading).max(3)
    };
    let numbers = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .all(|cell| !cell.chars().next().is_some_and(char::is_alphabetic))
    };
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        for (column, cell) in cells.iter().enumerate() {
            let width = width(column);
            // Writing to a string does not fail.
            let _ = if numbers(column) {
                write!(text, "| {cell:>width$} ")
            } else {
                write!(text, "| {cell:<width$} ")
            };
        }
        text.push_str("|\n");
    };
    line(headings.iter().map(|&heading| heading.to_owned()).collect());
    let rule = (0..headings.len()).map(|column| {
        let dashes = "-".repeat(width(column) - 1);
        if numbers(column) {
            format!("{dashes}:")
        } else {
            format!("{dashes}-")
        }
    });
    line(rule.collect());
    for row in rows {
        line(row.clone());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let rows = [["pyinfra", "19.0"], ["floor", "4.7"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let wanted = "| who     | wall |\n| ------- | ---: |\n| pyinfra | 19.0 |\n\
                      | floor   |  4.7 |\n";
        assert_eq!(table(&["who", "wall"], &rows), wanted);
    }
}
