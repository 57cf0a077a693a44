//! One connection, seen from outside: a handle that can be kept anywhere, through which parked answers
//! and requests of our own go out. The socket itself belongs to the connection's [`Driver`], a single
//! future that reads, handles and writes; the two meet in an outbox.

mod calls;
mod driver;
mod input;
pub(crate) mod output;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::admission::Seat;
use crate::code::{RequestCode, ResponseCode};
use crate::codec::{EncodeError, Encoding, FLAG_ONEWAY, Preamble};
use crate::field_writer::FieldSource;
use crate::fields::OwnedFields;
use crate::frame::FrameLimits;
use crate::latency::Latencies;
use crate::proxy::Ends;
use crate::service::{Body, Service};
use crate::version::Version;
use calls::Calls;
pub use driver::Driver;
use output::Output;

/// Limits and manners of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// What a frame may be at most; a peer that exceeds it is disconnected.
    pub frame: FrameLimits,
    /// How many of the peer's requests may be parked. Reading pauses while there are as many. Long
    /// polls are parked, one for each queue a client consumes, so that this must be generous.
    pub max_in_flight: usize,
    /// Reading pauses, and requests of our own are refused, while more bytes than this wait to be
    /// written.
    pub max_pending_output_bytes: usize,
    /// Reading pauses, too, while more bytes than this wait that are memory of the connection's own: headers and small bodies.
    pub max_pending_text_bytes: usize,
    /// How many requests of our own may wait for their answers (those by [`Connection::post`] aside).
    pub max_calls: usize,
    /// The connection is closed when nothing was read or written for this long.
    pub idle_close: Option<Duration>,
    /// How long a connection that is being closed may take to write what is due.
    pub linger: Duration,
    /// What we say our version is.
    pub version: Version,
    /// How our own requests are written.
    pub encoding: Encoding,
    /// Where it is counted how long the peer's requests take, if anybody wants to know.
    pub latencies: Option<Arc<Latencies>>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            frame: FrameLimits::default(),
            max_in_flight: 16_384,
            max_pending_output_bytes: 8 << 20,
            max_pending_text_bytes: 512 << 10,
            max_calls: 4_096,
            idle_close: Some(Duration::from_secs(120)),
            linger: Duration::from_secs(1),
            version: Version::CURRENT,
            encoding: Encoding::Json,
            latencies: None,
        }
    }
}

/// The answer to [`Connection::request`].
#[derive(Clone, Debug)]
pub struct Message {
    /// How the request went.
    pub code: ResponseCode,
    /// Why it went wrong, mostly.
    pub remark: Option<String>,
    /// What typed answers decode from: `SomeResponse::decode(&message.fields.fields())`.
    pub fields: OwnedFields,
    /// Whatever followed the header.
    pub body: Bytes,
}

/// Why a request of ours has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection is gone, or went while the request waited.
    #[error("the connection to {peer} is closed")]
    Closed {
        /// The other side.
        peer: SocketAddr,
    },
    /// Too many requests wait already.
    #[error("{limit} requests to {peer} wait for answers already")]
    TooManyCalls {
        /// The other side.
        peer: SocketAddr,
        /// [`ConnectionOptions::max_calls`].
        limit: usize,
    },
    /// The peer reads too slowly.
    #[error("{pending_bytes} bytes to {peer} wait to be written already")]
    Congested {
        /// The other side.
        peer: SocketAddr,
        /// How many bytes wait.
        pending_bytes: usize,
    },
    /// No answer in time.
    #[error("{peer} did not answer request {code} within {timeout:?}")]
    Timeout {
        /// The other side.
        peer: SocketAddr,
        /// What was asked for.
        code: RequestCode,
        /// How long we waited.
        timeout: Duration,
    },
    /// The request does not fit into a frame.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// A handle to a connection; clones share it. Equal handles are the same connection.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    id: u64,
    peer: SocketAddr,
    local: SocketAddr,
    options: Arc<ConnectionOptions>,
    open: AtomicBool,
    seat: Seat,
    /// Parked replies.
    in_flight: AtomicUsize,
    /// Bytes that the driver has taken from the outbox, or made itself, and not yet written.
    unwritten: AtomicUsize,
    next_opaque: AtomicI32,
    calls: Mutex<Calls>,
    outbox: Mutex<Outbox>,
}

/// Where other threads leave frames for the driver.
#[derive(Default)]
struct Outbox {
    output: Output,
    /// Wakes the driver.
    waker: Option<Waker>,
    /// The driver sleeps and must be woken; otherwise it will look here before it does.
    asleep: bool,
    closing: Option<Closing>,
    /// The driver is gone.
    closed: bool,
}

/// An order to the driver to finish.
#[derive(Clone, Debug)]
struct Closing {
    reason: Cow<'static, str>,
    /// Parked requests are waited for.
    drain: bool,
}

impl Outbox {
    /// Whom to wake after the lock is released.
    fn waker(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.asleep).then(|| self.waker.clone()).flatten()
    }
}

/// Distinguishes requests by [`Connection::post`] from those by [`Connection::request`].
const POSTED: i32 = 1 << 30;

/// Makes a connection of a byte stream that is established already. Its driver must be spawned on a
/// tokio runtime with a timer; it ends when the connection does.
pub fn open<IO, S>(
    io: IO,
    local: SocketAddr,
    peer: SocketAddr,
    options: Arc<ConnectionOptions>,
    service: Arc<S>,
) -> (Connection, Driver<IO, S>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
    S: Service,
{
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    let connection = Connection(Arc::new(Shared {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        peer,
        local,
        options,
        open: AtomicBool::new(true),
        seat: Seat::default(),
        in_flight: AtomicUsize::new(0),
        unwritten: AtomicUsize::new(0),
        next_opaque: AtomicI32::new(0),
        calls: Mutex::default(),
        outbox: Mutex::default(),
    }));
    let driver = Driver::new(io, connection.clone(), service);
    (connection, driver)
}

impl Connection {
    /// A number that no other connection of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The other side's address.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Our own address; on a server the one that the client dialled.
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// Both.
    pub fn ends(&self) -> Ends {
        Ends { peer: self.peer(), local: self.local() }
    }

    /// Whose connection it is, as long as it exists.
    pub fn seat(&self) -> &Seat {
        &self.0.seat
    }

    /// Does the connection still exist, as far as we know?
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// Closes the connection once what is queued is written, or the linger time is over. Returns at
    /// once; the reason goes to the log.
    pub fn close(&self, reason: impl Into<Cow<'static, str>>) {
        self.order(Closing { reason: reason.into(), drain: false });
    }

    /// Closes the connection as [`Connection::close`] does, but waits for parked requests, too.
    pub fn drain(&self, reason: impl Into<Cow<'static, str>>) {
        self.order(Closing { reason: reason.into(), drain: true });
    }

    /// Asks the peer something and waits for the answer. Must be awaited on a tokio runtime.
    pub async fn request(
        &self,
        code: RequestCode,
        fields: &impl FieldSource,
        body: impl Into<Body>,
        timeout: Duration,
    ) -> Result<Message, CallError> {
        let opaque = self.0.next_opaque.fetch_add(1, Ordering::Relaxed) & (POSTED - 1);
        let call = calls::begin(&self.0, opaque)?;
        self.send(code, opaque, 0, fields, body.into())?;
        match tokio::time::timeout(timeout, call.answer()).await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(CallError::Closed { peer: self.peer() }),
            Err(_) => Err(CallError::Timeout { peer: self.peer(), code, timeout }),
        }
    }

    /// Tells the peer something that it does not answer.
    pub fn oneway(&self, code: RequestCode, fields: &impl FieldSource, body: impl Into<Body>) -> Result<(), CallError> {
        let opaque = self.0.next_opaque.fetch_add(1, Ordering::Relaxed) & (POSTED - 1);
        self.send(code, opaque, FLAG_ONEWAY, fields, body.into())
    }

    /// Asks the peer something whose answer is given to [`Service::answered`] with the same `tag`
    /// (below 2³⁰). The cheap way for those who keep many requests going: no future, no table, no
    /// timeout, and requests that are posted from within `answered` leave in one write.
    pub fn post(
        &self,
        tag: u32,
        code: RequestCode,
        fields: &impl FieldSource,
        body: impl Into<Body>,
    ) -> Result<(), CallError> {
        let opaque = (tag as i32 & (POSTED - 1)) | POSTED;
        self.send(code, opaque, 0, fields, body.into())
    }

    /// How many of the peer's requests are parked.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Acquire)
    }

    /// How many bytes wait to be written.
    pub fn pending_output_bytes(&self) -> usize {
        self.0.unwritten.load(Ordering::Relaxed) + self.0.outbox.lock().output.pending()
    }

    fn send(
        &self,
        code: RequestCode,
        opaque: i32,
        flag: i32,
        fields: &impl FieldSource,
        body: Body,
    ) -> Result<(), CallError> {
        let options = &self.0.options;
        let unwritten = self.0.unwritten.load(Ordering::Relaxed);
        let preamble =
            Preamble { encoding: options.encoding, code: code.0, opaque, flag, version: options.version, remark: None };
        let waker = {
            let mut outbox = self.0.outbox.lock();
            if outbox.closed || outbox.closing.is_some() {
                return Err(CallError::Closed { peer: self.peer() });
            }
            let pending_bytes = unwritten + outbox.output.pending();
            if pending_bytes > options.max_pending_output_bytes {
                return Err(CallError::Congested { peer: self.peer(), pending_bytes });
            }
            outbox.output.push(&preamble, fields, body)?;
            outbox.waker()
        };
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Changes the outbox, if there is still a driver to look into it, and wakes the driver.
    fn with_outbox(&self, change: impl FnOnce(&mut Outbox)) {
        let waker = {
            let mut outbox = self.0.outbox.lock();
            if outbox.closed {
                return;
            }
            change(&mut outbox);
            outbox.waker()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn order(&self, closing: Closing) {
        self.with_outbox(|outbox| {
            let wanted = outbox.closing.get_or_insert_with(|| closing.clone());
            wanted.drain &= closing.drain;
        });
    }

    pub(crate) fn begin_flight(&self) {
        self.0.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn latencies(&self) -> Option<&Latencies> {
        self.0.options.latencies.as_deref()
    }

    pub(crate) fn end_flight(&self, write: impl FnOnce(&mut Output)) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.with_outbox(|outbox| write(&mut outbox.output));
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Connection {}

impl Hash for Connection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Connection({} {})", self.0.id, self.0.peer)
    }
}
