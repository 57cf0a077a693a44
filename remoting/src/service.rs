//! What a server (or a client that is asked things) implements, and what it is given: requests that
//! borrow the read buffer, replies that are encoded straight into the output buffer, and parked
//! replies for what has to wait.

use std::fmt::Display;
use std::time::Instant;

use bytes::Bytes;

use crate::code::{RequestCode, ResponseCode};
use crate::codec::{Encoding, Header};
use crate::connection::Connection;
use crate::connection::output::Output;
use crate::field_writer::FieldSource;
use crate::latency::{Kind, Tally};
use crate::version::Version;

/// Handles what arrives on connections. All methods are called on the connection's own task, in the
/// order of arrival, and must not block.
pub trait Service: Send + Sync + 'static {
    /// Handles one request where it was decoded. Answer by `reply`, or [`Reply::park`] it.
    fn handle(&self, request: Request<'_>, reply: Reply<'_>);

    /// Handles the answer to a request that was sent by [`Connection::post`].
    fn answered(&self, answer: Answer<'_>) {
        let _ = answer;
    }

    /// Called once after each run of frames decoded from one read, before the answers are written.
    fn settle(&self) {}

    /// Must clients read the answers that wait for them before more is read from them?
    fn is_short_of_memory(&self) -> bool {
        false
    }

    /// Called once when the connection is gone. Parked replies of it go nowhere from now on.
    fn closed(&self, connection: &Connection) {
        let _ = connection;
    }
}

/// The service of a client that is never asked anything.
impl Service for () {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        let code = request.code();
        reply.fail(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, format_args!("request {code} is not supported here"));
    }
}

/// One request. Header and body borrow the connection's read buffer: copy what must live longer.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The decoded header.
    pub header: &'a Header<'a>,
    /// Whatever follows the header in the frame.
    pub body: &'a [u8],
    /// Where the request came from.
    pub connection: &'a Connection,
}

impl Request<'_> {
    /// What is asked for.
    pub fn code(&self) -> RequestCode {
        RequestCode(self.header.code)
    }
}

/// The answer to a request of ours that was sent by [`Connection::post`]. Borrows the read buffer.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The number that was given to [`Connection::post`].
    pub tag: u32,
    /// The decoded header.
    pub header: &'a Header<'a>,
    /// Whatever follows the header in the frame.
    pub body: &'a [u8],
    /// Where the answer came from.
    pub connection: &'a Connection,
}

impl Answer<'_> {
    /// How the request went.
    pub fn code(&self) -> ResponseCode {
        ResponseCode(self.header.code)
    }
}

/// The body of an answer or request. It is written together with its header, without being copied.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// One piece.
    One(Bytes),
    /// Several pieces, written one after the other.
    Many(Vec<Bytes>),
}

impl Body {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(Bytes::len).sum()
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn pieces(&self) -> &[Bytes] {
        match self {
            Self::Empty => &[],
            Self::One(piece) => std::slice::from_ref(piece),
            Self::Many(pieces) => pieces,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::One(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::One(bytes.into())
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self::Many(pieces)
    }
}

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) code: RequestCode,
    /// When the request was read.
    pub(crate) begun: Instant,
    pub(crate) opaque: i32,
    pub(crate) encoding: Encoding,
    pub(crate) oneway: bool,
    pub(crate) version: Version,
}

impl Ticket {
    fn kind(&self, response: ResponseCode, parked: bool) -> Kind {
        Kind { request: self.code, response, parked, oneway: self.oneway }
    }
}

/// The right to answer one request, once. Answers are encoded in the request's encoding, straight
/// into the connection's output buffer; to a oneway request they are dropped. A reply that is dropped
/// unanswered answers SYSTEM_ERROR.
pub struct Reply<'a> {
    ticket: Ticket,
    connection: &'a Connection,
    /// `None` once the reply is used.
    output: Option<(&'a mut Output, &'a mut Tally)>,
}

impl<'a> Reply<'a> {
    pub(crate) fn new(
        ticket: Ticket,
        connection: &'a Connection,
        output: &'a mut Output,
        tally: &'a mut Tally,
    ) -> Self {
        Self { ticket, connection, output: Some((output, tally)) }
    }

    /// Answers anything.
    pub fn answer(
        mut self,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &impl FieldSource,
        body: impl Into<Body>,
    ) {
        if let Some((output, tally)) = self.output.take() {
            tally.note(self.ticket.kind(code, false));
            output.answer(&self.ticket, code, remark, fields, body.into());
        }
    }

    /// Answers nothing at all, for the few requests whose senders never wait.
    pub fn forget(mut self) {
        self.output = None;
    }

    /// Keeps the right to answer for later, for any thread. Until then the request counts as in
    /// flight. Answers go out in the order in which they are given.
    pub fn park(mut self) -> Parked {
        self.output = None;
        self.connection.begin_flight();
        Parked { ticket: self.ticket, connection: self.connection.clone(), answered: false }
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        if let Some((output, tally)) = self.output.take() {
            tally.note(self.ticket.kind(ResponseCode::SYSTEM_ERROR, false));
            output.answer_unanswered(&self.ticket);
        }
    }
}

/// A [`Reply`] for later. Dropped unanswered, it answers SYSTEM_ERROR.
#[must_use = "dropping a parked reply answers SYSTEM_ERROR"]
pub struct Parked {
    ticket: Ticket,
    connection: Connection,
    answered: bool,
}

impl Parked {
    /// Where the request came from.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Answers anything.
    pub fn answer(
        mut self,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &impl FieldSource,
        body: impl Into<Body>,
    ) {
        self.finish(Some(code), |output, ticket| output.answer(ticket, code, remark, fields, body.into()));
    }

    /// Answers nothing at all.
    pub fn forget(mut self) {
        self.finish(None, |_, _| {});
    }

    fn finish(&mut self, code: Option<ResponseCode>, write: impl FnOnce(&mut Output, &Ticket)) {
        self.answered = true;
        if let (Some(latencies), Some(code)) = (self.connection.latencies(), code) {
            latencies.add(self.ticket.kind(code, true), self.ticket.begun.elapsed(), 1);
        }
        self.connection.end_flight(|output| write(output, &self.ticket));
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if !self.answered {
            self.finish(Some(ResponseCode::SYSTEM_ERROR), |output, ticket| output.answer_unanswered(ticket));
        }
    }
}

/// What both kinds of replies answer, by way of their `answer`.
macro_rules! answers {
    ($reply:ty) => {
        impl $reply {
            /// Does nobody wait for an answer?
            pub fn is_oneway(&self) -> bool {
                self.ticket.oneway
            }

            /// Answers SUCCESS without a body.
            pub fn ok(self, fields: &impl FieldSource) {
                self.answer(ResponseCode::SUCCESS, None, fields, Body::Empty);
            }

            /// Answers SUCCESS with a body.
            pub fn ok_body(self, fields: &impl FieldSource, body: impl Into<Body>) {
                self.answer(ResponseCode::SUCCESS, None, fields, body);
            }

            /// Answers that it went wrong, and why.
            pub fn fail(self, code: ResponseCode, remark: impl Display) {
                self.answer(code, Some(&remark.to_string()), &(), Body::Empty);
            }
        }
    };
}

answers!(Reply<'_>);
answers!(Parked);
