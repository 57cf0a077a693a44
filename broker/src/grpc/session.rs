//! Clients that are connected over gRPC, by the id that they gave themselves. A session begins with the client's settings, and ends with
//! its goodbye or after a long silence; the Telemetry stream over which it is told things may come and go meanwhile.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    is_closed: AtomicBool,
}

impl Session {
    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.caller.ends.peer
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
        self.questions.lock().insert(nonce.clone(), answer);
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

    /// Ends the session: its client fell silent, or the broker stops.
    pub(crate) fn close(&self, reason: &'static str) {
        self.is_closed.store(true, Ordering::Relaxed);
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
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions { by_client: Mutex::default(), next: AtomicU64::new(FIRST_ID) }
    }
}

impl Sessions {
    /// A client's session, if it has sent settings.
    pub(super) fn get(&self, client_id: &str) -> Option<Arc<Session>> {
        let session = self.by_client.lock().get(client_id).cloned();
        session.filter(|session| !session.is_closed.load(Ordering::Relaxed))
    }

    /// A client sent its settings over a Telemetry stream. `None`: `limit` clients are connected already.
    pub(super) fn attach(
        &self,
        caller: &Caller,
        settings: Settings,
        commands: Commands,
        limit: usize,
    ) -> Option<Arc<Session>> {
        let mut sessions = self.by_client.lock();
        let known = sessions.get(&caller.client_id);
        let same_place = |session: &&Arc<Session>| {
            session.caller.ends.peer == caller.ends.peer && !session.is_closed.load(Ordering::Relaxed)
        };
        if let Some(session) = known.filter(same_place) {
            *session.settings.lock() = Arc::new(settings);
            *session.commands.lock() = Some(commands);
            return Some(session.clone());
        }
        sessions.retain(|_, session| !session.is_closed.load(Ordering::Relaxed));
        let replaced = sessions.get(&caller.client_id);
        if replaced.is_none() && sessions.len() >= limit {
            return None;
        }
        // A client that comes from another port is the same member of its groups.
        let id = replaced.map_or_else(|| self.next.fetch_add(1, Ordering::Relaxed), |session| session.id);
        let session = Arc::new(Session {
            id,
            caller: caller.clone(),
            settings: Mutex::new(Arc::new(settings)),
            commands: Mutex::new(Some(commands)),
            questions: Mutex::default(),
            next_nonce: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        });
        sessions.insert(caller.client_id.clone(), session.clone());
        Some(session)
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
        Some(session)
    }

    /// Ends all sessions, for the broker stops.
    pub(super) fn close_all(&self, reason: &'static str) {
        let sessions = std::mem::take(&mut *self.by_client.lock());
        for session in sessions.into_values() {
            session.close(reason);
        }
    }
}
