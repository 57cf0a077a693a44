//! What the methods that consumers call with a receipt handle have in common.

use std::time::Duration;

use bolide_proto::v2::Code;

use super::Fault;
use crate::broker::Broker;
use crate::pop::ReceiptError;

impl From<ReceiptError> for Fault {
    fn from(error: ReceiptError) -> Self {
        match error {
            // Clients show the code as a bare number: the text says its name.
            ReceiptError::Invalid(reason) => {
                Fault::new(Code::InvalidReceiptHandle, format!("INVALID_RECEIPT_HANDLE: {reason}"))
            }
            ReceiptError::Refused(refusal) => refusal.into(),
        }
    }
}

/// For how long a message shall be hidden, in milliseconds, between `least_ms` and the broker's limit. Nothing counts as 0.
pub(super) fn invisible_ms(
    broker: &Broker,
    wanted: Option<bolide_proto::Duration>,
    least_ms: i64,
) -> Result<i64, Fault> {
    let illegal = |text: String| Fault::new(Code::IllegalInvisibleTime, text);
    let wanted = Duration::try_from(wanted.unwrap_or_default())
        .map_err(|_| illegal("the invisibleTime is negative".to_owned()))?;
    let wanted_ms = i64::try_from(wanted.as_millis()).unwrap_or(i64::MAX);
    let most_ms = broker.config.get().max_invisible_time_ms;
    if wanted_ms < least_ms {
        return Err(illegal(format!("the invisibleTime is too small. min is {least_ms}")));
    }
    if wanted_ms > most_ms {
        return Err(illegal(format!("the invisibleTime is too large. max is {most_ms}")));
    }
    Ok(wanted_ms)
}
