//! Answering, now or later, in the broker's own terms: the same handler code serves a request where it was decoded and one that was
//! parked. And reading the JSON bodies of requests.

use bolide_remoting::{Body, FieldSource, Parked, Reply, Request, ResponseCode, body};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The right to answer a request once.
pub(crate) trait Respond: Sized {
    /// Answers anything.
    fn respond(self, code: ResponseCode, remark: Option<&str>, fields: &impl FieldSource, body: Body);

    /// Answers that the request is not served.
    fn refuse(self, refusal: impl Into<Refusal>) {
        let refusal = refusal.into();
        self.respond(refusal.code, Some(&refusal.remark), &(), Body::Empty);
    }

    /// Answers with a header alone, or refuses.
    fn give<F: FieldSource>(self, result: Result<F, Refusal>) {
        match result {
            Ok(fields) => self.respond(ResponseCode::SUCCESS, None, &fields, Body::Empty),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Answers with a header and a body, or refuses.
    fn give_with_body<F: FieldSource, B: Into<Body>>(self, result: Result<(F, B), Refusal>) {
        match result {
            Ok((fields, body)) => self.respond(ResponseCode::SUCCESS, None, &fields, body.into()),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Answers with a body alone, or refuses.
    fn give_body(self, result: Result<Bytes, Refusal>) {
        self.give_with_body(result.map(|body| ((), body)));
    }
}

impl Respond for Reply<'_> {
    fn respond(self, code: ResponseCode, remark: Option<&str>, fields: &impl FieldSource, body: Body) {
        self.answer(code, remark, fields, body);
    }
}

impl Respond for Parked {
    fn respond(self, code: ResponseCode, remark: Option<&str>, fields: &impl FieldSource, body: Body) {
        self.answer(code, remark, fields, body);
    }
}

/// Reads a request's JSON body.
pub(crate) fn json_body<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Refusal> {
    body::decode(request.body)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, format!("the request's body is not usable: {error}")))
}
