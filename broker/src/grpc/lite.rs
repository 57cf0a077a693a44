//! Lite topics: many small topics under one parent.

use std::sync::Arc;

use bolide_proto::v2;

use super::{Caller, Fault};
use crate::broker::Broker;

/// SyncLiteSubscription.
pub(super) async fn synchronize(
    _broker: &Arc<Broker>,
    _caller: &Caller,
    _request: v2::SyncLiteSubscriptionRequest,
) -> Result<v2::SyncLiteSubscriptionResponse, Fault> {
    Err(Fault::not_supported("SyncLiteSubscription"))
}
