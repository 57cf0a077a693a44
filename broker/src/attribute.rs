//! Attributes of topics and groups (`message.type`, `reserve.time`, …): which exist, which values they take, and how a request
//! changes them. A change is written `+name` with a value, or `-name`. The rules and the words are Apache's.

use std::collections::BTreeMap;

/// Attributes by name.
pub type Attributes = BTreeMap<String, String>;

/// The attributes that one kind of thing can have.
#[derive(Debug, Clone, Copy)]
pub struct AttributeSet(&'static [Attribute]);

/// What topics can have.
pub const TOPIC: AttributeSet = AttributeSet(&TOPIC_ATTRIBUTES);
/// What consumer groups can have.
pub const GROUP: AttributeSet = AttributeSet(&GROUP_ATTRIBUTES);

/// One attribute that can be set.
#[derive(Debug)]
struct Attribute {
    name: &'static str,
    /// Whether it can be set later than at creation.
    changeable: bool,
    values: Values,
}

/// The values that an attribute takes.
#[derive(Debug)]
enum Values {
    OneOf(&'static [&'static str]),
    Range(i64, i64),
    Boolean,
    Any,
}

const MINUTES_OF_30_DAYS: i64 = 30 * 24 * 60;

const TOPIC_ATTRIBUTES: [Attribute; 5] = [
    Attribute { name: "queue.type", changeable: false, values: Values::OneOf(&["SimpleCQ", "BatchCQ"]) },
    Attribute { name: "cleanup.policy", changeable: false, values: Values::OneOf(&["DELETE", "COMPACTION"]) },
    Attribute {
        name: "message.type",
        changeable: true,
        // In the order in which Apache's remark lists them.
        values: Values::OneOf(&["UNSPECIFIED", "MIXED", "TRANSACTION", "PRIORITY", "FIFO", "DELAY", "LITE", "NORMAL"]),
    },
    Attribute { name: "reserve.time", changeable: true, values: Values::Range(-1, i64::MAX) },
    Attribute { name: "lite.topic.expiration", changeable: true, values: Values::Range(-1, MINUTES_OF_30_DAYS) },
];

const GROUP_ATTRIBUTES: [Attribute; 8] = [
    Attribute { name: "priority.factor", changeable: true, values: Values::Range(0, 100) },
    Attribute { name: "lite.bind.topic", changeable: true, values: Values::Any },
    Attribute { name: "lite.sub.model", changeable: true, values: Values::OneOf(&["Shared", "Exclusive"]) },
    Attribute { name: "lite.sub.reset.offset.exclusive", changeable: true, values: Values::Boolean },
    Attribute { name: "lite.sub.reset.offset.unsubscribe", changeable: true, values: Values::Boolean },
    Attribute { name: "lite.sub.client.quota", changeable: true, values: Values::Range(-1, i64::MAX) },
    Attribute { name: "lite.sub.client.max.event.cnt", changeable: true, values: Values::Range(10, i64::MAX) },
    Attribute { name: "lite.sub.wildcard", changeable: true, values: Values::Any },
];

/// Why a change of attributes is refused. The texts are Apache's, but for those of what Apache does not refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// A value without `+` before the name, or `+` without a value.
    #[error("add/alter attribute format is wrong: {0}")]
    AddFormat(String),
    /// No value, and no `-` before the name.
    #[error("delete attribute format is wrong: {0}")]
    DeleteFormat(String),
    /// The same change twice.
    #[error("key duplication: {0}")]
    Duplicate(String),
    /// An attribute is both set and removed.
    #[error("alter duplication key. key: {0}")]
    Contradiction(String),
    /// A name that is empty or holds a sign.
    #[error("kv string format wrong.")]
    BadName,
    /// What is being created has nothing to remove.
    #[error("only add attribute is supported while creating topic. key: {0}")]
    OnlyAdd(String),
    /// No such attribute.
    #[error("unsupported key: {0}")]
    Unsupported(String),
    /// Set once, at creation.
    #[error("attempt to update an unchangeable attribute. key: {0}")]
    Unchangeable(String),
    /// It was not set.
    #[error("attempt to delete a nonexistent key: {0}")]
    Nonexistent(String),
    /// A value outside the attribute's set.
    #[error("value is not in set: [{0}]")]
    NotInSet(String),
    /// A number outside the attribute's range.
    #[error("value is not in range({0}, {1})")]
    NotInRange(i64, i64),
    /// No number where one belongs.
    #[error("For input string: \"{0}\"")]
    NotANumber(String),
    /// Neither true nor false.
    #[error("boolean attribute format is wrong.")]
    NotABoolean,
    /// An attribute whose promise this broker does not keep yet.
    #[error("{0} is not supported by this broker yet")]
    NotServed(String),
}

/// Reads the `attributes` field of a request: `+a=1,-b,+c=2`.
pub fn parse(text: &str) -> Result<Attributes, AttributeError> {
    let mut changes = Attributes::new();
    for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
        let (key, value) = match change.split_once('=') {
            Some((key, value)) if !key.contains('+') || value.is_empty() => {
                return Err(AttributeError::AddFormat(key.to_owned()));
            }
            Some((key, value)) => (key.trim(), value.trim()),
            None if !change.contains('-') => return Err(AttributeError::DeleteFormat(change.to_owned())),
            None => (change, ""),
        };
        if changes.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AttributeError::Duplicate(key.to_owned()));
        }
    }
    Ok(changes)
}

/// Applies `changes` to `current`, which is `None` where the topic or group is being created.
pub fn change(
    set: AttributeSet,
    current: Option<&Attributes>,
    changes: &Attributes,
) -> Result<Attributes, AttributeError> {
    let mut result = current.cloned().unwrap_or_default();
    for (change, value) in changes {
        let name = change.get(1..).unwrap_or_default();
        if name.is_empty() || name.contains(['+', '-']) {
            return Err(AttributeError::BadName);
        }
        if change.starts_with('+') {
            if changes.contains_key(&format!("-{name}")) {
                return Err(AttributeError::Contradiction(name.to_owned()));
            }
            check_value(set, name, value, current.is_none())?;
            result.insert(name.to_owned(), value.clone());
        } else if current.is_none() {
            return Err(AttributeError::OnlyAdd(name.to_owned()));
        } else if !change.starts_with('-') {
            return Err(AttributeError::BadName);
        } else if result.remove(name).is_none() {
            return Err(AttributeError::Nonexistent(name.to_owned()));
        } else if !find(set, name)?.changeable {
            return Err(AttributeError::Unchangeable(name.to_owned()));
        }
    }
    Ok(result)
}

fn find(set: AttributeSet, name: &str) -> Result<&'static Attribute, AttributeError> {
    let attribute = set.0.iter().find(|attribute| attribute.name == name);
    attribute.ok_or_else(|| AttributeError::Unsupported(name.to_owned()))
}

fn check_value(set: AttributeSet, name: &str, value: &str, creating: bool) -> Result<(), AttributeError> {
    let attribute = find(set, name)?;
    if !creating && !attribute.changeable {
        return Err(AttributeError::Unchangeable(name.to_owned()));
    }
    match &attribute.values {
        Values::OneOf(values) if !values.contains(&value) => {
            return Err(AttributeError::NotInSet(values.join(", ")));
        }
        Values::Range(low, high) => {
            let number: i64 = value.parse().map_err(|_| AttributeError::NotANumber(value.to_owned()))?;
            if !(*low..=*high).contains(&number) {
                return Err(AttributeError::NotInRange(*low, *high));
            }
        }
        Values::Boolean if !["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) => {
            return Err(AttributeError::NotABoolean);
        }
        Values::OneOf(_) | Values::Boolean | Values::Any => {}
    }
    // A topic that says so would be promised batch queues or compaction, which the store does not have.
    if matches!(value, "BatchCQ" | "COMPACTION") {
        return Err(AttributeError::NotServed(format!("{name}={value}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
