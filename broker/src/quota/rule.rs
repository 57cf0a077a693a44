//! What may pass in a second, as operators write it: `topic:orders=1000/1048576;group:*=500;client:*=0/0/100`.

use bolide_remoting::keys::{Allowed, Value};

/// The most rules: each is looked at for each message.
const MOST_RULES: usize = 100;
/// Stands for every name without a rule of its own; each of them has the whole limit for itself.
const ANY: &str = "*";

bolide_remoting::words! {
    /// Whose messages are counted together.
    #[derive(Hash)]
    pub(crate) enum Subject {
        /// All that are sent to a topic.
        Topic = "topic",
        /// All that come from an address.
        Client = "client",
        /// All that a user sends, and the connections that are theirs.
        User = "user",
        /// All that a consumer group reads.
        Group = "group",
        /// All that are read of a topic.
        TopicReads = "topic-reads",
        /// All that go to an address.
        ClientReads = "client-reads",
        /// All that a user reads.
        UserReads = "user-reads",
    }
}

/// What may pass in a second, and be open at the same time; 0: as much as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Of a client or a user only.
    pub(crate) connections: u64,
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
    const ALLOWED: Allowed = Allowed::Form(
        "rules KIND:NAME=MESSAGES/BYTES with ; between them, KIND being topic, client, user, group, topic-reads, client-reads or \
         user-reads; client and user take MESSAGES/BYTES/CONNECTIONS, too",
    );

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
    let (subject, name) = (Subject::named(kind.trim())?, name.trim());
    let numbers: Vec<u64> = limit.split('/').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    let most = if matches!(subject, Subject::Client | Subject::User) { 3 } else { 2 };
    if name.is_empty() || numbers.len() > most {
        return None;
    }
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    Some((subject, name.to_owned(), Limit { messages: number(0), bytes: number(1), connections: number(2) }))
}
