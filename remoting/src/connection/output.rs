//! What a connection has yet to write: headers and small bodies in one growing buffer, large bodies
//! as they are, in order. Written with as few vectored writes as the socket allows.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::code::ResponseCode;
use crate::codec::{self, EncodeError, FLAG_RESPONSE, Preamble};
use crate::field_writer::FieldSource;
use crate::service::{Body, Ticket};

/// A piece of a body up to this size is copied behind its header: cheaper than one more slice.
const COPIED_BYTES: usize = 1024;
/// The most slices of one write. Linux takes up to 1024.
const MAX_SLICES: usize = 64;
/// What an idle connection may keep of its buffer.
const IDLE_BYTES: usize = 1024;
/// What an idle connection may keep of its list of pieces.
const IDLE_PIECES: usize = 8;

/// Bytes waiting to be written.
#[derive(Default)]
pub(crate) struct Output {
    text: Vec<u8>,
    /// How much of `text` has been written.
    text_written: usize,
    pieces: VecDeque<Piece>,
    pending: usize,
}

enum Piece {
    /// That many bytes of `text`.
    Text(usize),
    Body(Bytes),
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// How many bytes wait.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// How many of them are in the buffer.
    pub(crate) fn pending_text(&self) -> usize {
        self.text.len() - self.text_written
    }

    /// Appends a frame.
    pub(crate) fn push(
        &mut self,
        preamble: &Preamble<'_>,
        fields: &(impl FieldSource + ?Sized),
        body: Body,
    ) -> Result<(), EncodeError> {
        let start = self.text.len();
        codec::encode(&mut self.text, preamble, fields, body.len())?;
        self.count_text(self.text.len() - start);
        match body {
            Body::Empty => {}
            Body::One(piece) => self.push_body(piece),
            Body::Many(pieces) => pieces.into_iter().for_each(|piece| self.push_body(piece)),
        }
        Ok(())
    }

    /// Appends the answer to a request, unless nobody waits for it. An answer that cannot be encoded
    /// becomes an error that says so.
    pub(crate) fn answer(
        &mut self,
        ticket: &Ticket,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &(impl FieldSource + ?Sized),
        body: Body,
    ) {
        if ticket.oneway {
            return;
        }
        let mut preamble = Preamble {
            encoding: ticket.encoding,
            code: code.0,
            opaque: ticket.opaque,
            flag: FLAG_RESPONSE,
            version: ticket.version,
            remark,
        };
        if let Err(error) = self.push(&preamble, fields, body) {
            let remark = format!("the answer could not be encoded: {error}");
            preamble.code = ResponseCode::SYSTEM_ERROR.0;
            preamble.remark = Some(&remark);
            // Nothing in this one can be too long.
            let _ = self.push(&preamble, &(), Body::Empty);
        }
    }

    /// What a request gets whose reply was dropped.
    pub(crate) fn answer_unanswered(&mut self, ticket: &Ticket) {
        let remark = Some("the server dropped the request without an answer");
        self.answer(ticket, ResponseCode::SYSTEM_ERROR, remark, &(), Body::Empty);
    }

    /// Moves everything from `other` behind what is here.
    pub(crate) fn append(&mut self, other: &mut Output) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let mut text = &other.text[other.text_written..];
        for piece in other.pieces.drain(..) {
            match piece {
                Piece::Text(length) => {
                    self.text.extend_from_slice(&text[..length]);
                    self.count_text(length);
                    text = &text[length..];
                }
                Piece::Body(bytes) => {
                    self.pending += bytes.len();
                    self.pieces.push_back(Piece::Body(bytes));
                }
            }
        }
        other.reset();
    }

    fn push_body(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED_BYTES {
            self.text.extend_from_slice(&bytes);
            self.count_text(bytes.len());
        } else {
            self.pending += bytes.len();
            self.pieces.push_back(Piece::Body(bytes));
        }
    }

    /// Accounts for bytes that were appended to `text`.
    fn count_text(&mut self, length: usize) {
        if length == 0 {
            return;
        }
        self.pending += length;
        match self.pieces.back_mut() {
            Some(Piece::Text(last)) => *last += length,
            _ => self.pieces.push_back(Piece::Text(length)),
        }
    }

    /// Writes until nothing is left or the socket takes no more. Returns the number of bytes written
    /// when nothing is left.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut total = 0;
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.fill(&mut slices);
            let written = ready!(Pin::new(&mut *writer).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
            total += written;
        }
        Poll::Ready(Ok(total))
    }

    fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut text = &self.text[self.text_written..];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(match piece {
                Piece::Text(length) => {
                    let (piece, rest) = text.split_at(*length);
                    text = rest;
                    piece
                }
                Piece::Body(bytes) => bytes,
            });
            count += 1;
        }
        count
    }

    /// Forgets the first `written` bytes.
    fn advance(&mut self, mut written: usize) {
        self.pending -= written;
        while written > 0 {
            let Some(first) = self.pieces.front_mut() else {
                break;
            };
            let length = match first {
                Piece::Text(length) => *length,
                Piece::Body(bytes) => bytes.len(),
            };
            let step = length.min(written);
            written -= step;
            if let Piece::Text(_) = first {
                self.text_written += step;
            }
            if step == length {
                self.pieces.pop_front();
            } else {
                match first {
                    Piece::Text(length) => *length -= step,
                    Piece::Body(bytes) => bytes.advance(step),
                }
            }
        }
        if self.is_empty() {
            self.reset();
        } else if self.text_written > self.text.len() / 2 {
            self.text.drain(..self.text_written);
            self.text_written = 0;
        }
    }

    fn reset(&mut self) {
        self.text.clear();
        self.text_written = 0;
        self.pieces.clear();
        self.pending = 0;
    }

    /// Gives back memory that a quiet connection does not need.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() && (self.text.capacity() > IDLE_BYTES || self.pieces.capacity() > IDLE_PIECES) {
            *self = Self::default();
        }
    }
}
