//! A configuration in use: read on every request, changed now and then by an operator.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use super::{Allowed, KeyError, Keys, Known, Loaded, Place, Warning, effective, look_up, nearest};
use crate::properties::Properties;

/// What messages name as the origin of a change made at run time.
const ORIGIN: &str = "update";

/// The values in force. Reading costs no lock and counts no reference; a change replaces them as a whole.
pub struct Live<C> {
    values: ArcSwap<C>,
    /// What was written for keys that have no effect. Its lock is also the one under which changes are made.
    inert: Mutex<BTreeMap<String, String>>,
}

/// One value that a change at run time replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub name: String,
    /// Its value before; empty for a key without effect that was not set.
    pub from: String,
    /// Its value now.
    pub to: String,
}

/// What an update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// The values that are other than before, in the order they were sent.
    pub changes: Vec<Change>,
    /// What the operator should hear about.
    pub warnings: Vec<Warning>,
}

impl Update {
    /// The new values, for [`crate::properties::amend`].
    pub fn properties(&self) -> Properties {
        self.changes.iter().map(|change| (change.name.as_str(), change.to.as_str())).collect()
    }
}

impl<C: Keys> Live<C> {
    /// Puts a configuration in force.
    pub fn new(loaded: Loaded<C>) -> Self {
        Self { values: ArcSwap::from_pointee(loaded.values), inert: Mutex::new(loaded.inert) }
    }

    /// The values in force, for a short look. Values read from one guard belong together.
    pub fn get(&self) -> Guard<Arc<C>> {
        self.values.load()
    }

    /// The values in force, to keep.
    pub fn snapshot(&self) -> Arc<C> {
        self.values.load_full()
    }

    /// All effective values, sorted by name: the body of codes 26 and 319.
    pub fn properties(&self) -> Properties {
        let inert = self.inert.lock();
        effective(&**self.values.load(), &inert)
    }

    /// Changes values at run time: all that are asked for, or none. A fixed key may be sent with the value it has.
    ///
    /// # Errors
    /// The first key that is unknown or fixed, or whose value is not allowed.
    pub fn update(&self, properties: &Properties) -> Result<Update, KeyError> {
        let mut inert = self.inert.lock();
        let mut values = C::clone(&self.values.load());
        let mut written = inert.clone();
        let mut update = Update::default();
        for property in properties {
            let place = || Place { source: ORIGIN.to_owned(), line: property.line };
            let name = property.key.as_str();
            let (from, to) = match look_up::<C>(name) {
                Known::Key(key) => {
                    let from = (key.print)(&values);
                    let mut changed = values.clone();
                    key.set(&mut changed, &property.value, place())?;
                    // Of a secret nothing is shown but that there is one, which may be sent back.
                    let hidden = key.allowed == Allowed::Secret;
                    let to = if hidden { property.value.trim().to_owned() } else { (key.print)(&changed) };
                    if !key.mutable {
                        if from != to {
                            return Err(KeyError::Fixed { name: key.name, value: from });
                        }
                        continue;
                    }
                    values = changed;
                    (from, to)
                }
                Known::Promise(promise) => {
                    promise.check(&property.value, place())?;
                    continue;
                }
                Known::Inert(reason) => {
                    let (name, reason) = (name.to_owned(), reason.reason);
                    update.warnings.push(Warning::Inert { place: place(), name: name.clone(), reason });
                    let from = written.insert(name, property.value.clone()).unwrap_or_default();
                    (from, property.value.clone())
                }
                Known::Not => {
                    return Err(KeyError::Unknown { name: name.to_owned(), nearest: nearest::<C>(name) });
                }
            };
            if from != to {
                update.changes.push(Change { name: name.to_owned(), from, to });
            }
        }
        self.values.store(Arc::new(values));
        *inert = written;
        Ok(update)
    }
}
