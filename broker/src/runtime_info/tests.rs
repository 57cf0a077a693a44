use super::*;

#[test]
fn formats_are_apaches() {
    assert_eq!(uptime(93_784_999), "[ 1 days, 2 hours, 3 minutes, 4 seconds ]");
    let sizes = [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_610_612_736, "1.5 GiB"), (1 << 60, "1.0 EiB")];
    for (bytes, text) in sizes {
        assert_eq!(readable(bytes), text);
    }
    assert_eq!(joined([Some(10.0), Some(0.25), None]), "10.0 0.25 ");
}

#[test]
fn percentiles_lie_in_their_class() {
    let mut times = [0; PUT_TIMES_MS.len() + 1];
    assert_eq!(percentile(&times, 0.99, 0), 0.0);
    times[0] = 98;
    times[1] = 2;
    assert_eq!(percentile(&times, 0.98, 9), 0.0);
    assert_eq!(percentile(&times, 0.99, 9), 5.0);
    times[12] = 100;
    assert_eq!(percentile(&times, 1.0, 12_000), 12_000.0);
}
