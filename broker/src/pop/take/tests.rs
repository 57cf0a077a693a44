//! POP in a whole broker without sockets: a real store, a clock that is set by hand, and ends without a goodbye.

use std::path::Path;

use bolide_remoting::ResponseCode;
use bolide_remoting::body::TopicConfig;
use bolide_remoting::keys::Loaded;
use bolide_store::record::RecordView;
use bolide_store::{Clock, ManualClock, RealDisk};
use parking_lot::Mutex;

use super::super::acknowledge::{Change, acknowledge_all, acknowledge_ordered, change};
use super::super::in_flight::DeliveryKey;
use super::super::{journal, revive};
use super::*;
use crate::broker::Opening;
use crate::config::BrokerConfig;
use crate::message::{Message, PropertyList};
use crate::send::properties::key;
use crate::timer;

pub(in crate::pop) const TOPIC: &str = "orders";
pub(in crate::pop) const GROUP: &str = "g";
pub(in crate::pop) const INVISIBLE_MS: i64 = 30_000;

/// A broker with what outlives it.
pub(in crate::pop) struct Stage {
    folder: tempfile::TempDir,
    pub(in crate::pop) clock: Arc<ManualClock>,
    broker: Option<Arc<Broker>>,
}

/// A message as a consumer got it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Got {
    body: String,
    attempts: i32,
    topic: String,
    key: DeliveryKey,
    offset: i64,
}

fn open(folder: &Path, clock: &Arc<ManualClock>) -> Arc<Broker> {
    let config = BrokerConfig {
        broker_name: "broker-a".to_owned(),
        broker_ip1: "127.0.0.1".to_owned(),
        store_path_root_dir: folder.to_string_lossy().into_owned(),
        store_path_commit_log: folder.join("commitlog").to_string_lossy().into_owned(),
        mapped_file_size_commit_log_bytes: 1 << 20,
        max_hash_slot_num: 100,
        max_index_num: 100,
        ..BrokerConfig::default()
    };
    let opening =
        Opening { config: Loaded::new(config), config_path: None, name_servers: Vec::new(), listen_port: 10911 };
    Broker::open(opening, Arc::new(RealDisk), clock.clone()).unwrap()
}

fn got(batch: &Batch, pop_ms: i64) -> Vec<Got> {
    let key = DeliveryKey { place: batch.place.clone(), start: batch.start, pop_ms };
    let of = |(_, view): (Bytes, RecordView<'_>)| Got {
        body: String::from_utf8(view.body().to_vec()).unwrap(),
        attempts: view.reconsume_times(),
        topic: retry_topic::original(view.topic(), GROUP).to_owned(),
        key: key.clone(),
        offset: view.queue_offset().0,
    };
    records(&batch.records).map(of).collect()
}

impl Stage {
    pub(in crate::pop) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let broker = open(folder.path(), &clock);
        let topic = TopicConfig {
            topic_name: TOPIC.to_owned(),
            read_queue_nums: 1,
            write_queue_nums: 1,
            perm: 6,
            ..TopicConfig::default()
        };
        broker.topics.update(topic).unwrap();
        broker.topics.save().unwrap();
        Stage { folder, clock, broker: Some(broker) }
    }

    pub(in crate::pop) fn broker(&self) -> &Arc<Broker> {
        self.broker.as_ref().unwrap()
    }

    /// The broker is gone without having saved anything, and another one begins with what it left.
    pub(in crate::pop) fn crash(&mut self) {
        self.broker = None;
        self.broker = Some(open(self.folder.path(), &self.clock));
    }

    pub(in crate::pop) fn send(&self, bodies: &[&str], tag: &str) {
        for body in bodies {
            let mut properties = PropertyList::default();
            properties.set(key::UNIQUE_KEY, format!("id-{body}"));
            properties.set("TAGS", tag.to_owned());
            let message = Message {
                topic: TOPIC.to_owned(),
                queue: QueueId(0),
                flag: 0,
                sys_flag: 0,
                born_ms: self.clock.now_ms(),
                born_host: self.broker().store_host,
                reconsume_times: 0,
                prepared_offset: 0,
                body: Bytes::copy_from_slice(body.as_bytes()),
                properties,
            };
            message.put(self.broker()).unwrap();
        }
        self.broker().store.dispatch_all().unwrap();
    }

    pub(in crate::pop) fn wanted(&self, max_messages: usize) -> Wanted {
        Wanted {
            party: Party { peer: ([127, 0, 0, 1], 1).into(), user: String::new() },
            scope: Scope { topic: TOPIC.to_owned(), group: GROUP.to_owned() },
            queue: -1,
            max_messages,
            invisible_ms: INVISIBLE_MS,
            deadline_ms: 0,
            may_wait: false,
            from_oldest: true,
            subscription: Arc::new(Subscription::all(TOPIC)),
            ordered: false,
            attempt: None,
            holder: None,
            lite_client: None,
        }
    }

    fn pop(&self, max_messages: usize) -> Vec<Got> {
        self.take(&self.wanted(max_messages))
    }

    fn take(&self, wanted: &Wanted) -> Vec<Got> {
        // Each POP has a moment of its own.
        self.clock.advance(1);
        let taken = take(self.broker(), wanted, Reading::Disk).unwrap();
        let got: Vec<Got> = taken.batches.iter().flat_map(|batch| got(batch, taken.pop_ms)).collect();
        assert_eq!(got.len(), taken.count);
        got
    }

    fn ack(&self, got: &Got) {
        let due_ms = got.key.pop_ms + INVISIBLE_MS;
        acknowledge_all(self.broker(), &got.key, &[got.offset], 0, due_ms).unwrap();
    }

    pub(in crate::pop) fn wait(&self, ms: i64) {
        self.clock.advance(ms);
        revive::pass(self.broker());
    }

    pub(in crate::pop) fn bodies(&self, max: usize) -> Vec<String> {
        self.pop(max).into_iter().map(|got| got.body).collect()
    }
}

#[test]
fn what_is_in_flight_outlives_a_crash() {
    let mut stage = Stage::new();
    stage.send(&["a", "b", "c", "d", "e"], "");
    let held = stage.pop(3);
    stage.ack(&held[0]);
    stage.crash();
    assert_eq!(stage.bodies(32), ["d", "e"], "the others are in flight or done");
    stage.ack(&held[1]);
    stage.crash();
    stage.wait(INVISIBLE_MS - 1_000);
    assert!(stage.pop(32).is_empty());
    stage.wait(1_001);
    let mut again = stage.pop(32);
    again.sort_by(|one, next| one.body.cmp(&next.body));
    let seen: Vec<_> = again.iter().map(|got| (got.body.as_str(), got.attempts, got.topic.as_str())).collect();
    assert_eq!(seen, [("c", 1, TOPIC), ("d", 1, TOPIC), ("e", 1, TOPIC)]);
    again.iter().for_each(|got| stage.ack(got));
    stage.crash();
    stage.wait(INVISIBLE_MS * 2);
    assert!(stage.pop(32).is_empty(), "all is done");
}

#[test]
fn saved_offsets_and_the_journal_go_together() {
    let mut stage = Stage::new();
    stage.send(&["a", "b", "c", "d"], "");
    let held = stage.pop(2);
    stage.broker().save().unwrap();
    stage.ack(&held[0]);
    assert_eq!(stage.bodies(1), ["c"], "popped after the offsets were saved");
    stage.crash();
    assert_eq!(stage.bodies(32), ["d"]);
    stage.wait(INVISIBLE_MS + 1);
    let mut again = stage.bodies(32);
    again.sort();
    assert_eq!(again, ["b", "c", "d"]);
}

#[test]
fn a_copy_that_the_journal_lacks_is_not_made_twice() {
    let mut stage = Stage::new();
    stage.send(&["a", "b"], "");
    let held = stage.pop(2);
    stage.clock.advance(INVISIBLE_MS + 1);
    // As a pass does that is cut short after the copy.
    let due = stage.broker().pop.state.lock().in_flight.due(stage.clock.now_ms(), 1);
    let record = revive::read_one(stage.broker(), TOPIC, 0, held[0].offset).unwrap().unwrap();
    let copy = revive::copy_of(stage.broker(), &due[0], &record, &mut Vec::new()).unwrap();
    copy.put(stage.broker()).unwrap();
    stage.crash();
    stage.wait(1);
    let mut again = stage.bodies(32);
    again.sort();
    assert_eq!(again, ["a", "b"], "each once");
}

#[test]
fn after_the_last_attempt_a_message_is_dead() {
    let stage = Stage::new();
    let group = bolide_remoting::body::SubscriptionGroupConfig {
        group_name: GROUP.to_owned(),
        retry_max_times: 1,
        ..bolide_remoting::body::SubscriptionGroupConfig::default()
    };
    stage.broker().groups.update(group).unwrap();
    stage.send(&["hopeless"], "");
    for attempts in 0..2 {
        let got = stage.pop(1);
        assert_eq!(got.iter().map(|got| got.attempts).collect::<Vec<_>>(), [attempts]);
        stage.wait(INVISIBLE_MS + 1);
    }
    assert!(stage.pop(1).is_empty());
    let dead = revive::read_one(stage.broker(), "%DLQ%g", 0, 0).unwrap().unwrap();
    let view = RecordView::parse(&dead).unwrap();
    assert_eq!((view.body(), view.properties().get_str("DLQ_ORIGIN_TOPIC")), (&b"hopeless"[..], Some(TOPIC)));
}

#[test]
fn an_acknowledgement_that_apache_left_among_the_timers_counts() {
    let mut stage = Stage::new();
    stage.send(&["acknowledged", "forgotten"], "");
    let held = stage.pop(2);
    let entry = Entry::Ack { key: held[0].key.clone(), offsets: vec![held[0].offset] };
    journal::append_at(stage.broker(), 0, &entry, held[0].key.pop_ms + INVISIBLE_MS).unwrap();
    stage.broker().store.dispatch_all().unwrap();
    stage.clock.advance(1);
    stage.crash();
    stage.wait(INVISIBLE_MS + 1);
    assert!(stage.pop(32).is_empty(), "the timers have not got that far");
    timer::turn(stage.broker());
    stage.wait(1_000);
    assert_eq!(stage.bodies(32), ["forgotten"]);
}

#[test]
fn a_changed_time_counts_from_then_on_and_makes_the_old_handle_stale() {
    let mut stage = Stage::new();
    stage.send(&["a"], "");
    let held = stage.pop(1).remove(0);
    let changing = Change { offset: held.offset, invisible_ms: 5_000, suspended: true };
    let changed = change(stage.broker(), &held.key, changing).unwrap();
    assert_eq!(changed.invisible_ms, 5_000);
    let twice = change(stage.broker(), &held.key, changing).unwrap_err();
    assert_eq!(twice.code, ResponseCode::NO_MESSAGE, "the handle is stale");
    stage.ack(&held);
    stage.crash();
    stage.wait(5_001);
    let again = stage.pop(1);
    assert_eq!((again[0].body.as_str(), again[0].attempts), ("a", 0), "the consumer was only not ready");
}

#[test]
fn a_pop_in_order_outlives_a_crash() {
    let mut stage = Stage::new();
    stage.send(&["a", "b", "c"], "");
    let ordered = Wanted { ordered: true, ..stage.wanted(2) };
    let held = stage.take(&ordered);
    assert_eq!(held.iter().map(|got| got.body.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    stage.crash();
    assert!(stage.take(&ordered).is_empty(), "closed until both are done");
    {
        let mut state = stage.broker().pop.state.lock();
        let place = &held[0].key.place;
        let next = state.order.acknowledge(place, held[0].offset, held[0].key.pop_ms);
        assert_eq!(next, super::super::order::Committed::Next(1));
        append_order(stage.broker(), &mut state, place, 1).unwrap();
    }
    stage.crash();
    stage.clock.advance(INVISIBLE_MS);
    let again: Vec<String> = stage.take(&ordered).into_iter().map(|got| got.body).collect();
    assert_eq!(again, ["b", "c"], "what was acknowledged does not come again");
}

/// A POP that looks at the queue just while what closed it is acknowledged gets what comes next.
#[test]
fn a_message_acknowledged_in_order_does_not_come_again() {
    const MESSAGES: usize = 4_000;
    let stage = Stage::new();
    let bodies: Vec<String> = (0..MESSAGES).map(|index| index.to_string()).collect();
    stage.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let ordered = Wanted { ordered: true, ..stage.wanted(1) };
    let seen = Mutex::new(Vec::new());
    let consume = || {
        while seen.lock().len() < MESSAGES {
            for got in stage.take(&ordered) {
                seen.lock().push(got.offset);
                let Got { key, offset, .. } = got;
                let peer = stage.broker().store_host;
                acknowledge_ordered(stage.broker(), peer, &key.place, offset, key.pop_ms).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(consume);
        scope.spawn(consume);
    });
    assert_eq!(seen.into_inner(), (0..MESSAGES as i64).collect::<Vec<_>>());
}

#[test]
fn a_group_gets_what_it_wants_to_see() {
    let stage = Stage::new();
    stage.send(&["a", "b"], "red");
    stage.send(&["c"], "blue");
    stage.send(&["d"], "red");
    let blue = Subscription::by_tags(TOPIC, "blue", 0).unwrap();
    let got = stage.take(&Wanted { subscription: Arc::new(blue), ..stage.wanted(32) });
    assert_eq!(got.iter().map(|got| (got.body.as_str(), got.offset)).collect::<Vec<_>>(), [("c", 2)]);
    let property = Subscription::by_properties(TOPIC, "UNIQ_KEY = 'id-d'", 0).unwrap();
    let other = Scope { topic: TOPIC.to_owned(), group: "h".to_owned() };
    let got = stage.take(&Wanted { subscription: Arc::new(property), scope: other, ..stage.wanted(32) });
    assert_eq!(got.iter().map(|got| got.body.as_str()).collect::<Vec<_>>(), ["d"]);
}

#[test]
fn a_removed_topic_takes_its_messages_in_flight_along() {
    let mut stage = Stage::new();
    stage.send(&["old"], "");
    stage.pop(1);
    super::super::forget_topic(stage.broker(), TOPIC);
    assert!(stage.broker().pop.state.lock().in_flight.is_empty());
    stage.crash();
    assert!(stage.broker().pop.state.lock().in_flight.is_empty());
}
