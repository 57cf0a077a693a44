//! The parts that an expression is made of, and what each evaluates to for a message. Evaluation goes strictly from left to right and
//! stops as soon as the outcome is certain: what is not reached can neither be looked up nor fail.

use std::cmp::Ordering;

use super::number::Number;
use super::value::{Incomparable, Value};

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// The value of a property.
    Property(Box<str>),
    /// A string.
    Text(Box<str>),
    /// A number.
    Number(Number),
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// `NULL`.
    Null,
    /// A number with its sign changed; nothing for anything else.
    Negated(Box<Node>),
    /// A property where a condition is needed: unknown when absent, else false, since no property is a boolean.
    Condition(Box<str>),
    /// The opposite of a condition.
    Not(Box<Node>),
    /// Conditions that must all hold.
    All(Box<[Node]>),
    /// Conditions of which one must hold.
    Any(Box<[Node]>),
    /// Whether two values are equal.
    Equal(Box<[Node; 2]>),
    /// Whether a value is absent; never unknown.
    Absent(Box<Node>),
    /// Whether two numbers are in this order.
    Order(Order, Box<[Node; 2]>),
    /// Whether the first number lies between the others, both included.
    Between(Box<[Node; 3]>),
    /// Whether a property is one of these strings, which are sorted.
    OneOf(Box<str>, Box<[Box<str>]>),
    /// A look for a string in another one.
    Search(Box<Search>),
}

/// An order of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// A look for a string in another one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Search {
    /// Where to look.
    pub(super) subject: Node,
    /// In which part.
    pub(super) place: Place,
    /// What to look for.
    pub(super) text: Box<str>,
    /// The outcome if it is found. If there is nothing to look for or to look in, the outcome is false either way.
    pub(super) wanted: bool,
}

/// In which part of a string another one is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

impl Node {
    /// Whether it can stand where a condition is needed, and cannot be ordered. A property is turned into [`Node::Condition`] there.
    pub(super) fn is_condition(&self) -> bool {
        !matches!(self, Node::Property(_) | Node::Text(_) | Node::Number(_) | Node::Negated(_))
    }

    /// The value for a message, whose properties `property` looks up.
    pub(super) fn evaluate<'v, 'p: 'v, P>(&'v self, property: &P) -> Result<Value<'v>, Incomparable>
    where
        P: Fn(&str) -> Option<&'p str>,
    {
        Ok(match self {
            Node::Property(name) => property(name).map_or(Value::Null, Value::Text),
            Node::Text(text) => Value::Text(text),
            Node::Number(number) => Value::Number(*number),
            Node::Boolean(boolean) => Value::Boolean(*boolean),
            Node::Null => Value::Null,
            Node::Negated(node) => match node.evaluate(property)? {
                Value::Number(number) => Value::Number(number.negate()),
                _ => Value::Null,
            },
            Node::Condition(name) => property(name).map_or(Value::Null, |_| Value::Boolean(false)),
            Node::Not(node) => not(node.evaluate(property)?),
            Node::All(nodes) => connect(nodes, false, property)?,
            Node::Any(nodes) => connect(nodes, true, property)?,
            Node::Equal(pair) => {
                let [left, right] = &**pair;
                left.evaluate(property)?.equals(right.evaluate(property)?)?
            }
            Node::Absent(node) => Value::Boolean(node.evaluate(property)? == Value::Null),
            Node::Order(order, pair) => {
                let [left, right] = &**pair;
                order.holds(left.evaluate(property)?, right, property)?
            }
            Node::Between(bounded) => between(bounded, property)?,
            Node::OneOf(name, texts) => property(name).map_or(Value::Null, |value| {
                Value::Boolean(texts.binary_search_by(|text| (**text).cmp(value)).is_ok())
            }),
            Node::Search(search) => Value::Boolean(search.holds(property)?),
        })
    }
}

impl Order {
    /// Whether a value and that of `right` are in this order. `right` is not evaluated if the outcome is unknown without it.
    fn holds<'v, 'p: 'v, P>(self, left: Value<'v>, right: &'v Node, property: &P) -> Result<Value<'v>, Incomparable>
    where
        P: Fn(&str) -> Option<&'p str>,
    {
        if left == Value::Null {
            return Ok(Value::Null);
        }
        let ordering = left.order(right.evaluate(property)?)?;
        Ok(ordering.map_or(Value::Null, |ordering| Value::Boolean(self.allows(ordering))))
    }

    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Order::Greater => ordering.is_gt(),
            Order::GreaterEqual => ordering.is_ge(),
            Order::Less => ordering.is_lt(),
            Order::LessEqual => ordering.is_le(),
        }
    }
}

impl Search {
    fn holds<'p, P>(&self, property: &P) -> Result<bool, Incomparable>
    where
        P: Fn(&str) -> Option<&'p str>,
    {
        if self.text.is_empty() {
            return Ok(false);
        }
        let Value::Text(subject) = self.subject.evaluate(property)? else {
            return Ok(false);
        };
        let found = match self.place {
            Place::Anywhere => subject.contains(&*self.text),
            Place::Start => subject.starts_with(&*self.text),
            Place::End => subject.ends_with(&*self.text),
        };
        Ok(found == self.wanted)
    }
}

/// The opposite; unknown stays unknown.
fn not(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Boolean(boolean) => Value::Boolean(!boolean),
        _ => Value::Null,
    }
}

/// Whether all conditions hold (`decisive` is false: one that does not settles it), or any does (`decisive` is true). If none settles
/// it, one unknown makes the outcome unknown.
fn connect<'v, 'p: 'v, P>(nodes: &'v [Node], decisive: bool, property: &P) -> Result<Value<'v>, Incomparable>
where
    P: Fn(&str) -> Option<&'p str>,
{
    let mut outcome = Value::Boolean(!decisive);
    for node in nodes {
        match node.evaluate(property)? {
            Value::Boolean(boolean) if boolean == decisive => return Ok(Value::Boolean(decisive)),
            Value::Boolean(_) => {}
            _ => outcome = Value::Null,
        }
    }
    Ok(outcome)
}

/// Whether a number lies between two others: at least the one, and at most the other.
fn between<'v, 'p: 'v, P>(bounded: &'v [Node; 3], property: &P) -> Result<Value<'v>, Incomparable>
where
    P: Fn(&str) -> Option<&'p str>,
{
    let [subject, low, high] = bounded;
    let subject = subject.evaluate(property)?;
    let reaches = Order::GreaterEqual.holds(subject, low, property)?;
    if reaches == Value::Boolean(false) {
        return Ok(reaches);
    }
    let stays = Order::LessEqual.holds(subject, high, property)?;
    // One of them unknown, and the other not false.
    let unknown = reaches == Value::Null && stays == Value::Boolean(true);
    Ok(if unknown { Value::Null } else { stays })
}
