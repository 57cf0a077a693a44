//! POP in order: a group gets messages of a queue only when those it has are acknowledged or their time is up. A plain state machine
//! in the shape of Apache's `config/consumerOrderInfo.json`; it reads no clock and no message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::in_flight::Place;

/// How long an entry is kept that nobody uses, in milliseconds.
const IDLE_MS: i64 = 24 * 3600 * 1000;

/// What a group has of a queue. The names are those of Apache's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderInfo {
    /// When the messages were taken, in milliseconds since 1970.
    #[serde(rename = "popTime")]
    pub pop_ms: i64,
    /// For how long they are hidden, in milliseconds.
    #[serde(rename = "i")]
    pub invisible_ms: Option<i64>,
    /// The first message's offset, then the others' distances from it.
    #[serde(rename = "o")]
    pub offsets: Vec<i64>,
    /// Until when single messages are hidden whose time was changed, by offset.
    #[serde(rename = "ot", skip_serializing_if = "Option::is_none")]
    pub next_visible_ms: Option<BTreeMap<i64, i64>>,
    /// How often messages were delivered before, by offset; those that were not are absent.
    #[serde(rename = "oc", skip_serializing_if = "Option::is_none")]
    pub counts: Option<BTreeMap<i64, i32>>,
    /// When the messages were taken, by the broker's clock.
    #[serde(rename = "l")]
    pub last_ms: i64,
    /// The acknowledged messages, as bits by their place in `o`.
    #[serde(rename = "cm")]
    pub done_bits: u64,
    /// The client's name for the attempt; the same attempt may come again.
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// The client for which the broker hides them longer and longer. (Ours, like the next; Apache's broker passes over them.)
    #[serde(rename = "rc", skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How often the time has been prolonged.
    #[serde(rename = "rn", skip_serializing_if = "Option::is_none")]
    pub renewals: Option<u32>,
}

impl OrderInfo {
    /// The messages, in order.
    fn messages(&self) -> impl Iterator<Item = i64> {
        let first = self.offsets.first().copied().unwrap_or(0);
        self.offsets.iter().enumerate().map(move |(index, offset)| if index == 0 { first } else { first + offset })
    }

    fn is_done(&self, index: usize) -> bool {
        index < 64 && self.done_bits >> index & 1 == 1
    }

    /// When the message may be delivered again.
    fn visible_ms(&self, offset: i64) -> i64 {
        let changed = self.next_visible_ms.as_ref().and_then(|changed| changed.get(&offset));
        changed.copied().unwrap_or(self.pop_ms + self.invisible_ms.unwrap_or(0))
    }

    /// Until when the queue is closed to the group; `None` when it is open.
    fn blocked_until_ms(&self, now_ms: i64) -> Option<i64> {
        let left = self.messages().enumerate().filter(|(index, _)| !self.is_done(*index));
        left.map(|(_, offset)| self.visible_ms(offset)).filter(|visible_ms| *visible_ms > now_ms).max()
    }

    /// The group's offset: the first message that is left, or the one after the last.
    fn next_offset(&self) -> i64 {
        let left = self.messages().enumerate().find(|(index, _)| !self.is_done(*index)).map(|(_, offset)| offset);
        left.or_else(|| self.messages().last().map(|last| last + 1)).unwrap_or(0)
    }
}

/// A POP in order.
#[derive(Debug, Clone, Copy)]
pub struct OrderedPop<'a> {
    /// The client's name for the attempt.
    pub attempt: Option<&'a str>,
    /// When it is.
    pub pop_ms: i64,
    /// For how long the messages are hidden.
    pub invisible_ms: i64,
    /// The client for which that time is prolonged.
    pub holder: Option<&'a str>,
}

/// How often the messages of a POP were delivered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// By offset; those that were not are absent.
    pub counts: Vec<(i64, i32)>,
    /// The least of all messages'.
    pub least: i32,
}

impl DeliveryCounts {
    /// How often a message was delivered before.
    pub fn of(&self, offset: i64) -> i32 {
        self.counts.iter().find(|(known, _)| *known == offset).map_or(0, |(_, count)| *count)
    }
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// The group's new offset.
    Next(i64),
    /// The message is not among those that the group has.
    Unknown,
    /// The handle belongs to an earlier delivery.
    Stale,
}

/// The content of `consumerOrderInfo.json`; keys are `topic@group`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderFile {
    table: BTreeMap<String, BTreeMap<i32, OrderInfo>>,
}

/// What all groups have of all queues that they consume in order.
#[derive(Debug, Default)]
pub struct OrderTable {
    places: BTreeMap<Place, OrderInfo>,
    /// When closed queues open again by themselves.
    openings: BTreeSet<(i64, Place)>,
    is_dirty: bool,
}

impl OrderTable {
    /// Takes over the file's content.
    pub fn restore(&mut self, file: OrderFile) {
        for (key, queues) in file.table {
            if let Some((topic, group)) = key.split_once('@') {
                for (queue, info) in queues {
                    self.put(Place::new(topic, group, queue), Some(info));
                }
            }
        }
        self.is_dirty = false;
    }

    /// The file's content, if it has changed since the last call.
    pub fn changed(&mut self, now_ms: i64) -> Option<OrderFile> {
        let before = self.places.len();
        self.places.retain(|_, info| now_ms - info.last_ms <= IDLE_MS);
        if !std::mem::take(&mut self.is_dirty) && before == self.places.len() {
            return None;
        }
        let mut file = OrderFile::default();
        for (place, info) in &self.places {
            let key = format!("{}@{}", place.topic, place.group);
            file.table.entry(key).or_default().insert(place.queue, info.clone());
        }
        Some(file)
    }

    /// Makes the next call of [`OrderTable::changed`] answer: the file could not be written.
    pub fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// What a group has of a queue.
    pub fn get(&self, place: &Place) -> Option<&OrderInfo> {
        self.places.get(place)
    }

    /// Sets what a group has of a queue, as the journal tells it.
    pub fn put(&mut self, place: Place, info: Option<OrderInfo>) {
        self.is_dirty = true;
        match info {
            Some(info) => {
                // As if it had just been closed: whoever waits is woken when it opens.
                let until_ms = info.blocked_until_ms(i64::MIN).unwrap_or(i64::MIN);
                self.openings.insert((until_ms, place.clone()));
                self.places.insert(place, info);
            }
            None => drop(self.places.remove(&place)),
        }
    }

    /// Whether the group must wait before it gets messages of the queue. The same attempt may come again.
    pub fn is_blocked(&self, place: &Place, attempt: Option<&str>, now_ms: i64) -> bool {
        self.places.get(place).is_some_and(|info| {
            let same = info.attempt.is_some() && info.attempt.as_deref() == attempt;
            !same && info.blocked_until_ms(now_ms).is_some()
        })
    }

    /// A group takes messages of a queue.
    pub fn take(&mut self, place: &Place, pop: &OrderedPop<'_>, offsets: &[i64], now_ms: i64) -> DeliveryCounts {
        let first = offsets.first().copied().unwrap_or(0);
        let mut info = OrderInfo {
            pop_ms: pop.pop_ms,
            invisible_ms: Some(pop.invisible_ms),
            offsets: offsets.iter().enumerate().map(|(index, at)| if index == 0 { *at } else { at - first }).collect(),
            last_ms: now_ms,
            attempt: pop.attempt.map(str::to_owned),
            client: pop.holder.map(str::to_owned),
            ..OrderInfo::default()
        };
        if let Some(before) = self.places.get(place) {
            info.counts = Some(counts_after(before, &info));
        }
        let counts: Vec<(i64, i32)> = info.counts.iter().flatten().map(|(offset, count)| (*offset, *count)).collect();
        let least = if counts.len() == offsets.len() { counts.iter().map(|(_, count)| *count).min() } else { None };
        self.put(place.clone(), Some(info));
        DeliveryCounts { counts, least: least.unwrap_or(0) }
    }

    /// A message is done with.
    pub fn acknowledge(&mut self, place: &Place, offset: i64, pop_ms: i64) -> Committed {
        let Some(info) = self.places.get_mut(place) else { return Committed::Next(offset + 1) };
        if info.offsets.is_empty() {
            return Committed::Unknown;
        }
        if info.pop_ms != pop_ms {
            return Committed::Stale;
        }
        let Some(index) = info.messages().position(|message| message == offset).filter(|index| *index < 64) else {
            return Committed::Unknown;
        };
        info.done_bits |= 1 << index;
        self.is_dirty = true;
        // With the one that was hidden longest out of the way, the others may open the queue earlier than noted.
        if let (Some(_), Some(until_ms)) = (&info.next_visible_ms, info.blocked_until_ms(i64::MIN)) {
            self.openings.insert((until_ms, place.clone()));
        }
        Committed::Next(info.next_offset())
    }

    /// Hides a message until another time. Answers whether the handle is the one of its latest delivery.
    pub fn change(&mut self, place: &Place, offset: i64, pop_ms: i64, visible_ms: i64) -> bool {
        let Some(info) = self.places.get_mut(place).filter(|info| info.pop_ms == pop_ms) else { return false };
        info.next_visible_ms.get_or_insert_default().insert(offset, visible_ms);
        let until_ms = info.blocked_until_ms(i64::MIN).unwrap_or(visible_ms);
        self.openings.insert((until_ms, place.clone()));
        self.is_dirty = true;
        true
    }

    /// Until when a message is hidden, if the handle is the one of its latest delivery and it is not acknowledged.
    pub fn visible_ms(&self, place: &Place, offset: i64, pop_ms: i64) -> Option<i64> {
        let info = self.places.get(place).filter(|info| info.pop_ms == pop_ms)?;
        let index = info.messages().position(|message| message == offset)?;
        (!info.is_done(index)).then(|| info.visible_ms(offset))
    }

    /// The queues with messages that clients hold, each with the client and the time up to which they are hidden.
    pub fn held(&self) -> impl Iterator<Item = (&Place, &OrderInfo)> {
        self.places.iter().filter(|(_, info)| info.client.is_some() && info.has_held())
    }

    /// Hides the messages of a queue, but for those whose time was changed, until another time. They are held no longer where
    /// `renewals` is `None`.
    pub fn prolong(&mut self, place: &Place, until_ms: i64, renewals: Option<u32>) {
        let Some(info) = self.places.get_mut(place) else { return };
        info.invisible_ms = Some(until_ms.saturating_sub(info.pop_ms).max(0));
        info.renewals = renewals;
        if renewals.is_none() {
            info.client = None;
        }
        self.openings.insert((until_ms, place.clone()));
        self.is_dirty = true;
    }

    /// Forgets what a group has of a queue: an operator set its offset.
    pub fn clear(&mut self, place: &Place) {
        if self.places.remove(place).is_some() {
            self.is_dirty = true;
        }
    }

    /// Forgets what a group has of a queue, if all of it is acknowledged.
    pub fn clear_done(&mut self, place: &Place) {
        if self.places.get(place).is_some_and(|info| !info.next_offset_is_left()) {
            self.clear(place);
        }
    }

    /// Forgets the places that `is_gone` names.
    pub fn forget(&mut self, is_gone: impl Fn(&Place) -> bool) {
        let before = self.places.len();
        self.places.retain(|place, _| !is_gone(place));
        self.is_dirty |= before != self.places.len();
    }

    /// Queues that have opened because the time of their messages is up.
    pub fn opened(&mut self, now_ms: i64) -> Vec<Place> {
        let mut opened = Vec::new();
        while self.openings.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            let Some((_, place)) = self.openings.pop_first() else { break };
            let left = self.places.get(&place).filter(|info| info.next_offset_is_left());
            match left.map(|info| info.blocked_until_ms(now_ms)) {
                Some(Some(until_ms)) => drop(self.openings.insert((until_ms, place))),
                Some(None) => opened.push(place),
                None => {}
            }
        }
        opened
    }
}

impl OrderInfo {
    /// Whether some message is neither acknowledged nor hidden for a time of its own.
    fn has_held(&self) -> bool {
        let has_own_time = |offset| self.next_visible_ms.as_ref().is_some_and(|times| times.contains_key(&offset));
        self.messages().enumerate().any(|(index, offset)| !self.is_done(index) && !has_own_time(offset))
    }

    /// When the messages become visible whose time was not changed.
    pub fn due_ms(&self) -> i64 {
        self.pop_ms.saturating_add(self.invisible_ms.unwrap_or(0))
    }

    /// Whether some message is not acknowledged.
    fn next_offset_is_left(&self) -> bool {
        (0..self.offsets.len()).any(|index| !self.is_done(index))
    }
}

/// How often the messages of a POP were delivered before, given what the group had before it.
fn counts_after(before: &OrderInfo, now: &OrderInfo) -> BTreeMap<i64, i32> {
    let known = before.counts.clone().unwrap_or_default();
    if before.attempt.is_some() && before.attempt == now.attempt {
        return known;
    }
    let had: BTreeSet<i64> = before.messages().collect();
    let again = now.messages().filter(|offset| had.contains(offset));
    again.map(|offset| (offset, known.get(&offset).map_or(1, |count| count + 1))).collect()
}

#[cfg(test)]
mod tests;
