//! Where the messages of a lite topic go: all of one to one queue of its parent, and so to one broker.

use bolide_remoting::body::TopicRouteData;
use bolide_store::record::java_hash;

/// The broker that a lite topic's messages are sent to by clients that know this route of the parent.
pub(super) fn broker_of<'a>(route: &'a TopicRouteData, lite_topic: &str) -> Option<&'a str> {
    let mut datas: Vec<_> = route.queue_datas.iter().collect();
    datas.sort_unstable_by(|a, b| a.broker_name.cmp(&b.broker_name));
    let queues = || datas.iter().flat_map(|data| (0..data.write_queue_nums).map(|_| data.broker_name.as_str()));
    let count = i32::try_from(queues().count()).unwrap_or(i32::MAX);
    queues().nth(usize::try_from(consistent_hash(java_hash(lite_topic), count)).ok()?)
}

/// Guava's consistent hash, so that a group keeps its queue whichever server chooses it.
pub(crate) fn consistent_hash(input: i32, buckets: i32) -> i32 {
    const MULTIPLIER: u64 = 2_862_933_555_777_941_757;
    let mut state = i64::from(input).cast_unsigned();
    let mut candidate = 0;
    loop {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(1);
        let fraction = f64::from((state >> 33) as i32 + 1) / f64::from(1_u32 << 31);
        // Rust's conversion keeps within the range, as Java's does.
        let next = (f64::from(candidate + 1) / fraction) as i32;
        if !(0..buckets).contains(&next) {
            return candidate;
        }
        candidate = next;
    }
}

#[cfg(test)]
mod tests;
