//! What can stop a command, in words for the person who gave it: what, where, and what to do about it.

use std::io;

use bolide_remoting::java_json::JsonError;
use bolide_remoting::tls::TlsError;
use bolide_remoting::{CallError, ConnectError, FieldError, RequestCode, ResponseCode};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A server cannot be reached.
    #[error("{source}\nIs it running there? -n or NAMESRV_ADDR names the name servers, which name the brokers.")]
    Connect {
        /// Why.
        #[from]
        source: ConnectError,
    },
    /// A server does not answer.
    #[error("{source}\nIs it stuck or far away? --timeoutMs waits longer.")]
    Call {
        /// Why.
        #[from]
        source: CallError,
    },
    /// A server says no.
    #[error("{server} refuses {request}: {code}{remark}{advice}", remark = spaced(remark), advice = advice(*code))]
    Refused {
        /// Its address.
        server: String,
        /// What was asked for.
        request: RequestCode,
        /// How it answered.
        code: ResponseCode,
        /// Why.
        remark: String,
    },
    /// An answer without a field that it must have.
    #[error("the answer of {server} to {request} cannot be read: {source}")]
    Field {
        /// Its address.
        server: String,
        /// What was asked for.
        request: RequestCode,
        /// What is wrong.
        source: FieldError,
    },
    /// An answer whose body is not what it must be.
    #[error("the body of the answer of {server} to {request} cannot be read: {source}")]
    Body {
        /// Its address.
        server: String,
        /// What was asked for.
        request: RequestCode,
        /// What is wrong.
        source: JsonError,
    },
    /// A message that is not stored as messages are.
    #[error("{server} sent something that is no message: {problem}")]
    Record {
        /// Its address.
        server: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Something that is named is not there, or a flag makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no runtime.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The report cannot be written.
    #[error("the report cannot be written: {0}")]
    Output(io::Error),
    /// Whoever reads the report has seen enough. No failure for the caller.
    #[error("nobody reads the report")]
    NobodyReads,
}

impl Failure {
    /// A mistake of the caller's.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    /// How the server refused, if it did.
    pub(crate) fn code(&self) -> Option<ResponseCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

fn spaced(remark: &str) -> String {
    if remark.is_empty() { String::new() } else { format!(": {}", remark.trim()) }
}

/// What to do about a refusal, where the remark of the server cannot know it.
fn advice(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NO_PERMISSION => {
            "\nGive the keys of a user who may, by --accessKey and --secretKey or in conf/tools.yml of ROCKETMQ_HOME."
        }
        ResponseCode::TOPIC_NOT_EXIST => "\n`mqadmin topicList` lists the topics.",
        ResponseCode::CONSUMER_NOT_ONLINE => "\nNo member of the group is connected there.",
        _ => "",
    }
}
