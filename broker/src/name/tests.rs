use super::*;

#[test]
fn names_with_percent_and_bar_are_legal() {
    assert_eq!(check_topic("MQ_INST_1%orders|eu-1"), Ok(()));
    assert_eq!(check_group("MQ_INST_1%GID_orders|x"), Ok(()));
}

#[test]
fn refusals_read_as_apache_writes_them() {
    assert_eq!(check_topic("  ").unwrap_err().to_string(), "The specified topic is blank.");
    assert_eq!(
        check_topic("a b").unwrap_err().to_string(),
        "The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
    );
    let long = "g".repeat(121);
    assert_eq!(
        check_group(&long).unwrap_err().to_string(),
        format!("The specified group: {long}, is longer than group max length: 120")
    );
}

#[test]
fn only_retry_and_dead_letter_topics_may_be_longer() {
    let long = "t".repeat(128);
    assert!(matches!(check_topic(&long), Err(NameError::TooLong(Kind::Topic, _, 127))));
    assert_eq!(check_topic(&format!("{RETRY_PREFIX}{long}")), Ok(()));
    assert_eq!(check_topic(&format!("{DEAD_LETTER_PREFIX}{long}")), Ok(()));
    assert!(check_topic(&format!("{RETRY_PREFIX}{}", "t".repeat(249))).is_err());
}

#[test]
fn system_topics_are_recognised() {
    assert!(is_system_topic("rmq_sys_wheel_timer"));
    assert!(is_system_topic(TEMPLATE_TOPIC));
    assert!(!is_system_topic("orders"));
    assert!(!is_send_allowed("SCHEDULE_TOPIC_XXXX"));
    assert!(is_send_allowed(TEMPLATE_TOPIC));
}
