use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn who(client: &str, group: &str) -> Subscriber {
    Subscriber { client: client.into(), group: group.into(), parent: "p".into() }
}

fn names(found: &[Subscriber]) -> Vec<&str> {
    found.iter().map(|who| &*who.client).collect()
}

#[test]
fn a_queue_is_noted_once_for_each_of_its_subscribers() {
    let mut all = Subscriptions::default();
    all.add(&who("a", "g"), "x", 9, 9, 0).unwrap();
    all.add(&who("b", "h"), "x", 9, 9, 0).unwrap();
    assert_eq!(names(&all.mark("p", "x", None)), ["a", "b"]);
    assert_eq!(names(&all.mark("p", "x", Some("g"))), ["a"]);
    assert_eq!((all.next("a").as_deref(), all.next("a")), (Some("x"), None));
    assert!(all.has_next("b") && !all.has_next("a"));
    assert!(all.mark("p", "y", None).is_empty());
}

#[test]
fn limits_hold_and_a_client_that_knows_better_is_believed() {
    let mut all = Subscriptions::default();
    assert_eq!(all.add(&who("a", "g"), "x", 1, 9, 0), Ok(true));
    assert_eq!(all.add(&who("a", "g"), "x", 1, 9, 0), Ok(false));
    assert_eq!(all.add(&who("a", "g"), "y", 1, 9, 0), Err(TooMany(1)));
    assert_eq!(all.add(&who("b", "g"), "x", 9, 1, 0), Err(TooMany(1)));
    assert_eq!(all.replace(&who("a", "g"), ["y".into(), "z".into()].into(), 9, 1, 0), Err(TooMany(1)));
    assert_eq!(all.replace(&who("a", "g"), ["y".into()].into(), 9, 1, 0), Ok(vec!["y".into()]));
    assert!(all.mark("p", "x", None).is_empty());
    all.add(&who("a", "other"), "x", 1, 1, 0).unwrap();
    assert!(all.mark("p", "y", None).is_empty(), "it belongs to another group now");
}

#[test]
fn who_wants_all_gets_all_of_its_parent_until_it_falls_silent() {
    let mut all = Subscriptions::default();
    assert!(all.add_all(&who("a", "g"), 0));
    assert!(!all.add_all(&who("a", "g"), 10));
    assert_eq!(names(&all.mark("p", "anything", None)), ["a"]);
    assert!(all.mark("q", "anything", None).is_empty());
    all.expire(110, 100);
    assert!(!all.is_empty());
    all.expire(111, 100);
    assert!(all.is_empty() && all.by_parent.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Add(usize, usize),
    Remove(usize, usize),
    Replace(usize, BTreeSet<usize>),
    Leave(usize),
    Mark(usize),
    Next(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3usize, 0..4usize).prop_map(|(client, queue)| Step::Add(client, queue)),
        (0..3usize, 0..4usize).prop_map(|(client, queue)| Step::Remove(client, queue)),
        (0..3usize, prop::collection::btree_set(0..4usize, 0..4)).prop_map(|(client, set)| Step::Replace(client, set)),
        (0..3usize).prop_map(Step::Leave),
        (0..4usize).prop_map(Step::Mark),
        (0..3usize).prop_map(Step::Next),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// The naive model: each client's queues, and a list of those that were marked.
    #[test]
    fn behaves_as_lists_do(steps in prop::collection::vec(step(), 1..60)) {
        const LIMIT: usize = 6;
        let mut all = Subscriptions::default();
        let mut model: BTreeMap<usize, (BTreeSet<usize>, Vec<usize>)> = BTreeMap::new();
        let (client_of, queue_of) = (|index: usize| who(&format!("c{index}"), "g"), |index: usize| format!("q{index}"));
        for step in steps {
            let total: usize = model.values().map(|(queues, _)| queues.len()).sum();
            match step {
                Step::Add(client, queue) => {
                    let has = model.get(&client).is_some_and(|(queues, _)| queues.contains(&queue));
                    let added = all.add(&client_of(client), &queue_of(queue), 9, LIMIT, 0);
                    let fits = has || total < LIMIT;
                    prop_assert_eq!(added, if fits { Ok(!has) } else { Err(TooMany(LIMIT)) });
                    if fits {
                        model.entry(client).or_default().0.insert(queue);
                    }
                }
                Step::Remove(client, queue) => {
                    let had = model.get_mut(&client).is_some_and(|(queues, waiting)| {
                        waiting.retain(|waiting| *waiting != queue);
                        queues.remove(&queue)
                    });
                    prop_assert_eq!(all.remove(&client_of(client).client, &queue_of(queue)), had);
                }
                Step::Replace(client, set) => {
                    let has = model.get(&client).map_or(0, |(queues, _)| queues.len());
                    let queues = set.iter().map(|queue| queue_of(*queue).into()).collect();
                    let replaced = all.replace(&client_of(client), queues, 9, LIMIT, 0);
                    prop_assert_eq!(replaced.is_ok(), total - has + set.len() <= LIMIT);
                    if replaced.is_ok() {
                        let entry = model.entry(client).or_default();
                        entry.1.retain(|queue| set.contains(queue));
                        entry.0 = set;
                    }
                }
                Step::Leave(client) => {
                    all.leave(&client_of(client).client);
                    model.remove(&client);
                }
                Step::Mark(queue) => {
                    let mut expected = Vec::new();
                    for (client, (queues, waiting)) in &mut model {
                        if queues.contains(&queue) {
                            expected.push(client_of(*client));
                            if !waiting.contains(&queue) {
                                waiting.push(queue);
                            }
                        }
                    }
                    prop_assert_eq!(all.mark("p", &queue_of(queue), None), expected);
                }
                Step::Next(client) => {
                    let waiting = model.get_mut(&client).map(|(_, waiting)| waiting);
                    let expected = waiting.filter(|waiting| !waiting.is_empty()).map(|waiting| waiting.remove(0));
                    let next = all.next(&client_of(client).client);
                    prop_assert_eq!(next.map(|queue| queue.to_string()), expected.map(queue_of));
                }
            }
            prop_assert_eq!(all.count, model.values().map(|(queues, _)| queues.len()).sum::<usize>());
        }
    }
}
