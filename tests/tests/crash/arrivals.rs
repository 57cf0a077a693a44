//! What comes to a topic by a promise rather than at once: delayed messages and transactions. It has to come, once in each life of the
//! broker at most, and again after a kill only where the first time was shortly before.

use std::collections::HashMap;

use bolide_remoting::ResponseCode;
use bolide_tests::wire::{Wire, number, records};

/// What came earlier than this before a kill does not come again, in milliseconds. The broker says "the last seconds"; a disk that others
/// keep busy makes them more.
const LAST_SECONDS_MS: i64 = 30_000;

/// Everything that has come to queue 0 of a topic.
#[derive(Debug)]
pub(crate) struct Arrivals {
    topic: &'static str,
    next: i64,
    /// When each message was stored there, in milliseconds since 1970.
    stored_ms: HashMap<String, Vec<i64>>,
}

impl Arrivals {
    /// Nothing has come yet.
    pub(crate) fn new(topic: &'static str) -> Self {
        Arrivals { topic, next: 0, stored_ms: HashMap::new() }
    }

    /// Reads what has come since.
    pub(crate) async fn read_on(&mut self, wire: &Wire) {
        loop {
            let answer = wire.pull(self.topic, 0, self.next).await;
            if answer.code != ResponseCode::SUCCESS {
                return;
            }
            for record in records(&answer) {
                let body = String::from_utf8_lossy(record.body()).into_owned();
                self.stored_ms.entry(body).or_default().push(record.store_ms());
            }
            self.next = number(&answer, "nextBeginOffset");
        }
    }

    /// All that has come, each with the moment when it came first.
    pub(crate) fn first(&self) -> impl Iterator<Item = (&str, i64)> {
        self.stored_ms.iter().map(|(body, times)| (body.as_str(), times[0]))
    }

    /// Whether a message has come.
    pub(crate) fn contains(&self, body: &str) -> bool {
        self.stored_ms.contains_key(body)
    }

    /// What came more often than promised, given when the broker was killed.
    pub(crate) fn too_often(&self, kills_ms: &[i64]) -> Vec<String> {
        let life = |time_ms: i64| kills_ms.partition_point(|kill_ms| *kill_ms < time_ms);
        let is_promised = |earlier_ms: i64, later_ms: i64| {
            let life_of_earlier = life(earlier_ms);
            life_of_earlier < life(later_ms) && earlier_ms >= kills_ms[life_of_earlier] - LAST_SECONDS_MS
        };
        let broken = |times: &[i64]| times.windows(2).any(|pair| !is_promised(pair[0], pair[1]));
        let broken = self.stored_ms.iter().filter(|(_, times)| broken(times));
        broken.map(|(body, times)| format!("{body} came to {} at {times:?}", self.topic)).collect()
    }
}

#[test]
fn what_comes_twice_in_one_life_or_long_before_a_kill_is_seen() {
    let came = |times: &[i64]| Arrivals {
        stored_ms: HashMap::from([("a".to_owned(), times.to_vec())]),
        ..Arrivals::new("topic")
    };
    let kills_ms = [100_000, 200_000];
    assert_eq!(came(&[50_000]).too_often(&kills_ms).len(), 0);
    assert_eq!(came(&[99_000, 101_000]).too_often(&kills_ms).len(), 0);
    assert_eq!(came(&[99_000, 99_001]).too_often(&kills_ms).len(), 1, "twice in one life");
    assert_eq!(came(&[50_000, 101_000]).too_often(&kills_ms).len(), 1, "long before the kill");
    assert_eq!(came(&[201_000, 202_000]).too_often(&kills_ms).len(), 1, "twice since the last kill");
}
