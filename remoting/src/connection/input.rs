//! What a connection has read and not yet handled. Bytes are read into a buffer that each thread
//! keeps for all its connections and are handled there, so that an idle connection holds no buffer;
//! only the beginning of an unfinished frame is kept. A frame too large for that is gathered in a
//! buffer of its own, which grows with what has arrived, not with what was claimed.

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::frame::PREFIX_BYTES;

/// Size of the buffer that connections share, and so the most that one read can bring.
const SHARED_BYTES: usize = 256 << 10;
/// An unfinished frame up to this size is copied back into the shared buffer before the next read.
const COPIED_BYTES: usize = 16 << 10;
/// First size of a buffer for a large frame.
const FIRST_GROWTH_BYTES: usize = 64 << 10;
/// What an idle connection may keep of its buffer.
const IDLE_BYTES: usize = 1024;

thread_local! {
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The unhandled rest of what was read.
pub(super) struct Input {
    held: Vec<u8>,
    /// How long the first frame in `held` will be.
    needed: usize,
    /// `held` may contain whole frames, because handling was paused.
    backlog: bool,
}

/// What became of a run of frames.
pub(super) struct Run {
    /// Bytes that were handled.
    pub(super) handled: usize,
    /// How long the frame that begins after them will be; `None` when handling was paused.
    pub(super) needed: Option<usize>,
}

impl Input {
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), needed: PREFIX_BYTES, backlog: false }
    }

    /// Is there the beginning of a frame?
    pub(super) fn has_partial_frame(&self) -> bool {
        !self.held.is_empty()
    }

    #[cfg(test)]
    pub(super) fn held_capacity(&self) -> usize {
        self.held.capacity()
    }

    /// Reads once (unless paused frames are waiting) and has `handle` go through the whole frames.
    /// Returns the number of bytes read; zero with nothing waiting is the end of the stream.
    pub(super) fn poll<R: AsyncRead + Unpin, E: From<io::Error>>(
        &mut self,
        reader: &mut R,
        cx: &mut Context<'_>,
        handle: impl FnOnce(&mut [u8]) -> Result<Run, E>,
    ) -> Poll<Result<Progress, E>> {
        if self.backlog {
            return Poll::Ready(self.handle_held(handle).map(|()| Progress::Some));
        }
        if self.held.len() <= COPIED_BYTES && self.needed <= SHARED_BYTES {
            self.poll_shared(reader, cx, handle)
        } else {
            self.poll_own(reader, cx, handle)
        }
    }

    fn poll_shared<R: AsyncRead + Unpin, E: From<io::Error>>(
        &mut self,
        reader: &mut R,
        cx: &mut Context<'_>,
        handle: impl FnOnce(&mut [u8]) -> Result<Run, E>,
    ) -> Poll<Result<Progress, E>> {
        let mut shared = SHARED.take();
        shared.resize(SHARED_BYTES, 0);
        let held = self.held.len();
        shared[..held].copy_from_slice(&self.held);
        let mut buffer = ReadBuf::new(&mut shared[held..]);
        let result = match Pin::new(reader).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Poll::Ready(Ok(Progress::End)),
            Poll::Ready(Ok(())) => {
                let end = held + buffer.filled().len();
                let bytes = &mut shared[..end];
                self.held.clear();
                Poll::Ready(handle(bytes).map(|run| {
                    self.held.extend_from_slice(&bytes[run.handled..]);
                    self.note(&run);
                    Progress::Some
                }))
            }
        };
        SHARED.set(shared);
        result
    }

    fn poll_own<R: AsyncRead + Unpin, E: From<io::Error>>(
        &mut self,
        reader: &mut R,
        cx: &mut Context<'_>,
        handle: impl FnOnce(&mut [u8]) -> Result<Run, E>,
    ) -> Poll<Result<Progress, E>> {
        let missing = self.needed - self.held.len();
        if self.held.len() == self.held.capacity() {
            self.held.reserve_exact(missing.min(self.held.len().max(FIRST_GROWTH_BYTES)));
        }
        let room = missing.min(self.held.capacity() - self.held.len());
        let read = ready!(pin!(reader.read_buf(&mut (&mut self.held).limit(room))).poll(cx))?;
        if read == 0 {
            return Poll::Ready(Ok(Progress::End));
        }
        if self.held.len() == self.needed {
            self.handle_held(handle)?;
        }
        Poll::Ready(Ok(Progress::Some))
    }

    fn handle_held<E>(&mut self, handle: impl FnOnce(&mut [u8]) -> Result<Run, E>) -> Result<(), E> {
        let run = handle(&mut self.held)?;
        self.held.drain(..run.handled);
        self.note(&run);
        Ok(())
    }

    fn note(&mut self, run: &Run) {
        self.backlog = run.needed.is_none();
        self.needed = run.needed.unwrap_or(PREFIX_BYTES);
    }

    /// Gives back memory that a quiet connection does not need.
    pub(super) fn shrink(&mut self) {
        if self.held.capacity() > IDLE_BYTES.max(self.held.len()) {
            self.held.shrink_to_fit();
        }
    }
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something.
    Some,
    /// The end of the stream.
    End,
}
