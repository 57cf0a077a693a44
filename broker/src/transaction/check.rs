//! Asking producers how their transactions ended: reads new half messages into the books, and does what the books say is due.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bolide_remoting::RequestCode;
use bolide_remoting::header::CheckTransactionStateRequest;
use bolide_store::record::{RecordView, encode_message_id};
use bolide_store::{PhysicalOffset, PutError, QueueOffset, ReadError};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::grpc;
use crate::message::Message;
use crate::topic::table::Lookup;
use crate::transaction::half::{self, key};
use crate::transaction::ledger::{Action, Half, Rules};
use crate::transaction::{GIVEN_UP_TOPIC, HALF_TOPIC, QUEUE, read, records, store_operations};

/// How many transactions are dealt with before others get their turn.
const MAX_ACTIONS: usize = 1_000;
/// How long nobody looks whose time has come.
const LONGEST_PAUSE_MS: i64 = 1_000;
/// How long producers are left to answer where more of them are to be asked.
const BREATH: Duration = Duration::from_millis(100);

/// Why not all is done that is due.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Put(#[from] PutError),
}

/// Looks again and again whose time has come.
pub(super) async fn run(broker: &Arc<Broker>) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::time::sleep(pause).await;
        let (checker, began) = (broker.clone(), Instant::now());
        let done = tokio::task::spawn_blocking(move || check(&checker)).await;
        if let Ok(Err(error)) = &done {
            tracing::error!("open transactions are not checked, tried again in a moment: {error}");
        }
        let interval_ms = broker.config.get().transaction_check_interval_ms;
        pause = match done {
            Ok(Ok(MAX_ACTIONS)) => BREATH,
            // A panic has been logged with its reason. Looking through very many open ones shall not be all that a core does.
            _ => Duration::from_millis(interval_ms.min(LONGEST_PAUSE_MS).unsigned_abs()).max(began.elapsed() * 20),
        };
    }
}

/// Does what is due, at most [`MAX_ACTIONS`]; answers how much that was.
fn check(broker: &Broker) -> Result<usize, CheckError> {
    scan(broker)?;
    let config = broker.config.get();
    let rules = Rules {
        timeout_ms: config.transaction_timeout_ms,
        interval_ms: config.transaction_check_interval_ms,
        max_checks: config.transaction_check_max,
        reserved_ms: i64::from(config.file_reserved_time_hours) * 3_600_000,
    };
    let now_ms = broker.clock.now_ms();
    let can_ask = |group: &str| {
        let clients = broker.clients.read();
        let mut members = clients.producer_group(group).into_iter().flat_map(|members| members.values());
        members.any(|member| member.introduction.connection.is_open())
    };
    let due = broker.transactions.ledger.lock().due(now_ms, rules, &can_ask, MAX_ACTIONS);
    let outcome = due.iter().try_for_each(|(half, action)| act(broker, half, *action));
    if !due.is_empty() {
        store_operations(broker);
    }
    outcome.map(|()| due.len())
}

/// Reads new half messages into the books.
pub(super) fn scan(broker: &Broker) -> Result<(), ReadError> {
    loop {
        let Some(from) = broker.transactions.ledger.lock().next_to_scan() else { return Ok(()) };
        let mut next = QueueOffset(from);
        let read = read(broker, HALF_TOPIC, &mut next)?;
        let mut ledger = broker.transactions.ledger.lock();
        for (_, view) in read.iter().flat_map(|read| records(&read.records)) {
            ledger.saw(half::entry(&view));
        }
        if next.0 != from {
            ledger.skip_to(next.0);
        }
        if read.is_none() {
            return Ok(());
        }
    }
}

/// Stores a half message again, for another reason than a check.
pub(super) fn renew(broker: &Broker, half: &Half) -> Result<(), impl std::error::Error + use<>> {
    act(broker, half, Action::Renew)
}

fn act(broker: &Broker, half: &Half, action: Action) -> Result<(), CheckError> {
    let record = match broker.store.message_at(PhysicalOffset(half.physical)) {
        Ok(record) => record,
        Err(error @ (ReadError::NoRecord(_) | ReadError::Damaged { .. })) => {
            tracing::error!(
                group = &*half.group,
                offset = half.offset,
                "an open transaction's message is gone: {error}"
            );
            broker.transactions.ledger.lock().drop_half(half);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let Ok(view) = RecordView::parse(&record) else { return Ok(()) };
    match action {
        Action::Check => ask(broker, half, &record, &view)?,
        Action::Renew => {
            store_again(broker, half, &record, &view, half.checks)?;
        }
        Action::Discard => give_up(broker, half, &record, &view)?,
    }
    Ok(())
}

/// Stores a half message again; `None`: its transaction has ended meanwhile.
fn store_again(
    broker: &Broker,
    half: &Half,
    record: &Bytes,
    view: &RecordView<'_>,
    checks: i32,
) -> Result<Option<Half>, CheckError> {
    let put = half::copy(record, view, half, checks).put_again(broker)?;
    let copy = half::entry_of_copy(half, checks, &put);
    let is_open = broker.transactions.ledger.lock().moved(half.offset, copy.clone());
    Ok(is_open.then_some(copy))
}

/// Counts one more check and asks one producer of the group.
fn ask(broker: &Broker, half: &Half, record: &Bytes, view: &RecordView<'_>) -> Result<(), CheckError> {
    let Some((topic, queue)) = half::real_target(&Message::of(record, view)) else {
        tracing::error!(offset = half.offset, "a half message does not say where it belongs: given up");
        return give_up(broker, half, record, view);
    };
    let Some(copy) = store_again(broker, half, record, view, half.checks + 1)? else { return Ok(()) };
    let stored = broker.store.message_at(PhysicalOffset(copy.physical))?;
    let Ok(stored) = RecordView::parse(&stored) else { return Ok(()) };
    let config = broker.config.get();
    let id = stored.properties().get_str(key::UNIQUE_KEY);
    let offset_id = encode_message_id(stored.store_host(), stored.physical_offset());
    let question = CheckTransactionStateRequest {
        topic: Some(HALF_TOPIC),
        tran_state_table_offset: copy.offset,
        commit_log_offset: copy.physical,
        msg_id: id,
        transaction_id: id,
        offset_msg_id: Some(&offset_id),
        broker_name: Some(&config.broker_name),
    };
    let body = half::for_producer(&stored, &topic, queue);
    for producer in producers(broker, &half.group) {
        let asked = match &producer {
            ClientHandle::Remoting(connection) => {
                let asked = connection.oneway(RequestCode::CHECK_TRANSACTION_STATE, &question, body.clone());
                asked.map_err(|error| error.to_string())
            }
            ClientHandle::Grpc(session) => {
                grpc::recover_transaction(session, &body, &copy).map_err(|error| error.to_string())
            }
        };
        match asked {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(group = &*half.group, "a producer cannot be asked, the next one is: {error}"),
        }
    }
    Ok(())
}

/// The live producers of a group, another one first each time.
fn producers(broker: &Broker, group: &str) -> Vec<ClientHandle> {
    let mut producers: Vec<ClientHandle> = {
        let clients = broker.clients.read();
        let members = clients.producer_group(group).into_iter().flatten();
        let connections = members.map(|(_, member)| member.introduction.connection.clone());
        connections.filter(ClientHandle::is_open).collect()
    };
    let turn = broker.transactions.turn.fetch_add(1, Ordering::Relaxed);
    let first = turn % producers.len().max(1);
    producers.sort_by_key(ClientHandle::id);
    producers.rotate_left(first);
    producers
}

/// Keeps the message where an operator finds it, who may have it checked again.
fn give_up(broker: &Broker, half: &Half, record: &Bytes, view: &RecordView<'_>) -> Result<(), CheckError> {
    if let Lookup::Created(topic) = broker.topics.for_group(GIVEN_UP_TOPIC, 1, false, 0) {
        broker.registrar.announce(vec![topic], Box::new(|| ()));
    }
    let mut message = Message::of(record, view);
    message.topic = GIVEN_UP_TOPIC.to_owned();
    message.queue = QUEUE;
    let put = message.put_again(broker)?;
    tracing::warn!(
        group = &*half.group,
        message = encode_message_id(broker.store_host, put.physical_offset),
        checks = half.checks,
        "a transaction never ended: its message is given up and kept on {GIVEN_UP_TOPIC}"
    );
    broker.transactions.ledger.lock().drop_half(half);
    Ok(())
}
