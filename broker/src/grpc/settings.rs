//! Settings of clients: what a client says about itself is checked, and what the broker decides is filled in.

use std::time::Duration;

use bolide_proto::v2::retry_policy::Strategy;
use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::{self, CustomizedBackoff, ExponentialBackoff, Metric, RetryPolicy, Settings};
use bolide_remoting::body::{GroupRetryPolicy, GroupRetryPolicyType, SubscriptionGroupConfig};

use super::{Fault, resource};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::lite;

/// By how much a producer's pause grows with each try.
const PRODUCER_MULTIPLIER: f32 = 2.0;
/// The waits of a group without a retry policy of its own, in seconds: Apache's.
const WAITS_S: [u64; 18] = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
/// The growing waits of a group that asks for them without saying which: 5 s, twice as long each time, 2 h at most.
const GROWING_WAITS: (u64, u64, f32) = (5_000, 7_200_000, 2.0);

/// Checks the names in a client's settings.
pub(super) fn check(settings: &Settings) -> Result<(), Fault> {
    match &settings.pub_sub {
        Some(PubSub::Publishing(publishing)) => {
            publishing.topics.iter().try_for_each(|topic| resource::topic(Some(topic)).map(drop))
        }
        Some(PubSub::Subscription(subscription)) => resource::group(subscription.group.as_ref()).map(drop),
        None => Err(Fault::new(v2::Code::BadRequest, "there is no publishing or subscription data in settings")),
    }
}

/// A client's settings with the broker's decisions in them.
pub(super) fn merged(broker: &Broker, settings: &Settings) -> Settings {
    let mut merged = settings.clone();
    let config = broker.config.get();
    match &mut merged.pub_sub {
        Some(PubSub::Publishing(publishing)) => {
            publishing.validate_message_type = config.enable_topic_message_type_check;
            publishing.max_body_size = config.max_message_size_bytes;
            merged.backoff_policy = Some(producer_backoff(&config));
        }
        Some(PubSub::Subscription(subscription)) => {
            let polling_ms = config.grpc_client_consumer_max_long_polling_timeout_ms.unsigned_abs();
            subscription.receive_batch_size = Some(config.grpc_client_consumer_long_polling_batch_size);
            subscription.long_polling_timeout = Some(duration(polling_ms));
            subscription.max_lite_topic_size = Some(lite::MAX_NAME_BYTES as i32);
            let group = subscription.group.as_ref().map_or("", |group| group.name.as_str());
            if let Some(group) = broker.groups.find(group) {
                let quota = i32::try_from(lite::client_quota(&group)).unwrap_or(i32::MAX);
                subscription.fifo = Some(group.consume_message_orderly);
                subscription.lite_subscription_quota = Some(quota);
                merged.backoff_policy = Some(consumer_backoff(&group));
            }
        }
        None => {}
    }
    merged.metric = Some(Metric { on: false, endpoints: None });
    merged
}

/// The protocol's form of a duration.
pub(super) fn duration(ms: u64) -> bolide_proto::Duration {
    // Milliseconds of an i64 always fit.
    Duration::from_millis(ms).try_into().unwrap_or_default()
}

fn producer_backoff(config: &BrokerConfig) -> RetryPolicy {
    let growing = ExponentialBackoff {
        initial: Some(duration(config.grpc_client_producer_backoff_initial_ms.unsigned_abs())),
        max: Some(duration(config.grpc_client_producer_backoff_max_ms.unsigned_abs())),
        multiplier: PRODUCER_MULTIPLIER,
    };
    let max_attempts = config.grpc_client_producer_max_attempts;
    RetryPolicy { max_attempts, strategy: Some(Strategy::ExponentialBackoff(growing)) }
}

/// When a group gets a message again that it could not handle.
pub(super) fn consumer_backoff(group: &SubscriptionGroupConfig) -> RetryPolicy {
    let GroupRetryPolicy { kind, exponential_retry_policy: growing, customized_retry_policy: list } =
        &group.group_retry_policy;
    let strategy = match kind {
        GroupRetryPolicyType::Exponential => {
            let (initial, max, multiplier) = growing.as_ref().map_or(GROWING_WAITS, |policy| {
                (policy.initial.max(0).unsigned_abs(), policy.max.max(0).unsigned_abs(), policy.multiplier as f32)
            });
            let (initial, max) = (Some(duration(initial)), Some(duration(max)));
            Strategy::ExponentialBackoff(ExponentialBackoff { initial, max, multiplier })
        }
        GroupRetryPolicyType::Customized => {
            let list = list.as_ref().filter(|policy| !policy.next.is_empty());
            let next = match list {
                Some(policy) => policy.next.iter().map(|ms| duration(ms.max(&0).unsigned_abs())).collect(),
                None => WAITS_S.iter().map(|seconds| duration(seconds * 1_000)).collect(),
            };
            Strategy::CustomizedBackoff(CustomizedBackoff { next })
        }
    };
    RetryPolicy { max_attempts: group.retry_max_times.saturating_add(1), strategy: Some(strategy) }
}

#[cfg(test)]
mod tests;
