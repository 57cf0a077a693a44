//! A naive reading of the language: conditions made at random, how they are written, and what they mean, computed the simplest way.

use std::collections::BTreeMap;
use std::fmt;

use proptest::prelude::*;

/// Properties of a message.
pub(super) type Properties = BTreeMap<String, String>;

/// Unknown is `None`; an error makes the whole expression fail.
type Truth = Result<Option<bool>, ()>;

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Side {
    Property(&'static str),
    Whole(i64),
    /// In quarters, so that its text is exact.
    Quarters(i16),
}

/// A condition.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Compare(Side, &'static str, Side),
    Between(Side, Side, Side, bool),
    OneOf(&'static str, Vec<&'static str>, bool),
    Absent(&'static str, bool),
    Search(&'static str, &'static str, &'static str, bool),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

const NAMES: [&str; 3] = ["a", "b", "C"];
const TEXTS: [&str; 10] = ["", "x", "xy", "it's", "5", "-5", "2.5", "0", "3000000000", "true"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TEXTS[..])
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![
        3 => name().prop_map(Side::Property),
        2 => (-6i64..7).prop_map(Side::Whole),
        1 => Just(Side::Whole(3_000_000_000)),
        1 => (-24i16..24).prop_filter("0.0 is refused", |quarters| *quarters != 0).prop_map(Side::Quarters),
    ]
}

/// Properties, some absent.
pub(super) fn properties() -> impl Strategy<Value = Properties> {
    prop::collection::btree_map(name().prop_map(str::to_owned), text().prop_map(str::to_owned), 0..4)
}

/// Conditions of all kinds.
pub(super) fn condition() -> impl Strategy<Value = Condition> {
    let operator = prop::sample::select(&["=", "<>", "<", "<=", ">", ">="][..]);
    let search = prop::sample::select(&["CONTAINS", "STARTSWITH", "ENDSWITH"][..]);
    let simple = prop_oneof![
        4 => (side(), operator, side()).prop_map(|(left, operator, right)| Condition::Compare(left, operator, right)),
        1 => (side(), side(), side(), any::<bool>())
            .prop_filter("bounds in the wrong order are refused", |(_, low, high, _)| low.number() <= high.number())
            .prop_map(|(subject, low, high, negated)| Condition::Between(subject, low, high, negated)),
        1 => (name(), prop::collection::vec(text(), 1..8), any::<bool>()).prop_map(|(name, texts, negated)| Condition::OneOf(name, texts, negated)),
        1 => (name(), any::<bool>()).prop_map(|(name, negated)| Condition::Absent(name, negated)),
        1 => (name(), search, text(), any::<bool>()).prop_map(|(name, search, text, negated)| Condition::Search(name, search, text, negated)),
    ];
    simple.prop_recursive(4, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone()).prop_map(|(left, right)| (Box::new(left), Box::new(right)));
        prop_oneof![
            pair.clone().prop_map(|(left, right)| Condition::Both(left, right)),
            pair.prop_map(|(left, right)| Condition::Either(left, right)),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

impl Side {
    /// The value of a number; zero for a property.
    fn number(&self) -> f64 {
        match self {
            Side::Property(_) => 0.0,
            Side::Whole(whole) => *whole as f64,
            Side::Quarters(quarters) => f64::from(*quarters) / 4.0,
        }
    }

    fn value<'p>(&self, properties: &'p Properties) -> Option<&'p str> {
        match self {
            Side::Property(name) => properties.get(*name).map(String::as_str),
            _ => None,
        }
    }

    /// The number that a text is when it is compared with this side.
    fn read(&self, text: &str) -> Result<f64, ()> {
        match self {
            Side::Whole(whole) if i32::try_from(*whole).is_ok() => text.parse::<i32>().map(f64::from).map_err(drop),
            Side::Whole(_) => text.parse::<i64>().map(|whole| whole as f64).map_err(drop),
            _ => text.parse().map_err(drop),
        }
    }
}

fn compare(left: &Side, operator: &str, right: &Side, properties: &Properties) -> Truth {
    let is_property = |side: &Side| matches!(side, Side::Property(_));
    let (left_text, right_text) = (left.value(properties), right.value(properties));
    let left_absent = is_property(left) && left_text.is_none();
    let right_absent = is_property(right) && right_text.is_none();
    let equality = matches!(operator, "=" | "<>");
    match (left_absent, right_absent) {
        (true, true) if equality => return Ok(Some(operator == "=")),
        (false, true) if equality => return Ok(Some(operator == "<>")),
        (false, false) => {}
        _ => return Ok(None),
    }
    if let (true, Some(left), Some(right)) = (equality, left_text, right_text) {
        return Ok(Some((left == right) == (operator == "=")));
    }
    let left_number = left_text.map_or(Ok(left.number()), |text| right.read(text))?;
    let right_number = right_text.map_or(Ok(right.number()), |text| left.read(text))?;
    Ok(Some(match operator {
        "=" => left_number == right_number,
        "<>" => left_number != right_number,
        "<" => left_number < right_number,
        "<=" => left_number <= right_number,
        ">" => left_number > right_number,
        _ => left_number >= right_number,
    }))
}

fn both(left: Truth, right: impl FnOnce() -> Truth) -> Truth {
    Ok(match (left?, right) {
        (Some(false), _) => Some(false),
        (Some(true), right) => right()?,
        (None, right) => right()?.filter(|right| !right),
    })
}

fn either(left: Truth, right: impl FnOnce() -> Truth) -> Truth {
    not(both(not(left), || not(right())))
}

fn not(truth: Truth) -> Truth {
    truth.map(|known| known.map(|known| !known))
}

impl Condition {
    /// What it means for a message.
    pub(super) fn holds(&self, properties: &Properties) -> Truth {
        match self {
            Condition::Compare(left, operator, right) => compare(left, operator, right, properties),
            Condition::Between(subject, low, high, false) => {
                both(compare(subject, ">=", low, properties), || compare(subject, "<=", high, properties))
            }
            Condition::Between(subject, low, high, true) => {
                either(compare(subject, "<", low, properties), || compare(subject, ">", high, properties))
            }
            Condition::OneOf(name, texts, negated) => {
                Ok(properties.get(*name).map(|value| texts.contains(&value.as_str()) != *negated))
            }
            Condition::Absent(name, negated) => Ok(Some(properties.contains_key(*name) == *negated)),
            Condition::Search(name, search, text, negated) => Ok(Some(properties.get(*name).is_some_and(|value| {
                let found = match *search {
                    "CONTAINS" => value.contains(text),
                    "STARTSWITH" => value.starts_with(text),
                    _ => value.ends_with(text),
                };
                !text.is_empty() && found != *negated
            }))),
            Condition::Both(left, right) => both(left.holds(properties), || right.holds(properties)),
            Condition::Either(left, right) => either(left.holds(properties), || right.holds(properties)),
            Condition::Not(inner) => not(inner.holds(properties)),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Side::Property(name) => out.write_str(name),
            Side::Whole(whole) => write!(out, "{whole}"),
            Side::Quarters(_) => write!(out, "{:?}", self.number()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let word = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Condition::Compare(left, operator, right) => write!(out, "{left} {operator} {right}"),
            Condition::Between(subject, low, high, negated) => {
                write!(out, "{subject} {}BETWEEN {low} AND {high}", word(negated))
            }
            Condition::OneOf(name, texts, negated) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                write!(out, "{name} {}IN ({})", word(negated), texts.join(", "))
            }
            Condition::Absent(name, negated) => write!(out, "{name} IS {}NULL", word(negated)),
            Condition::Search(name, search, text, negated) => {
                write!(out, "{name} {}{search} {}", word(negated), quoted(text))
            }
            Condition::Both(left, right) => write!(out, "({left}) AND ({right})"),
            Condition::Either(left, right) => write!(out, "({left}) OR ({right})"),
            Condition::Not(inner) => write!(out, "NOT ({inner})"),
        }
    }
}
