//! Why a request is refused: one response code and a remark that says what was wrong. Every handler's errors end here, so that the
//! mapping from an error to a code stands in one place.

use std::borrow::Cow;

use bolide_remoting::{FieldError, ResponseCode};
use bolide_store::{PutError, ReadError, StoreError};

use crate::attribute::AttributeError;
use crate::config_file::ConfigFileError;
use crate::name::NameError;

/// The answer to a request that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What clients branch on.
    pub(crate) code: ResponseCode,
    /// What people read.
    pub(crate) remark: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with any code.
    pub(crate) fn new(code: ResponseCode, remark: impl Into<Cow<'static, str>>) -> Self {
        Refusal { code, remark: remark.into() }
    }

    /// The request's parameters make no sense.
    pub(crate) fn invalid(remark: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(ResponseCode::INVALID_PARAMETER, remark)
    }

    /// Something that a client may ask for, but that this broker does not do (yet).
    pub(crate) fn not_supported(what: &str) -> Self {
        Refusal::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, format!("{what} is not supported by this broker yet"))
    }

    /// The message cannot be stored as it is.
    pub(crate) fn illegal(remark: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(ResponseCode::MESSAGE_ILLEGAL, remark)
    }

    /// The broker cannot serve now; another one may.
    pub(crate) fn unavailable(remark: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(ResponseCode::SERVICE_NOT_AVAILABLE, remark)
    }

    /// The configuration does not allow filters of this type.
    pub(crate) fn no_filter(kind: &str) -> Self {
        let remark = format!("The broker does not support consumer to filter message by {kind}");
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    }

    /// The topic is unknown.
    pub(crate) fn no_topic(topic: &str) -> Self {
        let remark = format!("topic[{topic}] not exist, apply first please!");
        Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark)
    }

    /// The consumer group is unknown, and groups are not created by their clients here.
    pub(crate) fn no_group(group: &str) -> Self {
        let remark = format!("subscription group [{group}] does not exist");
        Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark)
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        // Apache answers a header that it cannot read with this code.
        Refusal::new(ResponseCode::SYSTEM_ERROR, format!("the request's header is not usable: {error}"))
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<AttributeError> for Refusal {
    fn from(error: AttributeError) -> Self {
        Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
    }
}

impl From<PutError> for Refusal {
    fn from(error: PutError) -> Self {
        let code = match &error {
            PutError::MessageTooLarge { .. }
            | PutError::PropertiesTooLong { .. }
            | PutError::BadTopicLength { .. }
            | PutError::BadBatch { .. }
            | PutError::BadLightQueue { .. }
            | PutError::UnsupportedBatch => ResponseCode::MESSAGE_ILLEGAL,
            PutError::BadTopicName | PutError::BadQueue { .. } => ResponseCode::INVALID_PARAMETER,
            PutError::NearlyFull { .. }
            | PutError::NoSpace
            | PutError::NoSegment { .. }
            | PutError::Poisoned { .. }
            | PutError::Closed => ResponseCode::SERVICE_NOT_AVAILABLE,
        };
        let remark = match code {
            ResponseCode::SERVICE_NOT_AVAILABLE => format!("service not available now: {error}"),
            _ => format!("the message is illegal: {error}"),
        };
        Refusal::new(code, remark)
    }
}

impl From<ConfigFileError> for Refusal {
    fn from(error: ConfigFileError) -> Self {
        Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
    }
}
