use super::*;
use proptest::prelude::*;

#[test]
fn a_body_reads_as_apache_writes_it() {
    let mut pending = PendingOperations::default();
    pending.push(3);
    pending.push(17);
    let taken = pending.take(4096).unwrap();
    assert_eq!((taken.body.as_str(), taken.offsets.as_slice()), ("3,17,", [3, 17].as_slice()));
    assert_eq!(pending.take(4096), None);
    assert_eq!(offsets(b"3,x,17").collect::<Vec<_>>(), [3, 17], "with or without the last comma");
}

proptest! {
    #[test]
    fn cut_bodies_hold_everything_once_and_in_order(all in prop::collection::vec(0i64..1_000_000, 0..40), max in 1usize..30) {
        let mut pending = PendingOperations::default();
        all.iter().for_each(|offset| pending.push(*offset));
        let mut seen = Vec::new();
        while let Some(operation) = pending.take(max) {
            prop_assert!(operation.body.len() <= max || operation.offsets.len() == 1);
            prop_assert_eq!(offsets(operation.body.as_bytes()).collect::<Vec<_>>(), operation.offsets.clone());
            seen.extend(operation.offsets);
        }
        prop_assert_eq!(seen, all);
    }
}
