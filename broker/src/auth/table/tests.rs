use std::cmp::Reverse;

use bolide_remoting::network::Network;
use proptest::prelude::*;

use super::*;
use crate::auth::policy::{Action, Kind, Resource};

const HOME: &str = "10.0.0.1";
const ABROAD: &str = "192.168.0.1";

fn entry(pattern: &str, actions: &[Action], networks: &[&str], decision: Decision) -> Entry {
    Entry {
        pattern: Pattern::parse(pattern).unwrap(),
        actions: actions.to_vec(),
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        decision,
    }
}

fn custom(entries: Vec<Entry>) -> Policy {
    Policy { policy_type: PolicyType::Custom, entries }
}

fn fallback(entries: Vec<Entry>) -> Policy {
    Policy { policy_type: PolicyType::Default, entries }
}

fn table(policies: Vec<Policy>) -> Table {
    let mut table = Table::default();
    let password = |text: &str| UserChange { password: Some(text.to_owned()), ..UserChange::default() };
    table.create_user("ann", password("a")).unwrap();
    table.create_user("root", UserChange { user_type: Some(UserType::Super), ..password("r") }).unwrap();
    if !policies.is_empty() {
        table.put_policies("ann", policies).unwrap();
    }
    table
}

fn demand<'a>(resource: &'a str, actions: &'a [Action]) -> Demand<'a> {
    let (kind, name) = resource.split_once(':').unwrap();
    Demand { resource: Resource { kind: Kind::named(kind).unwrap(), name: name.into() }, actions }
}

fn may(table: &Table, resource: &str, action: Action) -> bool {
    table.authorize("ann", &demand(resource, &[action]), HOME.parse().unwrap()).is_ok()
}

#[test]
fn the_most_specific_entry_counts() {
    use Action::{All, Pub, Sub};
    use Decision::{Allow, Deny};
    let table = table(vec![custom(vec![
        entry("*", &[All], &[], Deny),
        entry("Topic:*", &[Pub], &[], Allow),
        entry("Topic:a*", &[Pub], &[], Deny),
        entry("Topic:ab*", &[Pub], &[], Allow),
        entry("Topic:abc", &[Pub], &[], Deny),
    ])]);
    for (topic, expected) in [("x", true), ("a", false), ("ab", true), ("abd", true), ("abc", false)] {
        assert_eq!(may(&table, &format!("Topic:{topic}"), Pub), expected, "{topic}");
    }
    assert!(!may(&table, "Topic:x", Sub), "only * speaks of it");
    assert!(!may(&table, "Group:x", Pub));
}

#[test]
fn the_default_counts_where_no_custom_entry_fits() {
    use Action::{Pub, Sub};
    use Decision::{Allow, Deny};
    let table = table(vec![
        fallback(vec![entry("Topic:t", &[Pub, Sub], &[], Allow)]),
        custom(vec![entry("Topic:*", &[Sub], &[], Deny)]),
    ]);
    assert!(may(&table, "Topic:t", Pub));
    assert!(!may(&table, "Topic:t", Sub), "the custom one is less specific, but is looked at first");
    assert!(!may(&table, "Topic:u", Pub), "what nothing speaks of is denied");
}

#[test]
fn networks_and_actions_must_fit() {
    use Action::{Get, Pub, Sub};
    let table = table(vec![custom(vec![entry("Topic:t", &[Sub], &["10.0.0.0/8"], Decision::Allow)])]);
    let from = |source: &str, actions: &[Action]| {
        table.authorize("ann", &demand("Topic:t", actions), source.parse().unwrap()).map_err(|error| error.to_string())
    };
    assert_eq!(from(HOME, &[Sub]), Ok(()));
    assert_eq!(from(HOME, &[Get, Sub]), Ok(()), "any of them will do");
    let refused = |what| Err(format!("User:ann has no permission to access Topic:t from {what}, no matched policies."));
    assert_eq!(from(ABROAD, &[Sub]), refused(ABROAD));
    assert_eq!(from(HOME, &[Pub]), refused(HOME));
}

#[test]
fn who_somebody_is_comes_first() {
    let mut table = table(Vec::new());
    let words =
        |name: Option<&str>, table: &Table| table.authenticate(name).map(drop).map_err(|error| error.to_string());
    assert_eq!(words(None, &table), Err("username cannot be null.".to_owned()));
    assert_eq!(words(Some(""), &table), Err("username cannot be null.".to_owned()));
    assert_eq!(words(Some("eve"), &table), Err("User:eve is not found.".to_owned()));
    assert_eq!(words(Some("ann"), &table), Ok(()));
    let root = |table: &Table| table.authorize("root", &demand("Cluster:c", &[Action::Update]), HOME.parse().unwrap());
    assert_eq!(root(&table), Ok(()), "without any policy");
    let disabled = UserChange { status: Some(UserStatus::Disable), ..UserChange::default() };
    table.update_user("root", disabled).unwrap();
    assert_eq!(root(&table), Err(AuthError::Disabled("root".to_owned())));
}

#[test]
fn users_are_created_changed_and_deleted() {
    let mut table = table(vec![custom(vec![entry("*", &[Action::All], &[], Decision::Allow)])]);
    let with = |password: &str| UserChange { password: Some(password.to_owned()), ..UserChange::default() };
    assert_eq!(table.create_user("ann", with("x")), Err(AuthError::UserExists));
    assert_eq!(table.create_user("bob", UserChange::default()), Err(AuthError::NoPassword));
    assert_eq!(table.create_user("bob", with(" ")), Err(AuthError::NoPassword));
    assert_eq!(table.create_user("bob", with(&"x".repeat(MAX_NAME_BYTES + 1))), Err(AuthError::Full));
    assert_eq!(table.update_user("bob", with("x")), Err(AuthError::NoSuchUser));
    table.update_user("ann", with("b")).unwrap();
    let ann = User { password: "b".to_owned(), user_type: UserType::Normal, status: UserStatus::Enable };
    assert_eq!(table.user("ann"), Some(&ann));
    table.delete_user("ann");
    table.delete_user("ann");
    assert_eq!((table.user("ann"), table.policies("ann")), (None, Err(AuthError::NoSuchSubject)));
    table.create_user("ann", with("c")).unwrap();
    assert_eq!(table.policies("ann"), Ok(None), "the next one of the name has none of the rights");
}

#[test]
fn policies_are_added_replaced_and_deleted() {
    use Action::{Pub, Sub};
    use Decision::{Allow, Deny};
    let mut table = table(vec![custom(vec![entry("Topic:a", &[Pub], &[], Allow)])]);
    let more = vec![
        custom(vec![entry("Topic:a", &[Sub], &[], Deny), entry("Topic:b", &[Sub], &[], Allow)]),
        fallback(vec![entry("Topic:a", &[Pub], &[], Allow)]),
    ];
    table.put_policies("ann", more.clone()).unwrap();
    assert_eq!(table.policies("ann"), Ok(Some(more.as_slice())));
    assert_eq!(table.put_policies("eve", more), Err(AuthError::NoSubject("eve".to_owned())));

    let a = Pattern::parse("Topic:a").unwrap();
    table.delete_policies("ann", Some((PolicyType::Custom, &a))).unwrap();
    let left = table.policies("ann").unwrap().unwrap();
    assert_eq!(left.iter().map(|policy| policy.entries.len()).collect::<Vec<_>>(), [1, 1]);
    table.delete_policies("ann", None).unwrap();
    assert_eq!(table.policies("ann"), Ok(None));
    assert_eq!(table.delete_policies("ann", None), Err(AuthError::NoAcl));
    assert_eq!(table.delete_policies("eve", None), Err(AuthError::NoSuchSubject));
}

#[test]
fn patterns_are_read_and_written() {
    for (text, written) in [
        ("*", "*"),
        ("topic:*", "Topic:*"),
        ("Group:g*", "Group:g*"),
        ("Group:g*h*", "Group:g*"),
        ("Cluster:c", "Cluster:c"),
        ("Topic:%DLQ%g", "Topic:%DLQ%g"),
    ] {
        assert_eq!(Pattern::parse(text).unwrap().to_string(), written);
    }
    for text in ["", "Topic", "Topic:", "Queue:q", "**"] {
        assert_eq!(Pattern::parse(text), None, "{text}");
    }
}

/// The rules once more, written down as one reads them: sort what fits, take the first.
fn naive(policies: &[Policy], demand: &Demand<'_>, source: IpAddr) -> Option<Decision> {
    for rank in [PolicyType::Custom, PolicyType::Default] {
        let mut fitting: Vec<&Entry> = Vec::new();
        for policy in policies.iter().filter(|policy| policy.policy_type == rank) {
            for entry in &policy.entries {
                let text = entry.pattern.to_string();
                let (own, name) = (demand.resource.to_string(), demand.resource.kind.name());
                let by_name = match text.as_str() {
                    "*" => true,
                    text if text.ends_with('*') => own.starts_with(text.trim_end_matches('*')),
                    text => own == text,
                };
                let by_action = entry.actions.iter().any(|own| *own == Action::All || demand.actions.contains(own));
                let by_source = entry.networks.is_empty() || entry.networks.iter().any(|own| own.contains(source));
                if by_name && by_action && by_source && (text == "*" || text.starts_with(name)) {
                    fitting.push(entry);
                }
            }
        }
        // Prefixes of a kind are the longer the more specific, and "Topic:*" is the shortest of them.
        fitting.sort_by_key(|entry| {
            let text = entry.pattern.to_string();
            let exact = !text.ends_with('*');
            (!exact, Reverse(if exact { 0 } else { text.len() }), entry.decision == Decision::Allow)
        });
        if let Some(first) = fitting.first() {
            return Some(first.decision);
        }
    }
    None
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let patterns = ["*", "Topic:*", "Topic:a*", "Topic:ab*", "Topic:ab", "Topic:a", "Group:*", "Group:a", "Group:a*"];
    let actions = proptest::collection::vec(prop_oneof![Just(Action::All), Just(Action::Pub), Just(Action::Sub)], 1..3);
    let networks: Vec<Network> = ["10.0.0.0/8", "192.168.0.1"].iter().map(|text| text.parse().unwrap()).collect();
    let networks = proptest::sample::subsequence(networks, 0..=2);
    let decision = prop_oneof![Just(Decision::Allow), Just(Decision::Deny)];
    (proptest::sample::select(patterns.to_vec()), actions, networks, decision).prop_map(
        |(pattern, actions, networks, decision)| Entry {
            pattern: Pattern::parse(pattern).unwrap(),
            actions,
            networks,
            decision,
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rank = prop_oneof![Just(PolicyType::Custom), Just(PolicyType::Default)];
    (rank, proptest::collection::vec(any_entry(), 1..6))
        .prop_map(|(policy_type, entries)| Policy { policy_type, entries })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decisions_are_those_of_the_naive_rules(
        policies in proptest::collection::vec(any_policy(), 0..4),
        resource in proptest::sample::select(vec!["Topic:a", "Topic:ab", "Topic:abc", "Topic:b", "Group:a", "Group:ab"]),
        actions in proptest::sample::subsequence(vec![Action::Pub, Action::Sub, Action::Get], 1..=3),
        source in proptest::sample::select(vec![HOME, ABROAD, "192.168.0.2"]),
    ) {
        let (demand, source) = (demand(resource, &actions), source.parse().unwrap());
        prop_assert_eq!(decide(&policies, &demand, source), naive(&policies, &demand, source));
    }

    #[test]
    fn puts_and_deletes_leave_one_entry_for_each_rank_and_pattern(
        steps in proptest::collection::vec((any_policy(), any::<bool>()), 0..20)
    ) {
        let mut table = table(Vec::new());
        let mut model: BTreeMap<(PolicyType, String), Entry> = BTreeMap::new();
        for (policy, delete) in steps {
            let rank = policy.policy_type;
            if delete {
                let pattern = policy.entries[0].pattern.clone();
                let expected = if model.is_empty() { Err(AuthError::NoAcl) } else { Ok(()) };
                prop_assert_eq!(table.delete_policies("ann", Some((rank, &pattern))), expected);
                model.remove(&(rank, pattern.to_string()));
            } else {
                for entry in &policy.entries {
                    model.insert((rank, entry.pattern.to_string()), entry.clone());
                }
                prop_assert_eq!(table.put_policies("ann", vec![policy]), Ok(()));
            }
            let own = table.policies("ann").unwrap().unwrap_or_default();
            let seen: BTreeMap<_, _> = own
                .iter()
                .flat_map(|policy| policy.entries.iter().map(move |entry| (policy.policy_type, entry)))
                .map(|(rank, entry)| ((rank, entry.pattern.to_string()), entry.clone()))
                .collect();
            prop_assert_eq!(own.iter().map(|policy| policy.entries.len()).sum::<usize>(), model.len());
            prop_assert_eq!(&seen, &model);
        }
    }
}
