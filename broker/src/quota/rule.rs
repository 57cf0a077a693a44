//! What may pass in a second, as operators write it: `topic:orders=1000/1048576;group:*=500/0`.

use std::fmt;

use bolide_remoting::keys::{Allowed, Value};

/// The most rules: each is looked at for each message.
const MOST_RULES: usize = 100;
/// Stands for every name without a rule of its own; each of them has the whole limit for itself.
const ANY: &str = "*";

/// Whose messages are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// All that are sent to a topic.
    Topic,
    /// All that come from an address.
    Client,
    /// All that a user sends.
    User,
    /// All that a consumer group reads.
    Group,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Topic => "topic",
            Subject::Client => "client",
            Subject::User => "user",
            Subject::Group => "group",
        })
    }
}

/// What may pass in a second; 0: as much as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// The rules of a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas {
    text: String,
    rules: Vec<(Subject, String, Limit)>,
}

impl Quotas {
    /// Is nothing limited?
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The limit of a name: its own, or that of any name.
    pub(crate) fn find(&self, subject: Subject, name: &str) -> Option<Limit> {
        let of = |wanted: &str| {
            let rule = self.rules.iter().find(|(known, named, _)| *known == subject && named == wanted);
            rule.map(|(_, _, limit)| *limit)
        };
        of(name).or_else(|| of(ANY))
    }
}

impl Value for Quotas {
    const ALLOWED: Allowed =
        Allowed::Form("rules KIND:NAME=MESSAGES/BYTES with ; between them, KIND being topic, client, user or group");

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        let written = text.split(';').map(str::trim).filter(|rule| !rule.is_empty());
        let rules: Vec<_> = written.map(rule).collect::<Option<_>>()?;
        (rules.len() <= MOST_RULES).then(|| Quotas { text: text.to_owned(), rules })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}

fn rule(text: &str) -> Option<(Subject, String, Limit)> {
    let (whose, limit) = text.rsplit_once('=')?;
    let (kind, name) = whose.split_once(':')?;
    let kinds = [Subject::Topic, Subject::Client, Subject::User, Subject::Group];
    let subject = kinds.into_iter().find(|subject| subject.to_string() == kind.trim())?;
    let (messages, bytes) = limit.split_once('/').unwrap_or((limit, "0"));
    let limit = Limit { messages: messages.trim().parse().ok()?, bytes: bytes.trim().parse().ok()? };
    let name = name.trim();
    (!name.is_empty()).then(|| (subject, name.to_owned(), limit))
}
