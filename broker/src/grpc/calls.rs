//! Runs the calls of a connection in the connection's own task: all that one read brought are begun, most end at once, and one write
//! carries their answers. None is handed from thread to thread. A call that panics ends alone. What a call does is not known here.

#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::rt::Executor;
use parking_lot::Mutex;

/// How often a connection is looked at anew before others have their turn.
const TURNS: usize = 16;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes calls over from the protocol, as they begin.
#[derive(Clone)]
pub(super) struct Calls(Arc<Shared>);

struct Shared {
    bell: Arc<Bell>,
    /// Those that the connection has read and nobody has begun.
    new: Mutex<Vec<Call>>,
}

impl Calls {
    pub(super) fn new() -> Self {
        let bell = Bell { state: AtomicU8::new(Bell::QUIET), task: Mutex::new(Waker::noop().clone()) };
        Calls(Arc::new(Shared { bell: Arc::new(bell), new: Mutex::default() }))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Calls {
    fn execute(&self, call: F) {
        // Of one that panicked the protocol says that it ended.
        self.0.new.lock().push(Box::pin(async { survive(call).await.unwrap_or_default() }));
    }
}

/// Does the work; `None`: it panicked, of which the log has a line. That is a mistake of ours, which must not end what others do.
pub(super) async fn survive<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // What panicked is not polled again, only dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// Wakes the connection's task, but not while it is running anyway: the runtime would wake another thread to help it.
struct Bell {
    state: AtomicU8,
    task: Mutex<Waker>,
}

impl Bell {
    const QUIET: u8 = 0;
    const LISTENED_TO: u8 = 1;
    const RUNG: u8 = 2;

    /// Whether it has rung since it was listened to; if not, it wakes the task from now on.
    fn has_rung(&self) -> bool {
        self.state.compare_exchange(Self::LISTENED_TO, Self::QUIET, Ordering::AcqRel, Ordering::Acquire).is_err()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(Self::RUNG, Ordering::AcqRel) == Self::QUIET {
            self.task.lock().wake_by_ref();
        }
    }
}

/// A connection with its calls; ends when the connection does, and what still waits then is dropped.
pub(super) struct Running<'a, C, F> {
    pub(super) connection: Pin<&'a mut C>,
    calls: Calls,
    /// What all calls that were worked on need done, before their answers leave.
    finish: F,
    new: Vec<Call>,
    /// Those that could not be answered at once.
    waiting: FuturesUnordered<Call>,
}

impl<'a, C: Future, F: Fn()> Running<'a, C, F> {
    /// `calls` is where `connection` executes its calls.
    pub(super) fn new(connection: Pin<&'a mut C>, calls: Calls, finish: F) -> Self {
        Running { connection, calls, finish, new: Vec::new(), waiting: FuturesUnordered::new() }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Poll<C::Output> {
        let ended = self.connection.as_mut().poll(context);
        if ended.is_pending() {
            std::mem::swap(&mut self.new, &mut self.calls.0.new.lock());
            for mut call in self.new.drain(..) {
                if call.as_mut().poll(context).is_pending() {
                    self.waiting.push(call);
                }
            }
            while let Poll::Ready(Some(())) = self.waiting.poll_next_unpin(context) {}
            (self.finish)();
        }
        ended
    }
}

impl<C: Future, F: Fn() + Unpin> Future for Running<'_, C, F> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let bell = self.calls.0.bell.clone();
        bell.task.lock().clone_from(context.waker());
        let waker = Waker::from(bell.clone());
        for _ in 0..TURNS {
            bell.state.store(Bell::LISTENED_TO, Ordering::Release);
            if let Poll::Ready(ended) = self.turn(&mut Context::from_waker(&waker)) {
                return Poll::Ready(ended);
            }
            if !bell.has_rung() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
