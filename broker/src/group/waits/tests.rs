use bolide_remoting::body::CustomizedRetryPolicy;

use super::*;

fn waits(policy: &GroupRetryPolicy) -> Vec<Option<i64>> {
    [-1, 0, 1, 2, 3, i32::MAX].map(|attempts| own_wait_ms(policy, attempts)).into()
}

#[test]
fn a_list_is_gone_through_and_its_last_wait_stays() {
    let list = |next: &[i64]| GroupRetryPolicy {
        customized_retry_policy: Some(CustomizedRetryPolicy { next: next.to_vec() }),
        ..GroupRetryPolicy::default()
    };
    let expected = [100, 100, 700, 0, 0, 0].map(Some);
    assert_eq!(waits(&list(&[100, 700, -3])), expected);
    assert_eq!(own_wait_ms(&list(&[]), 0), None);
    assert_eq!(own_wait_ms(&GroupRetryPolicy::default(), 0), None);
}

#[test]
fn waits_grow_up_to_the_limit() {
    let growing = |own| GroupRetryPolicy {
        kind: GroupRetryPolicyType::Exponential,
        exponential_retry_policy: own,
        ..GroupRetryPolicy::default()
    };
    let expected = [5_000, 5_000, 10_000, 20_000, 40_000, 7_200_000].map(Some);
    assert_eq!(waits(&growing(None)), expected);
    let odd = ExponentialRetryPolicy { initial: 10, max: i64::MAX, multiplier: 0 };
    assert_eq!(waits(&growing(Some(odd))), [Some(10); 6]);
}
