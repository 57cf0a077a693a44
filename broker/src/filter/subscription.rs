//! What a group reads from a topic: all messages, those with certain tags, or those whose properties meet a condition. A tag is
//! compared by its Java hash, which is what a consume queue keeps; clients compare the tag itself again, so that two tags with one
//! hash cannot be confused. A condition needs the message's properties, so that the record must be looked at.

use bolide_store::record::{RecordView, java_hash};

use super::sql::{Expression, ParseError, SQL92};

/// The expression that stands for all messages.
pub const ALL: &str = "*";
/// The type of expressions made of tags.
pub const TAG: &str = "TAG";

/// What a subscription's expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Tags, or everything: the queue's entry tells.
    Tags,
    /// A condition over properties: the message must be looked at.
    Properties(Expression),
    /// An expression that cannot be understood; the text says why and where.
    Broken(String),
}

/// One group's subscription to one topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// The expression as the client wrote it.
    pub expression: String,
    /// `TAG`, or a type that is compiled elsewhere.
    pub expression_type: String,
    /// The tags named by the expression, in its order.
    pub tags: Vec<String>,
    /// The Java hashes of the tags, sorted.
    pub codes: Vec<i32>,
    /// When the client last changed it, in milliseconds; newer replaces older.
    pub version: i64,
    /// The client filters by a class of its own: the broker hands out everything.
    pub class_filter: bool,
    /// The expression as it is evaluated.
    pub condition: Condition,
}

/// A tag expression that names no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression `{0}` names no tag: write `*`, or tags separated by `||`")]
pub struct NoTag(pub String);

impl Subscription {
    /// A subscription to all messages of a topic.
    pub fn all(topic: &str) -> Self {
        Subscription {
            topic: topic.to_owned(),
            expression: ALL.to_owned(),
            expression_type: TAG.to_owned(),
            tags: Vec::new(),
            codes: Vec::new(),
            version: 0,
            class_filter: false,
            condition: Condition::Tags,
        }
    }

    /// Reads an expression over properties.
    pub fn by_properties(topic: &str, expression: &str, version: i64) -> Result<Self, ParseError> {
        let condition = Condition::Properties(Expression::parse(expression)?);
        let (expression, expression_type) = (expression.to_owned(), SQL92.to_owned());
        Ok(Subscription { expression, expression_type, version, condition, ..Subscription::all(topic) })
    }

    /// Reads a tag expression: `*` or nothing for all, else tags separated by `||`.
    pub fn by_tags(topic: &str, expression: &str, version: i64) -> Result<Self, NoTag> {
        let all = Subscription { version, ..Subscription::all(topic) };
        if expression.is_empty() || expression == ALL {
            return Ok(all);
        }
        let tags = expression.split("||").map(str::trim).filter(|tag| !tag.is_empty());
        let tags: Vec<String> = tags.map(str::to_owned).collect();
        if tags.is_empty() {
            return Err(NoTag(expression.to_owned()));
        }
        let mut codes: Vec<i32> = tags.iter().map(|tag| java_hash(tag)).collect();
        codes.sort_unstable();
        Ok(Subscription { expression: expression.to_owned(), tags, codes, ..all })
    }

    /// Whether the messages themselves must be looked at ([`Subscription::matches`]).
    pub fn looks_at_messages(&self) -> bool {
        !self.class_filter && !matches!(self.condition, Condition::Tags)
    }

    /// Whether a message is wanted, as far as its queue entry tells by the tags code.
    pub fn accepts(&self, tags_code: i64) -> bool {
        self.class_filter
            || self.looks_at_messages()
            || self.expression == ALL
            // The queue keeps the hash as 64 bits; Java compares the low 32.
            || self.codes.binary_search(&(tags_code as i32)).is_ok()
    }

    /// Whether a message bears one of the tags, which a queue entry cannot tell from another tag with the same hash.
    pub fn names_tag_of(&self, record: &RecordView<'_>) -> bool {
        self.tags.is_empty()
            || record.properties().get_str("TAGS").is_some_and(|tag| self.tags.iter().any(|it| it == tag))
    }

    /// Whether a message is wanted, as its record tells.
    pub fn matches(&self, record: &RecordView<'_>) -> bool {
        match &self.condition {
            _ if self.class_filter => true,
            Condition::Tags => true,
            Condition::Properties(expression) => expression.matches(|name| record.properties().get_str(name)),
            Condition::Broken(_) => false,
        }
    }
}

impl Condition {
    /// Evaluates the expression of a subscription of the given type, which clients may announce without anyone to refuse it.
    pub fn of(expression_type: &str, expression: &str) -> Self {
        match expression_type {
            _ if is_tag_type(expression_type) => Condition::Tags,
            SQL92 => Expression::parse(expression)
                .map_or_else(|error| Condition::Broken(error.to_string()), Condition::Properties),
            other => Condition::Broken(format!("there is no filter of type {other}")),
        }
    }
}

/// Whether a client's expression type means tags. Clients leave the type out, or send it empty, for tags.
pub fn is_tag_type(expression_type: &str) -> bool {
    expression_type.is_empty() || expression_type == TAG
}

#[cfg(test)]
mod tests;
