//! Ports for servers whose configuration has to name them.
//!
//! They come from below the range from which systems give ports to outgoing connections, so that nobody takes a port of a server that is
//! just being restarted. Another process may still take one between the look and the use; whoever starts a server tries again then.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 20_000;
const BLOCKS: u32 = 2_900;
const BLOCK: u32 = 4;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Four successive ports of which this process has not handed out any before; this is the lowest.
///
/// A broker listens on `listenPort`, on `listenPort` − 2, and Apache's also on `listenPort` + 1.
pub fn free_block() -> u16 {
    let start = std::process::id().wrapping_mul(37);
    for _ in 0..BLOCKS {
        let block = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
        let first = u16::try_from(FIRST + block * BLOCK).expect("the range is below 65536");
        let free = |port: u16| TcpListener::bind(("0.0.0.0", port)).is_ok();
        if (first..first + BLOCK as u16).all(free) {
            return first;
        }
    }
    panic!("no four successive free ports from {FIRST} on");
}
