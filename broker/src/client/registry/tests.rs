use super::*;
use proptest::prelude::*;

fn who(connection_id: ConnectionId) -> Introduction<ConnectionId> {
    let client_id = format!("client-{connection_id}");
    Introduction { connection_id, connection: connection_id, client_id, language: Language::JAVA, version: 513 }
}

fn reads(topics: &[(&str, i64)]) -> Consumption {
    let subscription = |&(topic, version): &(&str, i64)| Subscription { version, ..Subscription::all(topic) };
    Consumption {
        consume_type: ConsumeType::Passively,
        message_model: MessageModel::Clustering,
        consume_from_where: ConsumeFromWhere::LastOffset,
        subscriptions: Some(topics.iter().map(subscription).collect()),
        fingerprint: 0,
    }
}

#[test]
fn a_group_changes_when_a_member_joins_or_its_topics_change_but_not_with_each_heartbeat() {
    let mut clients = ClientRegistry::default();
    assert!(clients.consumer_heard("g", &who(1), reads(&[("t", 1)]), 0).changed);
    assert!(!clients.consumer_heard("g", &who(1), reads(&[("t", 1)]), 1).changed);
    assert!(!clients.consumer_heard("g", &who(1), reads(&[("t", 2)]), 2).changed, "only the expression is newer");
    assert_eq!(clients.subscription("g", "t").unwrap().version, 2);
    assert!(clients.consumer_heard("g", &who(1), reads(&[("t", 2), ("u", 1)]), 3).changed);
    assert!(clients.consumer_heard("g", &who(2), reads(&[("t", 2), ("u", 1)]), 4).changed);
    assert!(clients.consumer_heard("g", &who(2), reads(&[("u", 1)]), 5).changed);
    assert!(clients.subscription("g", "t").is_none());
}

#[test]
fn an_older_subscription_does_not_replace_a_newer_one() {
    let mut clients = ClientRegistry::default();
    clients.consumer_heard("g", &who(1), reads(&[("t", 9)]), 0);
    clients.consumer_heard("g", &who(2), reads(&[("t", 3)]), 0);
    assert_eq!(clients.subscription("g", "t").unwrap().version, 9);
}

#[test]
fn a_heartbeat_without_subscriptions_keeps_them_and_tells_a_changed_fingerprint() {
    let mut clients = ClientRegistry::default();
    let full = Consumption { fingerprint: 7, ..reads(&[("t", 1)]) };
    let short = Consumption { subscriptions: None, ..full.clone() };
    assert!(!clients.consumer_heard("g", &who(1), full, 0).fingerprint_changed);
    assert_eq!(
        clients.consumer_heard("g", &who(1), short.clone(), 1),
        Heard { changed: false, fingerprint_changed: false }
    );
    let other = Consumption { fingerprint: 8, ..short };
    assert!(clients.consumer_heard("g", &who(1), other, 2).fingerprint_changed);
    assert!(clients.subscription("g", "t").is_some());
}

#[test]
fn a_client_that_believes_itself_known_is_asked_for_its_subscriptions() {
    let mut clients = ClientRegistry::default();
    let short = Consumption { subscriptions: None, fingerprint: 7, ..reads(&[]) };
    assert!(clients.consumer_heard("g", &who(1), short, 0).fingerprint_changed);
}

#[test]
fn silent_clients_are_taken_out_of_all_their_groups() {
    let mut clients = ClientRegistry::default();
    clients.consumer_heard("g", &who(1), reads(&[("t", 1)]), 0);
    clients.consumer_heard("g", &who(2), reads(&[("t", 1)]), 100);
    clients.producer_heard("p", &who(1), 0);
    assert_eq!(clients.expire(100, 100), (vec![], vec![]));
    assert_eq!(clients.expire(101, 100), (vec![1], vec!["g".to_owned()]));
    assert!(clients.producer_group("p").is_none());
    assert_eq!(clients.consumer_group("g").unwrap().members.len(), 1);
    assert_eq!(clients.groups_of_topic("t").collect::<Vec<_>>(), ["g"]);
}

#[test]
fn of_several_connections_of_one_client_the_last_is_meant() {
    let mut clients = ClientRegistry::default();
    for connection in [3, 9, 7] {
        let again = Introduction { client_id: "client".to_owned(), ..who(connection) };
        clients.consumer_heard("g", &again, reads(&[("t", 1)]), 0);
        clients.producer_heard(&format!("p{connection}"), &again, 0);
    }
    clients.producer_heard("p9", &who(11), 0);
    let id = |member: &Member<ConnectionId>| member.introduction.connection_id;
    assert_eq!(clients.consumer_group("g").unwrap().member("client").map(id), Some(9));
    assert_eq!(clients.producer("client").map(id), Some(9));
    clients.connection_closed(9);
    assert_eq!(clients.producer("client").map(id), Some(7));
    assert_eq!(clients.producer("nobody").map(id), None);
}

#[derive(Debug, Clone)]
enum Step {
    Consume { group: u8, connection: u64 },
    Produce { group: u8, connection: u64 },
    Leave { group: u8, connection: u64 },
    Close { connection: u64 },
    Expire,
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 0..4u64).prop_map(|(group, connection)| Step::Consume { group, connection }),
        2 => (0..3u8, 0..4u64).prop_map(|(group, connection)| Step::Produce { group, connection }),
        2 => (0..3u8, 0..4u64).prop_map(|(group, connection)| Step::Leave { group, connection }),
        1 => (0..4u64).prop_map(|connection| Step::Close { connection }),
        1 => Just(Step::Expire),
        2 => (0..80i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    /// The naive model: a flat list of memberships, each with the time of its last heartbeat.
    #[test]
    fn membership_is_what_the_heartbeats_of_live_connections_say(steps in prop::collection::vec(step(), 1..80)) {
        let mut clients = ClientRegistry::default();
        let mut consumers: HashMap<(u8, u64), i64> = HashMap::new();
        let mut producers: HashMap<(u8, u64), i64> = HashMap::new();
        let mut now = 0;
        let name = |group: u8| format!("g{group}");
        for step in steps {
            match step {
                Step::Consume { group, connection } => {
                    let heard = clients.consumer_heard(&name(group), &who(connection), reads(&[("t", 1)]), now);
                    prop_assert_eq!(heard.changed, consumers.insert((group, connection), now).is_none());
                }
                Step::Produce { group, connection } => {
                    clients.producer_heard(&name(group), &who(connection), now);
                    producers.insert((group, connection), now);
                }
                Step::Leave { group, connection } => {
                    let left = clients.consumer_left(&name(group), connection);
                    prop_assert_eq!(left, consumers.remove(&(group, connection)).is_some());
                }
                Step::Close { connection } => {
                    let mut lost = clients.connection_closed(connection);
                    lost.sort();
                    let mut expected: Vec<String> =
                        consumers.keys().filter(|(_, c)| *c == connection).map(|(g, _)| name(*g)).collect();
                    expected.sort();
                    prop_assert_eq!(lost, expected);
                    consumers.retain(|(_, c), _| *c != connection);
                    producers.retain(|(_, c), _| *c != connection);
                }
                Step::Expire => {
                    let all = consumers.iter().chain(&producers);
                    let gone: HashSet<u64> = all.filter(|(_, seen)| now - **seen > 100).map(|((_, c), _)| *c).collect();
                    let (mut closed, _) = clients.expire(now, 100);
                    closed.sort();
                    let mut expected: Vec<u64> = gone.iter().copied().collect();
                    expected.sort();
                    prop_assert_eq!(closed, expected);
                    consumers.retain(|(_, c), _| !gone.contains(c));
                    producers.retain(|(_, c), _| !gone.contains(c));
                }
                Step::Wait { ms } => now += ms,
            }
            for group in 0..3 {
                let members = clients.consumer_group(&name(group)).map_or(0, |g| g.members.len());
                prop_assert_eq!(members, consumers.keys().filter(|(g, _)| *g == group).count());
                let members = clients.producer_group(&name(group)).map_or(0, HashMap::len);
                prop_assert_eq!(members, producers.keys().filter(|(g, _)| *g == group).count());
            }
        }
    }
}
