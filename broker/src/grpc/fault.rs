//! Why a request over gRPC is not served: a code that clients branch on and a text for people. It travels inside the answer; the
//! status of the call itself stays OK.

use std::borrow::Cow;

use bolide_proto::v2::{self, Code};
use bolide_remoting::ResponseCode;

use crate::refusal::Refusal;

/// The answer to a request that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
}

impl Fault {
    /// A fault with any code.
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Fault { code, message: message.into() }
    }
}

/// The status of several answers: theirs if they agree, or that they differ.
pub(super) fn summary<'a>(mut statuses: impl Iterator<Item = &'a v2::Status>) -> Option<v2::Status> {
    let first = statuses.next()?;
    let differ = || Fault::new(Code::MultipleResults, Code::MultipleResults.as_str_name()).into();
    Some(if statuses.all(|status| status.code == first.code) { first.clone() } else { differ() })
}

/// What a number stands for; newer clients may know more meanings than this broker.
pub(super) fn known<T: TryFrom<i32>>(what: &str, number: i32) -> Result<T, Fault> {
    let unknown = |_| Fault::new(Code::NotImplemented, format!("this broker knows no {what} {number}"));
    T::try_from(number).map_err(unknown)
}

impl From<Fault> for v2::Status {
    fn from(fault: Fault) -> Self {
        v2::Status { code: fault.code.into(), message: fault.message.into_owned() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault::new(code(refusal.code), refusal.remark)
    }
}

/// What a broker's refusal is called here. Where Apache's proxy has no word of its own, it says INTERNAL_SERVER_ERROR to everything;
/// clients try those again, which is of no use after a mistake of their own.
fn code(code: ResponseCode) -> Code {
    match code {
        ResponseCode::SUCCESS => Code::Ok,
        ResponseCode::SYSTEM_BUSY | ResponseCode::POLLING_FULL | ResponseCode::FLOW_CONTROL => Code::TooManyRequests,
        ResponseCode::REQUEST_CODE_NOT_SUPPORTED => Code::NotImplemented,
        ResponseCode::MESSAGE_ILLEGAL => Code::MessageCorrupted,
        ResponseCode::INVALID_PARAMETER | ResponseCode::ILLEGAL_OPERATION => Code::BadRequest,
        ResponseCode::NO_PERMISSION => Code::Forbidden,
        ResponseCode::TOPIC_NOT_EXIST => Code::TopicNotFound,
        ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST => Code::ConsumerGroupNotFound,
        ResponseCode::NO_MESSAGE | ResponseCode::PULL_NOT_FOUND => Code::MessageNotFound,
        ResponseCode::QUERY_NOT_FOUND => Code::OffsetNotFound,
        ResponseCode::SUBSCRIPTION_PARSE_FAILED => Code::IllegalFilterExpression,
        ResponseCode::LMQ_QUOTA_EXCEEDED => Code::LiteTopicQuotaExceeded,
        ResponseCode::LITE_SUBSCRIPTION_QUOTA_EXCEEDED => Code::LiteSubscriptionQuotaExceeded,
        ResponseCode::FLUSH_DISK_TIMEOUT => Code::MasterPersistenceTimeout,
        ResponseCode::FLUSH_SLAVE_TIMEOUT => Code::SlavePersistenceTimeout,
        ResponseCode::SLAVE_NOT_AVAILABLE => Code::HaNotAvailable,
        _ => Code::InternalServerError,
    }
}

#[cfg(test)]
mod tests;
