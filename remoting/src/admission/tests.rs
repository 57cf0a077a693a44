use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

fn ends(host: u8) -> Ends {
    let local = SocketAddr::from(([127, 0, 0, 1], 10911));
    Ends { peer: SocketAddr::from(([10, 0, 0, host], 50_000)), local }
}

fn limit(limit: usize) -> AddressLimit {
    Arc::new(move |_| limit)
}

proptest! {
    /// Whoever comes and goes: as many have places as a list of them says.
    #[test]
    fn places_are_counted(steps in prop::collection::vec((any::<bool>(), 0..4_u8, 0..8_usize), 1..200)) {
        let admission = Admission::new(10);
        let mut open: Vec<(u8, Place)> = Vec::new();
        let mut refused = Refused::default();
        for (comes, host, other) in steps {
            if !comes {
                // One goes, or turns out to be somebody else.
                if !open.is_empty() {
                    let (_, place) = open.swap_remove(other % open.len());
                    let has_room = open.iter().filter(|(one, _)| *one == host).count() < 4;
                    let is_same = place.address == ends(host).peer.ip();
                    let moved = place.of(ends(host), &limit(4));
                    prop_assert_eq!(moved.is_some(), has_room || is_same);
                    refused.address += u64::from(moved.is_none());
                }
                continue;
            }
            let of_host = open.iter().filter(|(one, _)| *one == host).count();
            let place = admission.admit(ends(host), &limit(4));
            prop_assert_eq!(place.is_some(), open.len() < 10 && of_host < 4);
            if let Some(place) = place {
                open.push((host, place));
            } else if open.len() == 10 {
                refused.total += 1;
            } else {
                refused.address += 1;
            }
            prop_assert_eq!(admission.count(), open.len());
        }
        prop_assert_eq!(admission.refused(), refused);
        drop(open);
        prop_assert!(admission.count() == 0 && admission.counts.lock().of.is_empty());
    }

    /// Whoever comes and goes: a user has as many connections as a list of them says, and each has one user at most.
    #[test]
    fn a_connection_is_one_users(steps in prop::collection::vec((0..6_usize, 0..3_u8, any::<bool>()), 1..200)) {
        let admission = Admission::new(10);
        let seats: Vec<Seat> = (0..6).map(|_| Seat::default()).collect();
        // None is nobody's; Err was refused.
        let mut expected: Vec<Option<Result<u8, usize>>> = vec![None; 6];
        let mut refused = 0;
        for (at, user, comes) in steps {
            if !comes {
                seats[at].leave();
                expected[at] = None;
                continue;
            }
            let of_user = expected.iter().filter(|seat| **seat == Some(Ok(user))).count();
            let is_new = expected[at].is_none();
            let seat = *expected[at].get_or_insert(if of_user < 2 { Ok(user) } else { Err(of_user) });
            refused += u64::from(is_new && seat.is_err());
            let taken = seats[at].take(&admission, ends(1), &user.to_string(), || 2);
            prop_assert_eq!(taken, seat.map(|_| ()));
        }
        prop_assert_eq!(admission.refused(), Refused { user: refused, ..Refused::default() });
        drop(seats);
        prop_assert!(admission.counts.lock().of_users.is_empty());
    }
}

#[test]
fn a_limit_may_change_and_addresses_in_either_form_are_one() {
    let admission = Admission::new(100);
    let mapped = SocketAddr::new("::ffff:10.0.0.1".parse().unwrap(), 1);
    let _first = admission.admit(ends(1), &limit(1)).unwrap();
    assert!(admission.admit(Ends { peer: mapped, ..ends(1) }, &limit(1)).is_none());
    let _second = admission.admit(ends(1), &limit(2)).unwrap();
    assert!(admission.admit(ends(1), &limit(1)).is_none());
    assert_eq!(admission.refused(), Refused { address: 2, ..Refused::default() });
}
