//! Who calls: what a call's metadata and its connection say about the client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::Code;
use bolide_remoting::Language;
use bolide_remoting::admission::Seat;
use bolide_remoting::proxy::Ends;
use tokio::sync::Notify;
use tonic::metadata::MetadataMap;

use super::fault::Fault;
use crate::quota::Party;

/// The connection that calls come over.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) ends: Ends,
    pub(super) seat: Seat,
    /// Rings when its user has too many of them: it is to be closed.
    pub(super) refused: Notify,
}

/// The client that a call came from.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The name that the client gave itself; the key of its session.
    pub(super) client_id: String,
    pub(super) language: Language,
    pub(super) version: String,
    /// The connection that the call came over; its local end is what the client dialled, as far as this host or a proxy knows.
    pub(super) ends: Ends,
    /// Whose signature was found to be right; empty where nobody is asked.
    pub(super) user: String,
    /// How long the client waits for the answer.
    pub(super) timeout: Option<Duration>,
}

impl Caller {
    /// Reads a call's metadata.
    ///
    /// # Errors
    /// When the client does not say who it is.
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Fault> {
        let metadata = request.metadata();
        let text = |name| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let client_id = text("x-mq-client-id");
        if client_id.trim().is_empty() {
            return Err(Fault::new(Code::ClientIdRequired, "client id cannot be empty"));
        }
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let line = request.extensions().get::<Arc<Line>>();
        let ends = line.map_or(Ends { peer: nowhere, local: nowhere }, |line| line.ends);
        Ok(Caller {
            client_id: client_id.to_owned(),
            language: language(text("x-mq-language")),
            version: text("x-mq-client-version").to_owned(),
            ends,
            user: String::new(),
            timeout: timeout(metadata),
        })
    }

    /// Whose messages are counted.
    pub(super) fn party(&self) -> Party<&str> {
        Party { peer: self.ends.peer, user: &self.user }
    }
}

/// Clients' names for languages that remoting calls otherwise.
fn language(name: &str) -> Language {
    match name {
        "GOLANG" => Language::GO,
        "DOT_NET" => Language::from_name("DOTNET"),
        other => Language::from_name(other),
    }
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.saturating_mul(3_600))),
        "M" => Some(Duration::from_secs(count.saturating_mul(60))),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
