//! Clients that are connected over gRPC, by the id that they gave themselves. A session begins with the client's settings, and ends with
//! its goodbye or after a long silence; the Telemetry stream over which it is told things may come and go meanwhile. Sessions outlive the
//! broker's process ([`super::memory`]): not every client sends its settings again to a broker that was away.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{Settings, Status, TelemetryCommand};
use bolide_remoting::version::Version;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::Caller;
use crate::client::handle::ClientHandle;
use crate::client::registry::{ConnectionId, Introduction};

/// What goes to a client over its Telemetry stream.
pub(super) type Commands = mpsc::Sender<Result<TelemetryCommand, tonic::Status>>;
/// How many commands may wait for a client to read them; one that reads more slowly is taken for unreachable.
pub(super) const MAX_WAITING_COMMANDS: usize = 256;
/// Numbers of sessions are above those of remoting connections.
const FIRST_ID: ConnectionId = 1 << 63;
/// How many questions to one client may wait for an answer.
const MAX_QUESTIONS: usize = 256;

/// Why a client did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TellError {
    /// It has no Telemetry stream, or does not read it.
    #[error("the client has no Telemetry stream, or does not read it")]
    Unreachable,
    /// It said nothing in time.
    #[error("the client did not answer in time")]
    Late,
}

/// What a client answered to a question.
#[derive(Debug)]
pub(crate) struct Answered {
    /// How it went.
    pub(crate) status: Status,
    /// The stack of its threads, where that was the question.
    pub(crate) stack: Option<String>,
}

/// A client's session.
#[derive(Debug)]
pub(crate) struct Session {
    id: ConnectionId,
    caller: Caller,
    /// As the client sent them last.
    settings: Mutex<Arc<Settings>>,
    commands: Mutex<Option<Commands>>,
    /// Questions that wait for an answer, by their nonce.
    questions: Mutex<HashMap<String, oneshot::Sender<Answered>>>,
    next_nonce: AtomicU64,
    /// When the client was heard last, in milliseconds.
    seen_ms: AtomicI64,
    is_closed: AtomicBool,
}

impl Session {
    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.caller.ends.peer
    }

    /// Who the client is.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The version of the client's library.
    pub(crate) fn version(&self) -> &str {
        &self.caller.version
    }

    /// The client's settings, as it sent them last.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.lock().clone()
    }

    /// Whether the client has a Telemetry stream.
    pub(crate) fn is_attached(&self) -> bool {
        self.commands.lock().as_ref().is_some_and(|commands| !commands.is_closed())
    }

    /// How the client is known to the registry.
    pub(super) fn introduction(self: &Arc<Self>) -> Introduction<ClientHandle> {
        Introduction {
            connection_id: self.id,
            connection: ClientHandle::Grpc(self.clone()),
            client_id: self.caller.client_id.clone(),
            language: self.caller.language,
            version: Version::CURRENT.0,
        }
    }

    /// The client gave a sign of life.
    pub(super) fn seen(&self, now_ms: i64) {
        self.seen_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Tells the client something, without waiting.
    pub(crate) fn tell(&self, command: Command) -> Result<(), TellError> {
        let command = TelemetryCommand { status: None, command: Some(command) };
        let commands = self.commands.lock();
        let is_told = commands.as_ref().is_some_and(|commands| commands.try_send(Ok(command)).is_ok());
        if is_told { Ok(()) } else { Err(TellError::Unreachable) }
    }

    /// Asks the client something; `question` is given the number that the answer will bear.
    pub(crate) async fn ask(
        &self,
        question: impl FnOnce(String) -> Command,
        patience: Duration,
    ) -> Result<Answered, TellError> {
        let nonce = self.next_nonce.fetch_add(1, Ordering::Relaxed).to_string();
        let (answer, answered) = oneshot::channel();
        {
            let mut questions = self.questions.lock();
            if questions.len() >= MAX_QUESTIONS {
                return Err(TellError::Unreachable);
            }
            questions.insert(nonce.clone(), answer);
        }
        let waiting = async {
            self.tell(question(nonce.clone()))?;
            answered.await.map_err(|_| TellError::Unreachable)
        };
        let result = tokio::time::timeout(patience, waiting).await.unwrap_or(Err(TellError::Late));
        self.questions.lock().remove(&nonce);
        result
    }

    /// The client answered a question.
    pub(super) fn answered(&self, nonce: &str, answer: Answered) {
        if let Some(waiting) = self.questions.lock().remove(nonce) {
            // Whoever asked may have given up just now.
            let _ = waiting.send(answer);
        }
    }

    /// Ends the session: its client fell silent.
    pub(crate) fn close(&self, reason: &'static str) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.hang_up(reason);
    }

    /// Ends the Telemetry stream, if there is one.
    fn hang_up(&self, reason: &'static str) {
        if let Some(commands) = self.commands.lock().take() {
            // A full channel ends with its sender.
            let _ = commands.try_send(Err(tonic::Status::unavailable(reason)));
        }
    }
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    by_client: Mutex<HashMap<String, Arc<Session>>>,
    next: AtomicU64,
    /// What is remembered differs from what was written.
    is_dirty: AtomicBool,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions { by_client: Mutex::default(), next: AtomicU64::new(FIRST_ID), is_dirty: AtomicBool::new(false) }
    }
}

impl Sessions {
    /// A client's session, if it has sent settings.
    pub(super) fn get(&self, client_id: &str) -> Option<Arc<Session>> {
        let session = self.by_client.lock().get(client_id).cloned();
        session.filter(|session| !session.is_closed.load(Ordering::Relaxed))
    }

    /// A client sent its settings, over a Telemetry stream unless they were remembered. `None`: `limit` clients are connected already.
    pub(super) fn attach(
        &self,
        caller: &Caller,
        settings: Settings,
        commands: Option<Commands>,
        limit: usize,
        now_ms: i64,
    ) -> Option<Arc<Session>> {
        let mut sessions = self.by_client.lock();
        sessions.retain(|_, session| !session.is_closed.load(Ordering::Relaxed));
        let known = sessions.get(&caller.client_id);
        if known.is_none() && sessions.len() >= limit {
            return None;
        }
        let is_new = known.is_none_or(|session| *session.settings() != settings);
        self.is_dirty.fetch_or(is_new, Ordering::Relaxed);
        let same_place = |session: &&Arc<Session>| session.caller.ends.peer == caller.ends.peer;
        if let Some(session) = known.filter(same_place) {
            *session.settings.lock() = Arc::new(settings);
            *session.commands.lock() = commands;
            session.seen(now_ms);
            return Some(session.clone());
        }
        // A client that comes from another port is the same member of its groups.
        let id = known.map_or_else(|| self.next.fetch_add(1, Ordering::Relaxed), |session| session.id);
        let session = Arc::new(Session {
            id,
            caller: caller.clone(),
            settings: Mutex::new(Arc::new(settings)),
            commands: Mutex::new(commands),
            questions: Mutex::default(),
            next_nonce: AtomicU64::new(0),
            seen_ms: AtomicI64::new(now_ms),
            is_closed: AtomicBool::new(false),
        });
        sessions.insert(caller.client_id.clone(), session.clone());
        Some(session)
    }

    /// Forgets sessions that are over, and those without a Telemetry stream whose client has not been heard for `limit_ms`.
    pub(super) fn expire(&self, now_ms: i64, limit_ms: i64) {
        let is_stale =
            |session: &Session| !session.is_attached() && now_ms - session.seen_ms.load(Ordering::Relaxed) > limit_ms;
        let mut sessions = self.by_client.lock();
        let before = sessions.len();
        sessions.retain(|_, session| !session.is_closed.load(Ordering::Relaxed) && !is_stale(session));
        self.is_dirty.fetch_or(sessions.len() != before, Ordering::Relaxed);
    }

    /// All sessions, if what is remembered of them has changed since this was asked last.
    pub(super) fn changed(&self) -> Option<Vec<Arc<Session>>> {
        let is_dirty = self.is_dirty.swap(false, Ordering::Relaxed);
        is_dirty.then(|| {
            let sessions = self.by_client.lock();
            sessions.values().filter(|session| !session.is_closed.load(Ordering::Relaxed)).cloned().collect()
        })
    }

    /// What is remembered could not be written.
    pub(super) fn touch(&self) {
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// A Telemetry stream has ended; the client may come back with another one.
    pub(super) fn detach(&self, client_id: &str, commands: &Commands) {
        if let Some(session) = self.get(client_id) {
            let mut current = session.commands.lock();
            if current.as_ref().is_some_and(|current| current.same_channel(commands)) {
                *current = None;
            }
        }
    }

    /// A client says goodbye.
    pub(super) fn remove(&self, client_id: &str) -> Option<Arc<Session>> {
        let session = self.by_client.lock().remove(client_id)?;
        session.is_closed.store(true, Ordering::Relaxed);
        self.touch();
        Some(session)
    }

    /// Ends all Telemetry streams, for the broker stops.
    pub(super) fn hang_up(&self, reason: &'static str) {
        for session in self.by_client.lock().values() {
            session.hang_up(reason);
        }
    }
}

#[cfg(test)]
mod tests;
