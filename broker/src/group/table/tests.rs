use super::*;

#[test]
fn an_unknown_group_is_created_where_the_configuration_allows() {
    let mut open = GroupTable::new(true, 1);
    assert_eq!(open.find("g", 2).unwrap().retry_max_times, 16);
    assert_eq!(open.version().counter, 1);
    assert!(open.find("not legal", 2).is_none());
    let mut closed = GroupTable::new(false, 1);
    assert!(closed.find("g", 2).is_none());
    assert!(closed.find("TOOLS_CONSUMER", 2).is_some());
}

#[test]
fn what_a_group_may_read_is_taken_and_given_back() {
    let mut table = GroupTable::new(true, 1);
    for topic in ["t", "u"] {
        table.set_forbidden("g", topic, 0, true, 2);
        table.set_forbidden("g", topic, 0, true, 3);
    }
    assert_eq!(table.version().counter, 2);
    table.set_forbidden("g", "t", 0, false, 4);
    assert!(!table.is_forbidden("g", "t", 0) && table.is_forbidden("g", "u", 0));
    table.set_forbidden("g", "u", 0, false, 5);
    assert!(table.forbidden().is_empty());
}

#[test]
fn groups_survive_the_file_and_can_be_removed() {
    let mut table = GroupTable::new(true, 1);
    let wanted = SubscriptionGroupConfig { retry_max_times: 3, ..plain("g") };
    table.update(wanted, 2).unwrap();
    let mut copy = GroupTable::new(true, 3);
    let forbidden = Forbidden::from([("g".into(), BTreeMap::from([("t".into(), 1)]))]);
    copy.restore(table.iter().map(|group| (**group).clone()), forbidden, table.version());
    assert_eq!(copy.get("g").unwrap().retry_max_times, 3);
    assert_eq!(copy.version(), table.version());
    assert!(copy.is_forbidden("g", "t", 0) && !copy.is_forbidden("g", "t", 1));
    assert!(copy.remove("g", 4) && !copy.contains("g"));
    assert!(!copy.is_forbidden("g", "t", 0));
}
