//! Wakes producers when their next message is due. The runtime's own timer counts in milliseconds, which would
//! show in every latency; the kernel's is finer.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::control::Clock;
use crate::producer::Producer;

/// How soon to look again when a message is due and every slot is busy. The slot that becomes free first sends it
/// without our help; after that there may be time to wait again.
const LOOK_AGAIN_NS: u64 = 200_000;

/// A timer of the kernel's.
pub struct Pacer(AsyncFd<OwnedFd>);

impl Pacer {
    /// Must be called on the runtime that will wait for it.
    ///
    /// # Errors
    /// When the kernel has no timers left.
    #[expect(deprecated, reason = "its replacement is unsafe, for the sake of types that close their descriptor early")]
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?))
    }

    /// Waits for `wait_ns` nanoseconds.
    ///
    /// # Errors
    /// When the timer cannot be set or read.
    pub async fn sleep(&self, wait_ns: u64) -> io::Result<()> {
        // Zero would switch the timer off.
        let wait_ns = wait_ns.max(1);
        let value = Timespec { tv_sec: (wait_ns / 1_000_000_000) as i64, tv_nsec: (wait_ns % 1_000_000_000) as _ };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        loop {
            let mut guard = self.0.readable().await?;
            let mut expirations = [0; 8];
            match guard.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?)) {
                Ok(result) => return result.map(|_| ()),
                Err(_would_block) => continue,
            }
        }
    }

    /// Keeps the producers to their schedules until all of them have stopped.
    ///
    /// # Errors
    /// As [`Pacer::sleep`].
    pub async fn run(&self, clock: Clock, producers: &[Arc<Producer>]) -> io::Result<()> {
        while let Some(due_ns) = producers.iter().filter_map(|producer| producer.release()).min() {
            let wait_ns = due_ns.saturating_sub(clock.now_ns());
            self.sleep(if wait_ns == 0 { LOOK_AGAIN_NS } else { wait_ns }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_wakes_early() {
        let (pacer, clock) = (Pacer::new().expect("a timer"), Clock::default());
        for wait_ns in [0, 1, 300_000, 2_000_000] {
            let before_ns = clock.now_ns();
            pacer.sleep(wait_ns).await.expect("a timer");
            assert!(clock.now_ns() - before_ns >= wait_ns);
        }
    }
}
