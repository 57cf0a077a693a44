//! Requests of our own that wait for their answers: a bounded table by opaque number.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::{CallError, Message, Shared};

/// The table. Closed for good when the connection is gone.
#[derive(Default)]
pub(super) struct Calls {
    waiting: HashMap<i32, oneshot::Sender<Message>>,
    closed: bool,
}

impl Calls {
    /// Hands an answer to whoever waits for it. Late ones are dropped.
    pub(super) fn complete(&mut self, opaque: i32, answer: impl FnOnce() -> Message) {
        if let Some(caller) = self.waiting.remove(&opaque) {
            let _ = caller.send(answer());
        }
    }

    /// Tells all who wait that there will be no answer.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.waiting = HashMap::new();
    }
}

/// One entry of the table, which leaves it when dropped.
pub(super) struct Call<'a> {
    shared: &'a Shared,
    opaque: i32,
    answer: oneshot::Receiver<Message>,
}

impl Call<'_> {
    /// The answer; `None` when the connection is closed first.
    pub(super) async fn answer(mut self) -> Option<Message> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.shared.calls.lock().waiting.remove(&self.opaque);
    }
}

/// Enters a request into the table, before it is sent.
pub(super) fn begin(shared: &Shared, opaque: i32) -> Result<Call<'_>, CallError> {
    let peer = shared.peer;
    let limit = shared.options.max_calls;
    let (sender, answer) = oneshot::channel();
    let mut calls = shared.calls.lock();
    if calls.closed {
        return Err(CallError::Closed { peer });
    }
    // After 2³⁰ requests numbers come again; one that still waits must not be replaced.
    if calls.waiting.len() >= limit || calls.waiting.contains_key(&opaque) {
        return Err(CallError::TooManyCalls { peer, limit });
    }
    calls.waiting.insert(opaque, sender);
    Ok(Call { shared, opaque, answer })
}
