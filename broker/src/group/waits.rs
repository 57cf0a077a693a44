//! How long a group waits before it gets a message again that it could not handle, where its retry policy says so. Pure rules.

use bolide_remoting::body::{ExponentialRetryPolicy, GroupRetryPolicy, GroupRetryPolicyType};

/// The growing waits of a group that asks for them without saying which: 5 s, twice as long each time, 2 h at most.
const GROWING: ExponentialRetryPolicy = ExponentialRetryPolicy { initial: 5_000, max: 7_200_000, multiplier: 2 };

/// The wait before the next attempt, in milliseconds, after `attempts` further ones; `None` for a group without waits of its own,
/// to which the broker's delay levels apply. After the last wait of a list that one applies again and again.
///
/// Apache's broker heeds such policies with gRPC clients only; these count a list from its first wait, and so does this.
pub(crate) fn own_wait_ms(policy: &GroupRetryPolicy, attempts: i32) -> Option<i64> {
    let attempts = attempts.max(0).unsigned_abs();
    match policy.kind {
        GroupRetryPolicyType::Customized => {
            let list = &policy.customized_retry_policy.as_ref()?.next;
            let index = usize::try_from(attempts).unwrap_or(usize::MAX).min(list.len().checked_sub(1)?);
            list.get(index).map(|wait_ms| (*wait_ms).max(0))
        }
        GroupRetryPolicyType::Exponential => {
            let ExponentialRetryPolicy { initial, max, multiplier } =
                policy.exponential_retry_policy.as_ref().unwrap_or(&GROWING);
            let factor = multiplier.max(&1).saturating_pow(attempts);
            Some(initial.max(&0).saturating_mul(factor).min(*max.max(&0)))
        }
    }
}

#[cfg(test)]
mod tests;
