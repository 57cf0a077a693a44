use super::*;

fn kind(request: i32, response: i32) -> Kind {
    Kind { request: RequestCode(request), response: ResponseCode(response), parked: false, oneway: false }
}

#[test]
fn requests_are_counted_by_kind_and_class() {
    let latencies = Latencies::default();
    let parked = Kind { parked: true, ..kind(11, 19) };
    for (kind, ms) in [(kind(10, 0), 0), (kind(10, 0), 2), (parked, 1), (parked, 3_001), (kind(200_050, 0), 7)] {
        latencies.add(kind, Duration::from_millis(ms), 2);
    }
    let all = latencies.all();
    assert_eq!(all.iter().map(|latency| latency.kind).collect::<Vec<_>>(), [kind(10, 0), parked, kind(200_050, 0)]);
    assert_eq!((all[0].counts, all[0].sum_ms), ([2, 2, 0, 0, 0, 0, 0, 0, 0, 0], 4));
    assert_eq!((all[1].counts, all[1].sum_ms), ([2, 0, 0, 0, 0, 0, 0, 0, 0, 2], 6_004));
    assert_eq!(all[2].counts[3], 2);
}

#[test]
fn a_client_that_asks_for_nonsense_fills_no_table() {
    let latencies = Latencies::default();
    for code in -100_000..100_000 {
        latencies.add(kind(code, ResponseCode::REQUEST_CODE_NOT_SUPPORTED.0), Duration::ZERO, 1);
    }
    let unknown = kind(-1, ResponseCode::REQUEST_CODE_NOT_SUPPORTED.0);
    assert_eq!(
        latencies.all().iter().map(|latency| (latency.kind, latency.counts[0])).collect::<Vec<_>>(),
        [(unknown, 200_000)]
    );
    for code in 0..10_000 {
        latencies.add(kind(code, 0), Duration::ZERO, 1);
    }
    assert_eq!(latencies.all().len(), SLOTS);
}

#[test]
fn a_run_of_requests_is_counted_when_it_ends() {
    let latencies = Arc::new(Latencies::default());
    let mut tally = Tally::new(Some(latencies.clone()));
    [kind(10, 0), kind(10, 0), kind(11, 0), kind(10, 0)].into_iter().for_each(|kind| tally.note(kind));
    assert_eq!(latencies.all().iter().map(|latency| latency.counts.iter().sum::<u64>()).sum::<u64>(), 3);
    tally.settle();
    assert_eq!(latencies.all().iter().map(|latency| latency.counts.iter().sum()).collect::<Vec<u64>>(), [3, 1]);
}
