use super::*;
use bolide_remoting::body::ExponentialRetryPolicy;

fn group() -> SubscriptionGroupConfig {
    SubscriptionGroupConfig { retry_max_times: 16, ..SubscriptionGroupConfig::default() }
}

#[test]
fn a_group_without_a_policy_has_apaches_waits() {
    let policy = consumer_backoff(&group());
    assert_eq!(policy.max_attempts, 17);
    let Some(Strategy::CustomizedBackoff(list)) = policy.strategy else { panic!("{policy:?}") };
    assert_eq!((list.next.len(), list.next[4].seconds), (18, 60));
}

#[test]
fn a_groups_own_policy_is_told() {
    let mut group = group();
    group.group_retry_policy.kind = GroupRetryPolicyType::Exponential;
    group.group_retry_policy.exponential_retry_policy =
        Some(ExponentialRetryPolicy { initial: 1_500, max: 60_000, multiplier: 3 });
    let Some(Strategy::ExponentialBackoff(growing)) = consumer_backoff(&group).strategy else { panic!() };
    assert_eq!((growing.initial, growing.multiplier), (Some(duration(1_500)), 3.0));
}

#[test]
fn settings_of_nothing_are_refused() {
    assert!(check(&Settings::default()).is_err());
    let topics = vec![v2::Resource { name: "a b".to_owned(), ..Default::default() }];
    let publishing = v2::Publishing { topics, ..Default::default() };
    let settings = Settings { pub_sub: Some(PubSub::Publishing(publishing)), ..Settings::default() };
    assert_eq!(check(&settings).unwrap_err().code, v2::Code::IllegalTopic);
}
