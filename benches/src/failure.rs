//! What can stop a run, in words for the person who started it.

use std::io;

use bolide_remoting::java_json::JsonError;
use bolide_remoting::{CallError, ConnectError, FieldError, RequestCode, ResponseCode};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A server cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A server does not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A server refuses something that the run cannot do without.
    #[error("{server} refuses {request}: {code} {remark}")]
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
    #[error("an answer to {request} cannot be read: {source}")]
    Field {
        /// What was asked for.
        request: RequestCode,
        /// What is wrong.
        source: FieldError,
    },
    /// An answer whose body is not what it must be.
    #[error("the body of an answer to {request} cannot be read: {source}")]
    Body {
        /// What was asked for.
        request: RequestCode,
        /// What is wrong.
        source: JsonError,
    },
    /// The name server knows no master of any broker.
    #[error("name server {0} knows no broker; is one running, and registered there?")]
    NoBroker(String),
    /// A topic without a queue that could be used.
    #[error("topic {0} has no queue that can be used")]
    NoQueue(String),
    /// A new topic does not show up at the name server.
    #[error("topic {topic} was created, but name server {name_server} does not list it after {waited_s} s")]
    TopicNotListed {
        /// The topic.
        topic: String,
        /// Whom we asked.
        name_server: String,
        /// How long we asked.
        waited_s: u64,
    },
    /// A server does not speak gRPC as it should.
    #[error("gRPC with {address}: {reason}")]
    Grpc {
        /// Where it listens.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// Something went wrong under load.
    #[error("the run was given up: {0}")]
    GivenUp(String),
    /// The server under test is not a process that can be looked at.
    #[error("cannot read what process {pid} uses: {source}")]
    Process {
        /// As given by `--server-pid`.
        pid: u32,
        /// What the operating system said.
        source: io::Error,
    },
    /// Options that contradict one another.
    #[error("{0}")]
    Options(String),
    /// The operating system refuses something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl Failure {
    /// Wraps an error of the operating system.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
