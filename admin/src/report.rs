//! What a command found, once for both ways to show it: aligned text, and JSON. A report that is one table or one list of pairs is that
//! in JSON; of several parts, each stands under its key.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::table::{Column, draw};
use crate::time;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Whole(i64),
    /// Shown with two places.
    Real(f64),
    Truth(bool),
    /// Milliseconds since 1970; shown as local time, nothing for 0 and less.
    Time(i64),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
    Nothing,
}

impl Cell {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => format!("{number:.2}"),
            Self::Truth(truth) => truth.to_string(),
            Self::Time(ms) if *ms > 0 => time::local(*ms),
            Self::List(texts) => texts.join(","),
            Self::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{{{}}}", pairs.join(", "))
            }
            Self::Time(_) | Self::Nothing => String::new(),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Whole(number) | Self::Time(number) => json!(number),
            Self::Real(number) => json!(number),
            Self::Truth(truth) => json!(truth),
            Self::List(texts) => json!(texts),
            Self::Map(pairs) => json!(pairs),
            Self::Nothing => Value::Null,
        }
    }

    /// Does it stand to the right of its column?
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Real(_))
    }
}

macro_rules! cells_from {
    ($($type:ty: $value:ident => $cell:expr;)*) => {$(
        impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                $cell
            }
        }
    )*};
}
cells_from! {
    &str: text => Self::Text(text.to_owned());
    &String: text => Self::Text(text.clone());
    String: text => Self::Text(text);
    i64: number => Self::Whole(number);
    i32: number => Self::Whole(number.into());
    usize: number => Self::Whole(number as i64);
    f64: number => Self::Real(number);
    bool: truth => Self::Truth(truth);
    Vec<String>: texts => Self::List(texts);
    BTreeMap<String, String>: pairs => Self::Map(pairs);
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// A row of a table.
#[macro_export]
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::report::Cell::from($cell)),*] };
}

enum Part {
    Table(&'static [Column], Vec<Vec<Cell>>),
    /// One row, shown from top to bottom.
    Record(&'static [Column], Vec<Cell>),
    Names(Vec<String>),
    Pairs(Vec<(String, Cell)>),
    Value(&'static str, Cell),
    Line(String),
    Raw(Value),
}

/// What a command found.
#[derive(Default)]
pub(crate) struct Report(Vec<(String, Part)>);

impl Report {
    /// A report that is one table.
    pub(crate) fn table(columns: &'static [Column], rows: Vec<Vec<Cell>>) -> Self {
        Self::default().with_table("", columns, rows)
    }

    /// A report that is a list of names, one a line.
    pub(crate) fn names(names: impl IntoIterator<Item = String>) -> Self {
        Self(vec![(String::new(), Part::Names(names.into_iter().collect()))])
    }

    /// A report that is one list of pairs.
    pub(crate) fn pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<Cell>)>) -> Self {
        Self::default().with_pairs("", pairs)
    }

    /// A report of what was done.
    pub(crate) fn done(line: impl Into<String>) -> Self {
        Self::default().with_done(line)
    }

    /// A report that is JSON, in text too.
    pub(crate) fn raw(value: Value) -> Self {
        Self(vec![(String::new(), Part::Raw(value))])
    }

    /// And a table.
    pub(crate) fn with_table(mut self, key: &str, columns: &'static [Column], rows: Vec<Vec<Cell>>) -> Self {
        self.0.push((key.to_owned(), Part::Table(columns, rows)));
        self
    }

    /// And one row, shown from top to bottom.
    pub(crate) fn with_record(mut self, key: &str, columns: &'static [Column], row: Vec<Cell>) -> Self {
        self.0.push((key.to_owned(), Part::Record(columns, row)));
        self
    }

    /// And a list of pairs; a key that is not empty is its heading.
    pub(crate) fn with_pairs(
        mut self,
        key: &str,
        pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<Cell>)>,
    ) -> Self {
        let pairs = pairs.into_iter().map(|(name, cell)| (name.into(), cell.into())).collect();
        self.0.push((key.to_owned(), Part::Pairs(pairs)));
        self
    }

    /// And one value with a label.
    pub(crate) fn with(mut self, key: &str, label: &'static str, cell: impl Into<Cell>) -> Self {
        self.0.push((key.to_owned(), Part::Value(label, cell.into())));
        self
    }

    /// And a line that says what was done.
    pub(crate) fn with_done(mut self, line: impl Into<String>) -> Self {
        self.0.push(("done".to_owned(), Part::Line(line.into())));
        self
    }

    /// Everything of another report, behind this one's.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The text that people read.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut before: Option<&Part> = None;
        for (key, part) in &self.0 {
            let apart = matches!(part, Part::Table(..) | Part::Record(..) | Part::Pairs(_))
                || matches!(before, Some(Part::Table(..)));
            if apart && before.is_some() {
                text.push('\n');
            }
            match part {
                Part::Table(columns, rows) => text += &draw(columns, rows),
                Part::Pairs(pairs) => push_pairs(&mut text, key, pairs),
                Part::Record(columns, row) => {
                    let pairs = columns.iter().map(|(title, _)| (*title).to_owned()).zip(row.iter().cloned());
                    push_pairs(&mut text, "", &pairs.collect::<Vec<_>>());
                }
                Part::Names(names) => names.iter().for_each(|name| push_line(&mut text, name)),
                Part::Value(label, cell) => push_line(&mut text, &format!("{label}: {}", cell.to_text())),
                Part::Line(line) => push_line(&mut text, line),
                Part::Raw(value) => push_line(&mut text, &format!("{value:#}")),
            }
            before = Some(part);
        }
        text
    }

    /// The text that programs read.
    pub(crate) fn to_json(&self) -> Value {
        if let [(key, part)] = self.0.as_slice()
            && key.is_empty()
        {
            return part.to_json();
        }
        let mut object = Map::new();
        for (key, part) in &self.0 {
            match part {
                Part::Line(line) => match object.entry(key).or_insert_with(|| json!([])) {
                    Value::Array(lines) => lines.push(json!(line)),
                    other => *other = json!(line),
                },
                part => {
                    object.insert(key.clone(), part.to_json());
                }
            }
        }
        Value::Object(object)
    }
}

impl Part {
    fn to_json(&self) -> Value {
        match self {
            Self::Table(columns, rows) => rows.iter().map(|row| object(columns, row)).collect(),
            Self::Record(columns, row) => object(columns, row),
            Self::Names(names) => json!(names),
            Self::Pairs(pairs) => {
                Value::Object(pairs.iter().map(|(key, cell)| (key.clone(), cell.to_json())).collect())
            }
            Self::Value(_, cell) => cell.to_json(),
            Self::Line(line) => json!(line),
            Self::Raw(value) => value.clone(),
        }
    }
}

/// A row as an object.
pub(crate) fn object(columns: &[Column], row: &[Cell]) -> Value {
    Value::Object(columns.iter().zip(row).map(|((_, key), cell)| ((*key).to_owned(), cell.to_json())).collect())
}

fn push_pairs(text: &mut String, heading: &str, pairs: &[(String, Cell)]) {
    if !heading.is_empty() {
        let _ = writeln!(text, "[{heading}]");
    }
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, cell) in pairs {
        push_line(text, &format!("{name:<width$} : {}", cell.to_text()));
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[("#Queue", "queue"), ("#Seen", "seen")];

    #[test]
    fn one_table_is_a_list_of_objects() {
        let report = Report::table(COLUMNS, vec![vec![Cell::Whole(3), Cell::Time(0)]]);
        assert_eq!(report.to_json(), json!([{"queue": 3, "seen": 0}]));
        assert_eq!(report.to_text(), "#Queue  #Seen\n     3\n");
    }

    #[test]
    fn several_parts_stand_under_their_keys() {
        let report = Report::default().with_table("queues", COLUMNS, vec![]).with("total", "Total", 7_i64);
        assert_eq!(report.to_json(), json!({"queues": [], "total": 7}));
        assert_eq!(report.to_text(), "#Queue  #Seen\n\nTotal: 7\n");
    }

    #[test]
    fn what_was_done_is_a_list_of_lines() {
        let report = Report::done("first").with_done("second");
        assert_eq!(report.to_json(), json!({"done": ["first", "second"]}));
        assert_eq!(report.to_text(), "first\nsecond\n");
    }

    #[test]
    fn pairs_are_one_object() {
        let report = Report::pairs([("a", "1"), ("long", "2")]);
        assert_eq!(report.to_json(), json!({"a": "1", "long": "2"}));
        assert_eq!(report.to_text(), "a    : 1\nlong : 2\n");
    }
}
