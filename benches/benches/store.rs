//! What the store costs per message: appending it and bringing queues and index up to date, and reading it back. On
//! the disk that holds the folder for temporary files.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bolide_benches::payload::{Payload, Shape};
use bolide_store::{
    NewMessage, NoEvents, QueueId, QueueOffset, ReadLimits, RealDisk, Store, StoreOptions, SystemClock,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TOPIC: &str = "orders";
/// Messages are dispatched in runs of this many, as when a connection brings several at once.
const RUN: u64 = 16;

fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let options = StoreOptions::new(folder.path());
    let store = Store::open(options, Arc::new(RealDisk), Arc::new(SystemClock), Arc::new(NoEvents)).expect("a store");
    (folder, store)
}

fn message<'a>(queue: i32, body: &'a [u8], properties: &'a str) -> NewMessage<'a> {
    let host: SocketAddr = ([127, 0, 0, 1], 10_911).into();
    NewMessage {
        topic: TOPIC,
        queue: QueueId(queue),
        flag: 0,
        sys_flag: 0,
        born_ms: 1_795_258_370_614,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_offset: 0,
        body,
        properties: properties.as_bytes(),
    }
}

fn payload(body_bytes: usize, batch: usize) -> Payload {
    Payload::new(Shape { body_bytes, batch, properties: String::new(), stamped_run: None }, 0)
}

fn put(criterion: &mut Criterion) {
    let (_folder, store) = open();
    let mut payload = payload(1024, 1);
    let mut group = criterion.benchmark_group("put");
    group.throughput(Throughput::Elements(RUN));
    group.bench_function("16 messages of 1 KiB, then dispatch", |bencher| {
        bencher.iter(|| {
            for queue in 0..RUN {
                let contents = payload.next(0, 0);
                store.put(&message(queue as i32 % 8, &contents.body, contents.properties)).expect("there is room");
            }
            store.dispatch();
        });
    });
    group.finish();
}

fn put_batch(criterion: &mut Criterion) {
    let (_folder, store) = open();
    let mut payload = payload(128, 32);
    let mut group = criterion.benchmark_group("put");
    group.throughput(Throughput::Elements(32));
    group.bench_function("a batch of 32 × 128 B, then dispatch", |bencher| {
        bencher.iter(|| {
            let contents = payload.next(0, 0);
            store.put_batch(&message(0, &contents.body, contents.properties)).expect("there is room");
            store.dispatch();
        });
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let (_folder, store) = open();
    let mut payload = payload(128, 32);
    for _ in 0..1_000 {
        let contents = payload.next(0, 0);
        store.put_batch(&message(0, &contents.body, contents.properties)).expect("there is room");
    }
    store.dispatch();
    let limits = ReadLimits { max_messages: 32, max_bytes: 256 << 10 };
    let mut offset = QueueOffset(0);
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(32));
    group.bench_function("32 messages of 128 B near the log's end", |bencher| {
        bencher.iter(|| {
            let read = store.read_queue(TOPIC, QueueId(0), offset, limits, &|_| true).expect("they are in memory");
            offset = if read.next_offset < read.max_offset { read.next_offset } else { QueueOffset(0) };
            black_box(read.records.len())
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    // Long enough for figures that repeat, short enough not to fill the disk.
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = put, put_batch, read
}
criterion_main!(benches);
