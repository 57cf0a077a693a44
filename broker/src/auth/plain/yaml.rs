//! YAML as files of access rules use it: maps, lists and texts, each with the line it stands in. A text is kept as it is written, because a
//! secret key may look like a number. Anchors, tags and further documents are refused: no such file has them, and here they would only
//! make it unclear who may do what.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// How deep lists and maps may lie in one another.
const MAX_DEPTH: usize = 16;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.what)
    }
}

/// A value, and the line it begins in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    line: usize,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads a document; an empty one is nothing.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut open: Vec<Open> = Vec::new();
        let mut document = None;
        for event in Parser::new_from_str(text) {
            let (event, span) =
                event.map_err(|error| Fault { line: error.marker().line(), what: error.info().to_owned() })?;
            let node = |value| Node { line: span.start.line(), value };
            let ended = match event {
                Event::Scalar(text, style, 0, None) => node(scalar(text.into_owned(), style)),
                Event::SequenceStart(0, None) => {
                    open.push(Open { node: node(Value::List(Vec::new())), key: None });
                    continue;
                }
                Event::MappingStart(0, None) => {
                    open.push(Open { node: node(Value::Map(Vec::new())), key: None });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(ended) => ended.node,
                    None => continue,
                },
                Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                    return Err(
                        node(Value::Nothing).fault("anchors, aliases and tags are not read here; write the value")
                    );
                }
                Event::DocumentStart(_) if document.is_some() => {
                    return Err(node(Value::Nothing).fault("a second document begins here; put all into one"));
                }
                _ => continue,
            };
            if open.len() > MAX_DEPTH {
                return Err(ended.fault("lists and maps lie too deep in one another"));
            }
            match open.last_mut() {
                Some(parent) => parent.take(ended)?,
                None => document = Some(ended),
            }
        }
        Ok(document.unwrap_or(Node { line: 1, value: Value::Nothing }))
    }

    /// Says that something is wrong with this.
    pub(super) fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { line: self.line, what: what.into() }
    }

    /// The entries of a map; nothing has none.
    pub(super) fn entries(&self) -> Result<&[(String, Node)], Fault> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Nothing => Ok(&[]),
            Value::Text(_) | Value::List(_) => Err(self.fault("names with values (name: value) are expected here")),
        }
    }

    /// The items of a list; nothing has none.
    pub(super) fn items(&self) -> Result<&[Node], Fault> {
        match &self.value {
            Value::List(items) => Ok(items),
            Value::Nothing => Ok(&[]),
            Value::Text(_) | Value::Map(_) => Err(self.fault("a list (- item) is expected here")),
        }
    }

    /// A text without the space around it; nothing is an empty one.
    pub(super) fn text(&self) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(text) => Ok(text.trim()),
            Value::Nothing => Ok(""),
            Value::List(_) | Value::Map(_) => Err(self.fault("a single value is expected here")),
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let is_nothing = style == ScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&text.as_str());
    if is_nothing { Value::Nothing } else { Value::Text(text) }
}

/// A list or map that is not read to its end, and the name whose value comes next.
struct Open {
    node: Node,
    key: Option<String>,
}

impl Open {
    fn take(&mut self, part: Node) -> Result<(), Fault> {
        match &mut self.node.value {
            Value::List(items) => items.push(part),
            Value::Map(entries) => match self.key.take() {
                Some(key) => entries.push((key, part)),
                None => {
                    let key = part.text()?.to_owned();
                    if entries.iter().any(|(known, _)| *known == key) {
                        return Err(part.fault(format!("{key} stands here a second time")));
                    }
                    self.key = Some(key);
                }
            },
            Value::Nothing | Value::Text(_) => {}
        }
        Ok(())
    }
}
