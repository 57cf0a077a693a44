//! The future that drives one connection: it reads as many frames as the socket holds, has each
//! handled where it was decoded, and writes all answers together with whatever the outbox holds.

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::input::{Input, Progress, Run};
use super::output::Output;
use super::{Closing, Connection, ConnectionOptions, Message, POSTED};
use crate::code::{RequestCode, ResponseCode};
use crate::codec::{self, DecodeError, Header};
use crate::fields::Slot;
use crate::frame::{self, Frame, FrameError, PREFIX_BYTES};
use crate::latency::Tally;
use crate::service::{Answer, Reply, Request, Service, Ticket};

/// How often a connection may go round before other tasks get their turn.
const MAX_ROUNDS: usize = 16;
/// A connection that was quiet for this long gives its buffers back.
const SHRINK_AFTER: Duration = Duration::from_secs(10);
/// What an idle connection may keep of its list of fields.
const IDLE_SLOTS: usize = 32;

/// The everyday reason.
const END_OF_STREAM: &str = "the peer closed it";

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Close {
    #[error("{END_OF_STREAM}")]
    Peer,
    #[error("the peer closed it in the middle of a frame")]
    PeerWithinFrame,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Header(#[from] DecodeError),
    #[error("it was idle for {0:?}")]
    Idle(Duration),
    #[error("{0}")]
    Asked(Cow<'static, str>),
}

impl Close {
    /// Says why, as loudly as it deserves: bad input is worth a look, the rest is everyday life.
    fn log(&self, connection: &Connection) {
        let (id, peer, local) = (connection.id(), connection.peer(), connection.local());
        match self {
            Self::Frame(_) | Self::Header(_) => {
                tracing::warn!(%peer, %local, id, "connection closed because of bad input: {self}");
            }
            _ => tracing::debug!(%peer, %local, id, "connection closed: {self}"),
        }
    }
}

/// Drives one connection until it ends. Made by [`open`](super::open).
pub struct Driver<IO, S: Service> {
    io: IO,
    service: Arc<S>,
    connection: Connection,
    options: Arc<ConnectionOptions>,
    input: Input,
    output: Output,
    /// Something was written that the stream may still hold; TLS does, a socket does not.
    unflushed: bool,
    /// Scratch space for decoding.
    slots: Vec<Slot>,
    tally: Tally,
    closing: Option<Closing>,
    /// Bounds what follows an order to close.
    deadline: Option<Instant>,
    last_activity: Instant,
    timer: Pin<Box<Sleep>>,
    close: Option<Close>,
}

impl<IO, S: Service> Driver<IO, S> {
    pub(super) fn new(io: IO, connection: Connection, service: Arc<S>) -> Self {
        let options = connection.0.options.clone();
        let now = Instant::now();
        let tally = Tally::new(options.latencies.clone());
        let timer = Box::pin(tokio::time::sleep_until(now + first_tick(&options)));
        Self {
            io,
            service,
            connection,
            options,
            input: Input::new(),
            output: Output::default(),
            unflushed: false,
            slots: Vec::new(),
            tally,
            closing: None,
            deadline: None,
            last_activity: now,
            timer,
            close: None,
        }
    }
}

/// When the timer first looks: early enough to shrink, or to close if that comes first.
fn first_tick(options: &ConnectionOptions) -> Duration {
    options.idle_close.map_or(SHRINK_AFTER, |idle| idle.min(SHRINK_AFTER))
}

impl<IO: AsyncRead + AsyncWrite + Unpin, S: Service> Future for Driver<IO, S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        let result = driver.turn(cx);
        driver.connection.0.unwritten.store(driver.output.pending(), Ordering::Relaxed);
        result.map(|close| driver.close = Some(close))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin, S: Service> Driver<IO, S> {
    /// Does what can be done now. Ready when the connection is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Close> {
        for _ in 0..MAX_ROUNDS {
            self.collect();
            let pending = self.output.pending();
            if let Poll::Ready(Err(error)) = self.write(cx) {
                return Poll::Ready(error.into());
            }
            let mut active = self.output.pending() < pending;
            if let Some(close) = self.finished() {
                return Poll::Ready(close);
            }
            let paused = self.closing.is_some() || self.paused();
            let mut again = false;
            if !paused {
                match self.receive(cx) {
                    Poll::Ready(Ok(Progress::Some)) => again = true,
                    Poll::Ready(Ok(Progress::End)) if self.has_written() => {
                        return Poll::Ready(self.end_of_stream());
                    }
                    // The peer may only have finished speaking, and still listen.
                    Poll::Ready(Ok(Progress::End)) => {
                        self.begin_closing(Closing { reason: END_OF_STREAM.into(), drain: false });
                    }
                    Poll::Ready(Err(close)) => {
                        // What was fine gets its answer, if the socket takes it at once.
                        let _ = self.write(cx);
                        return Poll::Ready(close);
                    }
                    Poll::Pending => {}
                }
            }
            active |= again;
            if active {
                self.last_activity = Instant::now();
            }
            if again {
                continue;
            }
            if let Some(close) = self.tick(cx) {
                return Poll::Ready(close);
            }
            if self.fall_asleep(cx, paused) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes until nothing is left or the socket takes no more.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unflushed |= !self.output.is_empty();
        ready!(self.output.poll_write(&mut self.io, cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Does the socket have all that was to be written?
    fn has_written(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// Takes what others have left in the outbox.
    fn collect(&mut self) {
        let mut outbox = self.connection.0.outbox.lock();
        outbox.asleep = false;
        self.output.append(&mut outbox.output);
        let order = outbox.closing.clone();
        drop(outbox);
        if let Some(closing) = order {
            self.begin_closing(closing);
        }
    }

    /// From now on nothing is read, and what is due must be written within the linger time.
    fn begin_closing(&mut self, closing: Closing) {
        self.closing = Some(closing);
        self.deadline.get_or_insert_with(|| Instant::now() + self.options.linger);
    }

    /// From now on whoever leaves something in the outbox wakes the task; unless something came in
    /// the meantime that must be seen to first.
    fn fall_asleep(&mut self, cx: &mut Context<'_>, was_paused: bool) -> bool {
        let shared = &self.connection.0;
        let mut outbox = shared.outbox.lock();
        let order_is_new = outbox.closing.is_some() && self.closing.is_none();
        let resumes = self.closing.is_none() && was_paused && !self.paused();
        if !outbox.output.is_empty() || order_is_new || resumes || self.finished().is_some() {
            return false;
        }
        outbox.asleep = true;
        match &mut outbox.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => outbox.waker = Some(cx.waker().clone()),
        }
        true
    }

    /// Is an order to close carried out?
    fn finished(&self) -> Option<Close> {
        let closing = self.closing.as_ref()?;
        let done = self.has_written() && !(closing.drain && self.connection.in_flight() > 0);
        done.then(|| Close::Asked(closing.reason.clone()))
    }

    /// Must the peer wait before more is read?
    fn paused(&self) -> bool {
        is_paused(&*self.service, &self.connection, &self.options, &self.output)
    }

    /// Reads once and handles what came.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, Close>> {
        let Self { io, service, connection, options, input, output, slots, tally, .. } = self;
        input.poll(io, cx, |bytes| {
            tally.begin();
            let run = handle_frames(bytes, &**service, connection, options, output, slots, tally);
            service.settle();
            tally.settle();
            run
        })
    }

    fn end_of_stream(&self) -> Close {
        if self.input.has_partial_frame() { Close::PeerWithinFrame } else { Close::Peer }
    }

    /// Looks at the clock: closes what was idle or lingered for too long, shrinks what is quiet. The
    /// timer is not moved by activity; when it fires too early, it is set again.
    fn tick(&mut self, cx: &mut Context<'_>) -> Option<Close> {
        if let Some(deadline) = self.deadline
            && self.timer.deadline() > deadline
        {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let quiet = now.saturating_duration_since(self.last_activity);
            if let Some(closing) = &self.closing
                && self.deadline.is_some_and(|deadline| now >= deadline)
            {
                return Some(Close::Asked(closing.reason.clone()));
            }
            if let Some(idle) = self.options.idle_close.filter(|idle| quiet >= *idle) {
                return Some(Close::Idle(idle));
            }
            if quiet >= SHRINK_AFTER {
                self.shrink();
            }
            let next = self.next_tick(now);
            self.timer.as_mut().reset(next);
        }
        None
    }

    /// When there will be something to do for [`Driver::tick`], after `now`.
    fn next_tick(&self, now: Instant) -> Instant {
        let shrink_at = Some(self.last_activity + SHRINK_AFTER).filter(|at| *at > now);
        let idle_at = self.options.idle_close.map(|idle| self.last_activity + idle);
        [shrink_at, idle_at, self.deadline].into_iter().flatten().min().unwrap_or(now + SHRINK_AFTER)
    }

    fn shrink(&mut self) {
        self.input.shrink();
        self.output.shrink();
        self.connection.0.outbox.lock().output.shrink();
        if self.slots.capacity() > IDLE_SLOTS {
            self.slots = Vec::new();
        }
    }
}

/// What ends a pause wakes the task: an answer that was awaited, or room in the socket for those that wait.
fn is_paused<S: Service>(service: &S, connection: &Connection, options: &ConnectionOptions, output: &Output) -> bool {
    output.pending() > options.max_pending_output_bytes
        || output.pending_text() > options.max_pending_text_bytes
        || connection.in_flight() >= options.max_in_flight
        || (!output.is_empty() && service.is_short_of_memory())
}

/// Handles the whole frames at the beginning of `bytes`.
fn handle_frames<S: Service>(
    bytes: &mut [u8],
    service: &S,
    connection: &Connection,
    options: &ConnectionOptions,
    output: &mut Output,
    slots: &mut Vec<Slot>,
    tally: &mut Tally,
) -> Result<Run, Close> {
    let mut handled = 0;
    loop {
        if is_paused(service, connection, options, output) {
            return Ok(Run { handled, needed: None });
        }
        let bytes = &mut bytes[handled..];
        match frame::split(bytes, &options.frame)? {
            Frame::Partial { needed } => {
                return Ok(Run { handled, needed: Some(needed) });
            }
            Frame::Whole { encoding, header_end, end } => {
                let (head, body) = bytes[..end].split_at_mut(header_end);
                let header = codec::decode(encoding, &mut head[PREFIX_BYTES..], slots)?;
                if header.is_response() {
                    handle_answer(service, connection, &header, body);
                } else {
                    let ticket = Ticket {
                        code: RequestCode(header.code),
                        begun: tally.begun(),
                        opaque: header.opaque,
                        encoding,
                        oneway: header.is_oneway(),
                        version: options.version,
                    };
                    let request = Request { header: &header, body, connection };
                    service.handle(request, Reply::new(ticket, connection, output, tally));
                }
                handled += end;
            }
        }
    }
}

fn handle_answer<S: Service>(service: &S, connection: &Connection, header: &Header<'_>, body: &[u8]) {
    if header.opaque & POSTED != 0 && header.opaque >= 0 {
        let tag = (header.opaque & (POSTED - 1)) as u32;
        service.answered(Answer { tag, header, body, connection });
        return;
    }
    connection.0.calls.lock().complete(header.opaque, || Message {
        code: ResponseCode(header.code),
        remark: header.remark.map(str::to_owned),
        fields: header.fields.to_owned(),
        body: Bytes::copy_from_slice(body),
    });
}

impl<IO, S: Service> Drop for Driver<IO, S> {
    /// Runs at the end in every case: also when the task is aborted, or unwinds from a panic.
    fn drop(&mut self) {
        let shared = &self.connection.0;
        shared.open.store(false, Ordering::Release);
        shared.seat.leave();
        let output = {
            let mut outbox = shared.outbox.lock();
            outbox.closed = true;
            outbox.waker = None;
            mem::take(&mut outbox.output)
        };
        drop(output);
        shared.calls.lock().close();
        match &self.close {
            Some(close) => close.log(&self.connection),
            None => {
                tracing::warn!(peer = %shared.peer, id = shared.id, "connection dropped by its task")
            }
        }
        self.service.closed(&self.connection);
    }
}
