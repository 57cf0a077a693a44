//! What was sent, what was acknowledged and what a broker holds: the judge of the crash test.
//!
//! A send that got no answer is *unknown*: its message may be there or not. One that was acknowledged has to be exactly where the answer
//! said, from then on. Nothing else may be there. The judge does no I/O and knows no clock.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Where a message lies, as an answer says or as a broker shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The queue's number.
    pub queue: i32,
    /// The offset in the queue.
    pub offset: i64,
    /// The `offsetMsgId`: the broker's address and the message's place in its log.
    pub id: String,
}

/// A message that a broker shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub place: Place,
    /// Its body, which the test made unique.
    pub body: String,
}

/// What a broker must never do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An acknowledged message is not where it was acknowledged.
    Lost {
        /// The message.
        body: String,
        /// Where it has to be.
        acknowledged: Place,
        /// What is there.
        seen: Option<Stored>,
    },
    /// A queue has a gap or goes back.
    NotDense {
        /// The queue's number.
        queue: i32,
        /// The offset that had to be next.
        expected: i64,
        /// The offset that was next.
        seen: i64,
    },
    /// A message that nobody sent.
    Unsent(Stored),
    /// A message that was sent once and is there twice.
    Twice {
        /// The one.
        first: Place,
        /// The other.
        second: Stored,
    },
    /// A message that was there before and has changed or gone.
    Changed {
        /// What was there.
        before: Stored,
        /// What is there now.
        seen: Option<Stored>,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { body, acknowledged, seen } => {
                write!(f, "{body} was acknowledged at {acknowledged:?}, where {seen:?} is")
            }
            Self::NotDense { queue, expected, seen } => {
                write!(f, "queue {queue} goes on with {seen} instead of {expected}")
            }
            Self::Unsent(stored) => write!(f, "nobody sent {stored:?}"),
            Self::Twice { first, second } => write!(f, "{} is at {first:?} and at {:?}", second.body, second.place),
            Self::Changed { before, seen } => write!(f, "{before:?} has become {seen:?}"),
        }
    }
}

/// All sends of a test and what was seen of them so far.
#[derive(Debug, Default)]
pub struct History {
    /// Each body that was sent, with its place as soon as it was acknowledged.
    sent: HashMap<String, Option<Place>>,
    /// Each queue's messages as they were last seen, from offset 0 on.
    queues: BTreeMap<i32, Vec<Stored>>,
}

impl History {
    /// A message is about to be sent.
    ///
    /// # Panics
    /// When the body is not unique.
    pub fn sending(&mut self, body: &str) {
        let before = self.sent.insert(body.to_owned(), None);
        assert!(before.is_none(), "the test sends {body} twice");
    }

    /// A message was acknowledged.
    pub fn acknowledged(&mut self, body: &str, place: Place) {
        let slot = self.sent.get_mut(body).expect("a message is sent before it is acknowledged");
        *slot = Some(place);
    }

    /// How many messages were acknowledged.
    pub fn acknowledgements(&self) -> usize {
        self.sent.values().flatten().count()
    }

    /// How many messages of a queue were seen already, which is the offset from which [`History::judge`] wants it.
    pub fn seen(&self, queue: i32) -> i64 {
        self.queues.get(&queue).map_or(0, |seen| seen.len() as i64)
    }

    /// Judges what a broker shows of each queue from [`History::seen`] on, and remembers it.
    ///
    /// # Errors
    /// The violations, at most a screenful.
    pub fn judge(&mut self, shown: &BTreeMap<i32, Vec<Stored>>) -> Result<(), Vec<Violation>> {
        let mut violations = Vec::new();
        for (&queue, messages) in shown {
            let seen = self.queues.entry(queue).or_default();
            for message in messages {
                let expected = seen.len() as i64;
                if message.place.offset != expected || message.place.queue != queue {
                    violations.push(Violation::NotDense { queue, expected, seen: message.place.offset });
                    break;
                }
                seen.push(message.clone());
            }
        }
        violations.extend(self.places());
        violations.truncate(20);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Judges what a broker shows of each queue from offset 0 on: it has to be what was seen before.
    ///
    /// # Errors
    /// The violations, at most a screenful.
    pub fn judge_all(&self, shown: &BTreeMap<i32, Vec<Stored>>) -> Result<(), Vec<Violation>> {
        let mut violations = Vec::new();
        for (queue, before) in &self.queues {
            let now = shown.get(queue).map_or(&[][..], Vec::as_slice);
            for (index, before) in before.iter().enumerate() {
                if now.get(index) != Some(before) {
                    violations.push(Violation::Changed { before: before.clone(), seen: now.get(index).cloned() });
                }
            }
            violations.extend(now.iter().skip(before.len()).cloned().map(Violation::Unsent));
        }
        violations.truncate(20);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Compares what was seen with what was sent and acknowledged.
    fn places(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut found: HashMap<&str, &Place> = HashMap::new();
        for stored in self.queues.values().flatten() {
            if !self.sent.contains_key(&stored.body) {
                violations.push(Violation::Unsent(stored.clone()));
            }
            if let Some(first) = found.insert(&stored.body, &stored.place) {
                violations.push(Violation::Twice { first: first.clone(), second: stored.clone() });
            }
        }
        for (body, place) in &self.sent {
            let Some(place) = place else { continue };
            if found.get(body.as_str()) != Some(&place) {
                let queue = self.queues.get(&place.queue);
                let seen = queue.and_then(|queue| queue.get(usize::try_from(place.offset).ok()?)).cloned();
                violations.push(Violation::Lost { body: body.clone(), acknowledged: place.clone(), seen });
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: &str, offset: i64) -> Stored {
        Stored { place: place(offset), body: body.to_owned() }
    }

    fn place(offset: i64) -> Place {
        Place { queue: 0, offset, id: format!("id-{offset}") }
    }

    /// `a` and `b` were acknowledged at 0 and 1, `c` got no answer.
    fn history() -> History {
        let mut history = History::default();
        for body in ["a", "b", "c"] {
            history.sending(body);
        }
        history.acknowledged("a", place(0));
        history.acknowledged("b", place(1));
        history
    }

    fn judge(messages: &[Stored]) -> Result<(), Vec<Violation>> {
        history().judge(&BTreeMap::from([(0, messages.to_vec())]))
    }

    #[test]
    fn unknown_messages_may_be_there_or_not() {
        assert_eq!(judge(&[stored("a", 0), stored("b", 1)]), Ok(()));
        assert_eq!(judge(&[stored("a", 0), stored("b", 1), stored("c", 2)]), Ok(()));
    }

    #[test]
    fn a_lost_message_is_seen() {
        let lost = Violation::Lost { body: "b".into(), acknowledged: place(1), seen: None };
        assert_eq!(judge(&[stored("a", 0)]), Err(vec![lost]));
    }

    #[test]
    fn a_moved_message_is_seen() {
        assert_eq!(judge(&[stored("b", 0), stored("a", 1)]).unwrap_err().len(), 2);
    }

    #[test]
    fn another_id_is_seen() {
        let mut changed = stored("b", 1);
        changed.place.id = "id-9".into();
        assert!(matches!(judge(&[stored("a", 0), changed]).unwrap_err()[..], [Violation::Lost { .. }]));
    }

    #[test]
    fn a_gap_is_seen() {
        let violations = judge(&[stored("a", 0), stored("b", 1), stored("c", 3)]).unwrap_err();
        assert_eq!(violations, [Violation::NotDense { queue: 0, expected: 2, seen: 3 }]);
    }

    #[test]
    fn an_unsent_message_is_seen() {
        let violations = judge(&[stored("a", 0), stored("b", 1), stored("x", 2)]).unwrap_err();
        assert_eq!(violations, [Violation::Unsent(stored("x", 2))]);
    }

    #[test]
    fn a_message_that_is_there_twice_is_seen() {
        let violations = judge(&[stored("a", 0), stored("b", 1), stored("c", 2), stored("c", 3)]).unwrap_err();
        assert_eq!(violations, [Violation::Twice { first: place(2), second: stored("c", 3) }]);
    }

    #[test]
    fn a_message_that_changes_later_is_seen() {
        let mut history = history();
        let messages = vec![stored("a", 0), stored("b", 1)];
        history.judge(&BTreeMap::from([(0, messages.clone())])).unwrap();
        assert_eq!(history.judge_all(&BTreeMap::from([(0, messages)])), Ok(()));
        let shortened = BTreeMap::from([(0, vec![stored("a", 0)])]);
        assert_eq!(history.judge_all(&shortened), Err(vec![Violation::Changed { before: stored("b", 1), seen: None }]));
    }
}
