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
    Any,
}

const MINUTES_OF_30_DAYS: i64 = 30 * 24 * 60;

const TOPIC_ATTRIBUTES: [Attribute; 5] = [
    Attribute { name: "queue.type", changeable: false, values: Values::OneOf(&["BatchCQ", "SimpleCQ"]) },
    Attribute { name: "cleanup.policy", changeable: false, values: Values::OneOf(&["DELETE", "COMPACTION"]) },
    Attribute {
        name: "message.type",
        changeable: true,
        values: Values::OneOf(&["UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "PRIORITY", "LITE", "MIXED"]),
    },
    Attribute { name: "reserve.time", changeable: true, values: Values::Range(-1, i64::MAX) },
    Attribute { name: "lite.topic.expiration", changeable: true, values: Values::Range(-1, MINUTES_OF_30_DAYS) },
];

const GROUP_ATTRIBUTES: [Attribute; 8] = [
    Attribute { name: "priority.factor", changeable: true, values: Values::Range(0, 100) },
    Attribute { name: "lite.bind.topic", changeable: true, values: Values::Any },
    Attribute { name: "lite.sub.model", changeable: true, values: Values::OneOf(&["Shared", "Exclusive"]) },
    Attribute { name: "lite.sub.reset.offset.exclusive", changeable: true, values: BOOLEAN },
    Attribute { name: "lite.sub.reset.offset.unsubscribe", changeable: true, values: BOOLEAN },
    Attribute { name: "lite.sub.client.quota", changeable: true, values: Values::Range(-1, i64::MAX) },
    Attribute { name: "lite.sub.client.max.event.cnt", changeable: true, values: Values::Range(10, i64::MAX) },
    Attribute { name: "lite.sub.wildcard", changeable: true, values: Values::Any },
];

const BOOLEAN: Values = Values::OneOf(&["true", "false"]);

/// Why a change of attributes is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// Neither `+name` nor `-name`.
    #[error("wrong format key: {0}: write +{0}=value to set it, -{0} to remove it")]
    WrongFormat(String),
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
    /// A value outside the attribute's set or range.
    #[error("value not in the allowed ones: {key}={value} (allowed: {allowed})")]
    BadValue {
        /// The attribute.
        key: String,
        /// The value that was asked for.
        value: String,
        /// The values that there are.
        allowed: String,
    },
    /// An attribute whose promise this broker does not keep yet.
    #[error("{0} is not supported by this broker yet")]
    NotServed(String),
}

/// Reads the `attributes` field of a request: `+a=1,-b,+c=2`.
pub fn parse(text: &str) -> Result<Attributes, AttributeError> {
    let mut changes = Attributes::new();
    for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
        let (key, value) = change.split_once('=').unwrap_or((change, ""));
        let well_formed = key.starts_with(['+', '-']) && key.len() > 1;
        if !well_formed || (key.starts_with('+') && value.is_empty()) {
            return Err(AttributeError::WrongFormat(key.trim_start_matches(['+', '-']).to_owned()));
        }
        changes.insert(key.trim().to_owned(), value.trim().to_owned());
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
        if let Some(name) = change.strip_prefix('+') {
            check_value(set, name, value, current.is_none())?;
            result.insert(name.to_owned(), value.clone());
        } else if let Some(name) = change.strip_prefix('-') {
            if current.is_none() {
                return Err(AttributeError::OnlyAdd(name.to_owned()));
            }
            if !find(set, name)?.changeable {
                return Err(AttributeError::Unchangeable(name.to_owned()));
            }
            result.remove(name).ok_or_else(|| AttributeError::Nonexistent(name.to_owned()))?;
        } else {
            return Err(AttributeError::WrongFormat(change.clone()));
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
    let (fits, allowed) = match &attribute.values {
        Values::OneOf(values) => (values.contains(&value), values.join(", ")),
        Values::Range(low, high) => {
            let fits = value.parse().is_ok_and(|number: i64| (*low..=*high).contains(&number));
            (fits, format!("{low} to {high}"))
        }
        Values::Any => (true, String::new()),
    };
    if !fits {
        return Err(AttributeError::BadValue { key: name.to_owned(), value: value.to_owned(), allowed });
    }
    // A topic that says so would be promised batch queues or compaction, which the store does not have.
    if matches!(value, "BatchCQ" | "COMPACTION") {
        return Err(AttributeError::NotServed(format!("{name}={value}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(current: Option<&str>, changes: &str) -> Result<Attributes, AttributeError> {
        let current = current.map(|text| change(TOPIC, None, &parse(text).unwrap()).unwrap());
        change(TOPIC, current.as_ref(), &parse(changes)?)
    }

    #[test]
    fn attributes_are_set_changed_and_removed() {
        let set = changed(None, "+message.type=FIFO, +reserve.time=3600").unwrap();
        assert_eq!(set["message.type"], "FIFO");
        assert_eq!(changed(Some("+message.type=FIFO"), "+message.type=DELAY").unwrap()["message.type"], "DELAY");
        assert!(changed(Some("+message.type=FIFO"), "-message.type").unwrap().is_empty());
        assert!(changed(None, "").unwrap().is_empty());
    }

    #[test]
    fn groups_have_attributes_of_their_own() {
        let changes = parse("+priority.factor=50").unwrap();
        assert!(change(GROUP, None, &changes).is_ok());
        assert!(change(TOPIC, None, &changes).is_err());
    }

    #[test]
    fn refusals_name_the_attribute() {
        let refused = |current, changes| changed(current, changes).unwrap_err().to_string();
        assert_eq!(refused(None, "+colour=red"), "unsupported key: colour");
        assert_eq!(
            refused(None, "-message.type"),
            "only add attribute is supported while creating topic. key: message.type"
        );
        assert_eq!(refused(Some(""), "-message.type"), "attempt to delete a nonexistent key: message.type");
        assert_eq!(
            refused(Some(""), "+queue.type=SimpleCQ"),
            "attempt to update an unchangeable attribute. key: queue.type"
        );
        assert!(refused(None, "+message.type=fifo").contains("FIFO"));
        assert!(refused(None, "+reserve.time=soon").contains("-1 to"));
        assert!(refused(None, "message.type=FIFO").starts_with("wrong format key: message.type"));
        assert!(refused(None, "+queue.type=BatchCQ").contains("not supported"));
    }
}
