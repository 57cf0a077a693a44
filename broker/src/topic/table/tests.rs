use super::*;

fn table(auto_create: bool) -> TopicTable {
    TopicTable::new(
        &TopicDefaults {
            cluster: "c".into(),
            broker: "b".into(),
            queue_nums: 8,
            auto_create,
            trace_topic: false,
            trace_topic_name: "RMQ_SYS_TRACE_TOPIC".into(),
            cluster_topic: true,
            broker_topic: true,
            revive_queues: 8,
            light_queues: false,
        },
        1,
    )
}

#[test]
fn a_first_message_creates_its_topic_after_the_template() {
    let mut table = table(true);
    let before = table.version().counter;
    let created = table.for_message("t", "TBW102", 4, 0, 2).unwrap();
    let Lookup::Created(config) = created else { panic!("expected a new topic, saw {created:?}") };
    assert_eq!((config.read_queue_nums, config.write_queue_nums, config.perm), (4, 4, 6));
    assert_eq!(table.version().counter, before + 1);
    assert!(matches!(table.for_message("t", "TBW102", 4, 0, 3), Some(Lookup::Known(_))));
    assert_eq!(table.version().counter, before + 1);
    let many = table.for_message("u", "TBW102", 400, 0, 2).unwrap();
    assert_eq!(many.config().write_queue_nums, 8, "no more than the template has");
}

#[test]
fn without_automatic_creation_or_template_there_is_no_topic() {
    assert!(table(false).for_message("t", "TBW102", 4, 0, 2).is_none());
    assert!(table(true).for_message("t", "nowhere", 4, 0, 2).is_none());
    assert!(table(true).for_message("t", "SELF_TEST_TOPIC", 4, 0, 2).is_none(), "not open to inheritance");
}

#[test]
fn a_retry_topic_follows_its_groups_order() {
    let mut table = table(true);
    assert!(matches!(table.for_group("%RETRY%g", 1, false, 0, 1), Lookup::Created(_)));
    assert!(matches!(table.for_group("%RETRY%g", 1, false, 0, 1), Lookup::Known(_)));
    assert!(table.for_group("%RETRY%g", 1, true, 0, 1).config().order);
}

#[test]
fn an_update_that_changes_nothing_leaves_the_version_alone() {
    let mut table = table(true);
    let wanted = plain("t", 4);
    assert!(matches!(table.update(wanted.clone(), 1), Ok(Lookup::Created(_))));
    let version = table.version();
    assert!(matches!(table.update(wanted, 2), Ok(Lookup::Known(_))));
    assert_eq!(table.version(), version);
    assert!(table.remove("t", 3) && !table.remove("t", 3));
}

#[test]
fn topics_named_after_the_configuration_are_system_topics() {
    let table = table(true);
    for name in ["c", "b", "c_REPLY_TOPIC", "rmq_sys_REVIVE_LOG_c", "TBW102", "TRANS_CHECK_MAX_TIME_TOPIC"] {
        assert!(table.is_system_topic(name), "{name}");
        assert!(table.system_topics().any(|system| system == name), "{name}");
    }
    assert!(!table.is_system_topic("orders"));
}
