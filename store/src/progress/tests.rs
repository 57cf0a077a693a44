use super::*;
use crate::clock::ManualClock;

#[test]
fn a_line_comes_every_few_seconds_and_tells_the_rest() {
    let clock = ManualClock::new(1_000_000);
    let mut progress = Progress::begin(&clock, "counting");
    assert_eq!(progress.line(1, 100), None, "nothing is long yet");
    clock.advance(2_000);
    assert_eq!(progress.line(10, 100).as_deref(), Some("counting: 10 % done, about 18 s to go"));
    clock.advance(1_999);
    assert_eq!(progress.line(50, 100), None);
    clock.advance(1);
    assert_eq!(progress.line(50, 100).as_deref(), Some("counting: 50 % done, about 4 s to go"));
    clock.advance(2_000);
    assert_eq!(progress.line(0, 0).as_deref(), Some("counting: 0 % done"));
}
