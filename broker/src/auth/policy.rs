//! What a user may do, as it is written down: entries with resources, actions, networks and a decision; and which of them counts. Names and
//! forms are those of Apache's policies.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;

use bolide_remoting::network::Network;

bolide_remoting::words! {
    /// What is done to a resource.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Action {
        /// Everything, in a policy.
        All = "All",
        /// Messages are sent to it.
        Pub = "Pub",
        /// Messages are read from it.
        Sub = "Sub",
        /// It is created.
        Create = "Create",
        /// It is changed.
        Update = "Update",
        /// It is deleted.
        Delete = "Delete",
        /// It is looked at.
        Get = "Get",
        /// It is named in a list.
        List = "List",
    }
}

bolide_remoting::words! {
    /// What kind of thing a resource is.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Kind {
        /// A topic.
        Topic = "Topic",
        /// A consumer group.
        Group = "Group",
        /// The cluster as a whole.
        Cluster = "Cluster",
    }
}

bolide_remoting::words! {
    /// What an entry decides.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Decision {
        /// No.
        Deny = "Deny",
        /// Yes.
        Allow = "Allow",
    }
}

bolide_remoting::words! {
    /// The two ranks of policies.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum PolicyType {
        /// Looked at first.
        Custom = "Custom",
        /// Looked at where no entry of the others fits.
        Default = "Default",
    }
}

/// Something that a request touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Cow<'a, str>,
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind.name(), self.name)
    }
}

/// Which resources an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: all.
    Everything,
    /// `Topic:*`: all of a kind.
    Kind(Kind),
    /// `Topic:name*`: those whose names begin so.
    Prefix(Kind, String),
    /// `Topic:name`.
    Literal(Kind, String),
}

impl Pattern {
    /// Reads the written form; what follows a first `*` is ignored, as Apache does.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everything);
        }
        let (kind, name) = text.split_once(':')?;
        let kind = Kind::named(kind)?;
        match name {
            "" => None,
            "*" => Some(Self::Kind(kind)),
            _ if name.ends_with('*') => {
                let prefix = name.split('*').next().unwrap_or_default();
                Some(if prefix.is_empty() { Self::Kind(kind) } else { Self::Prefix(kind, prefix.to_owned()) })
            }
            _ => Some(Self::Literal(kind, name.to_owned())),
        }
    }

    fn matches(&self, resource: &Resource<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Kind(kind) => *kind == resource.kind,
            Self::Prefix(kind, prefix) => *kind == resource.kind && resource.name.starts_with(prefix),
            Self::Literal(kind, name) => *kind == resource.kind && resource.name == *name,
        }
    }

    /// The smallest counts first: a name before prefixes, a longer prefix before a shorter one, all of a kind, everything.
    fn rank(&self) -> (u8, Reverse<usize>) {
        match self {
            Self::Literal(..) => (0, Reverse(0)),
            // Java counts in UTF-16; topics and groups have ASCII names.
            Self::Prefix(_, prefix) => (1, Reverse(prefix.len())),
            Self::Kind(_) => (2, Reverse(0)),
            Self::Everything => (3, Reverse(0)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => out.write_str("*"),
            Self::Kind(kind) => write!(out, "{}:*", kind.name()),
            Self::Prefix(kind, prefix) => write!(out, "{}:{prefix}*", kind.name()),
            Self::Literal(kind, name) => write!(out, "{}:{name}", kind.name()),
        }
    }
}

/// What is allowed or denied on some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The resources.
    pub pattern: Pattern,
    /// The actions; never empty.
    pub actions: Vec<Action>,
    /// Where requests come from; empty stands for anywhere.
    pub networks: Vec<Network>,
    /// What is decided.
    pub decision: Decision,
}

impl Entry {
    fn matches(&self, demand: &Demand<'_>, source: IpAddr) -> bool {
        let acts = |action: &Action| *action == Action::All || demand.actions.contains(action);
        self.pattern.matches(&demand.resource)
            && self.actions.iter().any(acts)
            && (self.networks.is_empty() || self.networks.iter().any(|network| network.contains(source)))
    }
}

/// The entries of one rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The rank.
    pub policy_type: PolicyType,
    /// The entries, at most one for each pattern.
    pub entries: Vec<Entry>,
}

/// What a request wants to do to one resource: any of the actions will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand<'a> {
    /// The resource.
    pub resource: Resource<'a>,
    /// The actions of which one must be allowed.
    pub actions: &'a [Action],
}

/// What a user's policies say to a demand; `None` where none of their entries fits. The policies of the first rank that has an entry which
/// fits decide; of those the most specific one; of several of these one that denies.
pub fn decide(policies: &[Policy], demand: &Demand<'_>, source: IpAddr) -> Option<Decision> {
    let of_rank = |rank: PolicyType| {
        let policies = policies.iter().filter(move |policy| policy.policy_type == rank);
        let entries = policies.flat_map(|policy| &policy.entries).filter(|entry| entry.matches(demand, source));
        entries.min_by_key(|entry| (entry.pattern.rank(), entry.decision)).map(|entry| entry.decision)
    };
    of_rank(PolicyType::Custom).or_else(|| of_rank(PolicyType::Default))
}
