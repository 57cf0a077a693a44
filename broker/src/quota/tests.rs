use bolide_remoting::keys::Value;

use super::rule::{Limit, Subject};
use super::*;

fn parse(text: &str) -> Option<Quotas> {
    Quotas::parse(text, &Quotas::ALLOWED)
}

#[test]
fn rules_are_read_as_operators_write_them() {
    let quotas = parse("topic:a=b=10/2048; group:*=5/0;client:10.0.0.7=0/100;user:alice=7").unwrap();
    let limit = |messages, bytes| Some(Limit { messages, bytes, connections: 0 });
    assert_eq!(quotas.find(Subject::Topic, "a=b"), limit(10, 2048));
    assert_eq!(quotas.find(Subject::Topic, "other"), None);
    assert_eq!(quotas.find(Subject::Group, "any"), limit(5, 0));
    assert_eq!(quotas.find(Subject::Client, "10.0.0.7"), limit(0, 100));
    assert_eq!(quotas.find(Subject::User, "alice"), limit(7, 0));
    assert_eq!(parse(&quotas.print()), Some(quotas));
    let quotas = parse("client:*=1/2/3;client-reads:10.0.0.7=4;user-reads:alice=5;topic-reads:orders=6/7").unwrap();
    assert_eq!(quotas.find(Subject::Client, "any"), Some(Limit { messages: 1, bytes: 2, connections: 3 }));
    assert_eq!(quotas.find(Subject::ClientReads, "10.0.0.7"), limit(4, 0));
    assert_eq!(quotas.find(Subject::UserReads, "alice"), limit(5, 0));
    assert_eq!(quotas.find(Subject::TopicReads, "orders"), limit(6, 7));
    assert!(parse("").unwrap().is_empty());
    let quotas = parse("user:alice=1/2/3").unwrap();
    assert_eq!(quotas.find(Subject::User, "alice"), Some(Limit { messages: 1, bytes: 2, connections: 3 }));
    for bad in [
        "topic:a",
        "queue:a=1/1",
        "topic:=1/1",
        "topic:a=many",
        "topic:a=1/-1",
        "topic:a=1/1/1",
        "client:a=1/1/1/1",
        "user-reads:a=1/1/1",
        "a=1",
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
    assert_eq!(parse(&"topic:a=1;".repeat(101)), None);
}

#[test]
fn there_are_so_many_buckets_and_no_more() {
    let buckets = Buckets::default();
    let own = buckets.find(Subject::Topic, "topic-0");
    for topic in 0..MOST_BUCKETS + 10 {
        buckets.find(Subject::Topic, &format!("topic-{topic}"));
    }
    assert!(Arc::ptr_eq(&own, &buckets.find(Subject::Topic, "topic-0")));
    assert!(Arc::ptr_eq(&buckets.others, &buckets.find(Subject::Topic, "one more")));
    assert!(!Arc::ptr_eq(&buckets.others, &buckets.find(Subject::Group, "topic-0")));
}
