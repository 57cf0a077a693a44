use super::*;

#[test]
fn a_commit_does_not_undo_a_reset_that_no_pull_has_seen() {
    let mut table = OffsetTable::default();
    assert!(table.commit("g", "t", 0, 100));
    table.reset("g", "t", 0, 7);
    assert!(!table.commit("g", "t", 0, 101));
    assert_eq!(table.query("g", "t", 0), Some(7));
    assert_eq!(table.take_reset("g", "t", 0), Some(7));
    assert_eq!(table.take_reset("g", "t", 0), None);
    assert_eq!(table.query("g", "t", 0), Some(7));
    assert!(table.commit("g", "t", 0, 8));
}

#[test]
fn groups_and_topics_are_listed_by_what_they_committed() {
    let mut table = OffsetTable::default();
    table.commit("g", "t", 0, 1);
    table.commit("h", "t", 1, 2);
    table.pulled("only-pulls", "t", 0, 5);
    let mut groups = table.groups_of_topic("t");
    groups.sort();
    assert_eq!(groups, ["g", "h"]);
    assert_eq!(table.topics_of_group("g"), ["t"]);
    let mut pairs: Vec<_> = table.pairs().collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [("t", "g"), ("t", "h")]);
    table.commit("g", "t", 2, 9);
    table.pulled("g", "t", 0, 4);
    table.pulled("g", "t", 2, 3);
    assert_eq!(table.queues("g", "t"), [(0, 1, 4), (2, 9, 9)]);
    assert_eq!(table.queues("only-pulls", "t"), []);
    table.remove_group("g");
    assert_eq!(table.query("g", "t", 0), None);
    table.remove_topic("t");
    assert!(table.committed().is_empty());
}

#[test]
fn a_topic_whose_name_holds_percent_and_bar_survives_the_file() {
    let mut table = OffsetTable::default();
    table.commit("MQ_INST%g", "%RETRY%MQ|g", 3, 9);
    let mut copy = OffsetTable::default();
    copy.restore(table.committed());
    assert_eq!(copy.query("MQ_INST%g", "%RETRY%MQ|g", 3), Some(9));
}
