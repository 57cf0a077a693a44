//! Configuration keys: one definition each, and everything that follows from it.
//!
//! A server lists its keys once, with [`config_keys!`](crate::config_keys): the name operators write, type, default,
//! allowed range, whether it may change at run time, and its documentation. The list becomes a plain struct that is
//! cheap to read, and this module reads properties texts into it, prints it (codes 26 and 319), changes it at run time
//! (25 and 318, see [`Live`]) and writes the reference page and the commented sample file. It opens no files.

mod live;
mod reference;
#[cfg(test)]
mod tests;
mod value;

pub use live::{Change, Live, Update};
pub use reference::{reference_page, sample_file};
pub use value::{Allowed, Value};

use std::collections::BTreeMap;
use std::fmt;

use crate::properties::{Properties, Property, SyntaxError};

/// A configuration struct made by [`config_keys!`](crate::config_keys).
pub trait Keys: Clone + Default + Send + Sync + 'static {
    /// Its keys, in the order of their definition.
    const KEYS: &'static [Key<Self>];
    /// Keys of Apache's that are known here but change nothing, by the reason why.
    const INERT: &'static [Inert];
    /// Keys of Apache's that ask for something which only one answer can be given to here.
    const PROMISES: &'static [Promise];
}

/// One configuration key of the configuration `C`.
pub struct Key<C> {
    /// The name in configuration files and requests.
    pub name: &'static str,
    /// The heading under which the reference page shows it.
    pub section: &'static str,
    /// What it does, line by line.
    pub doc: &'static [&'static str],
    /// Whether a running server takes a new value.
    pub mutable: bool,
    /// Whether `-m` prints it.
    pub important: bool,
    /// What its values may be.
    pub allowed: Allowed,
    /// Prints its value.
    pub print: fn(&C) -> String,
    /// Sets its value, if the text is one of the values allowed.
    pub parse: fn(&mut C, &str) -> Option<()>,
}

/// Names that are known but have no effect, and why.
pub struct Inert {
    /// Why they have none; completes the sentence "`name` has no effect: …".
    pub reason: &'static str,
    /// The names.
    pub names: &'static [&'static str],
}

/// A key whose other values ask for a promise that this server does not keep.
pub struct Promise {
    /// The key.
    pub name: &'static str,
    /// The only value that is served.
    pub kept: &'static str,
    /// Why the others are refused; a whole sentence, without its full stop.
    pub reason: &'static str,
}

/// A configuration as it was read.
#[derive(Debug, Clone, Default)]
pub struct Loaded<C> {
    /// The values.
    pub values: C,
    /// What the operator wrote for keys that are known but have no effect; kept, because it is printed again.
    pub inert: BTreeMap<String, String>,
    /// What the operator should hear about, though the server starts.
    pub warnings: Vec<Warning>,
}

/// Where a value was written: a file or a flag, and the line if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's path, or what else it came from.
    pub source: String,
    /// The line, from 1; 0 where there are no lines.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.source),
            line => write!(out, "{}:{line}", self.source),
        }
    }
}

/// Why a configuration is refused; the text is one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a properties text.
    #[error("{origin}: {error}")]
    Syntax {
        /// The file or request.
        origin: String,
        /// What is wrong with it.
        error: SyntaxError,
    },
    /// A value that its key does not allow.
    #[error("{place}: {name} is {value:?}, but must be {allowed}")]
    Value {
        /// Where it was written.
        place: Place,
        /// The key.
        name: String,
        /// What was written.
        value: String,
        /// What is allowed.
        allowed: Allowed,
    },
    /// A value that asks for a promise which is not kept here.
    #[error("{place}: {name}={value} is not served: {reason}; {}", Served(kept))]
    Promise {
        /// Where it was written.
        place: Place,
        /// The key.
        name: &'static str,
        /// What was written.
        value: String,
        /// Why it is refused.
        reason: &'static str,
        /// The one value that is served.
        kept: &'static str,
    },
    /// A change at run time to a key that is fixed at start.
    #[error("{name} can only be set at start (it is {value:?}): write it into the configuration file and restart")]
    Fixed {
        /// The key.
        name: &'static str,
        /// Its value, which stays.
        value: String,
    },
    /// A change at run time to a key that does not exist.
    #[error("there is no key {name:?}{}", Suggestion(*.nearest))]
    Unknown {
        /// What was written.
        name: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
}

/// Something in a configuration that an operator should know, but that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A key that neither we nor Apache know.
    #[error("{place}: unknown key {name:?} is ignored{}", Suggestion(*.nearest))]
    Unknown {
        /// Where it was written.
        place: Place,
        /// What was written.
        name: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A key of Apache's that changes nothing here.
    #[error("{place}: {name} has no effect: {reason}")]
    Inert {
        /// Where it was written.
        place: Place,
        /// The key.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

/// What can be written instead.
struct Served<'a>(&'a str);

impl fmt::Display for Served<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => out.write_str("leave it empty"),
            kept => write!(out, "only {kept} is"),
        }
    }
}

struct Suggestion(Option<&'static str>);

impl fmt::Display for Suggestion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(out, "; did you mean {name:?}?"))
    }
}

/// What is known about a name.
enum Known<C: 'static> {
    Key(&'static Key<C>),
    Promise(&'static Promise),
    Inert(&'static Inert),
    Not,
}

fn look_up<C: Keys>(name: &str) -> Known<C> {
    if let Some(key) = C::KEYS.iter().find(|key| key.name == name) {
        Known::Key(key)
    } else if let Some(promise) = C::PROMISES.iter().find(|promise| promise.name == name) {
        Known::Promise(promise)
    } else if let Some(inert) = C::INERT.iter().find(|inert| inert.names.contains(&name)) {
        Known::Inert(inert)
    } else {
        Known::Not
    }
}

impl<C: Keys> From<C> for Loaded<C> {
    fn from(values: C) -> Self {
        Self::new(values)
    }
}

impl<C: Keys> Loaded<C> {
    /// A configuration that begins with these values.
    pub fn new(values: C) -> Self {
        Self { values, inert: BTreeMap::new(), warnings: Vec::new() }
    }

    /// Reads a properties text over the values at hand. `origin` (a path, say) is for the messages.
    ///
    /// # Errors
    /// The first thing that is wrong with the text or one of its values.
    pub fn read(&mut self, bytes: &[u8], origin: &str) -> Result<(), KeyError> {
        let properties =
            Properties::read(bytes).map_err(|error| KeyError::Syntax { origin: origin.to_owned(), error })?;
        self.apply(&properties, origin)
    }

    /// Applies properties over the values at hand.
    ///
    /// # Errors
    /// The first value that is wrong.
    pub fn apply(&mut self, properties: &Properties, origin: &str) -> Result<(), KeyError> {
        for Property { key: name, value, line } in properties {
            let place = Place { source: origin.to_owned(), line: *line };
            match look_up::<C>(name) {
                Known::Key(key) => key.set(&mut self.values, value, place)?,
                Known::Promise(promise) => promise.check(value, place)?,
                Known::Inert(inert) => {
                    self.inert.insert(name.clone(), value.clone());
                    self.warnings.push(Warning::Inert { place, name: name.clone(), reason: inert.reason });
                }
                Known::Not => {
                    self.warnings.push(Warning::Unknown { place, nearest: nearest::<C>(name), name: name.clone() });
                }
            }
        }
        Ok(())
    }

    /// All effective values, sorted by name as Apache prints them.
    pub fn properties(&self) -> Properties {
        effective(&self.values, &self.inert)
    }
}

/// All effective values, sorted by name: those of the keys, the kept promises, and what was written for inert keys.
fn effective<C: Keys>(values: &C, inert: &BTreeMap<String, String>) -> Properties {
    let mut sorted: BTreeMap<&str, String> = BTreeMap::new();
    sorted.extend(inert.iter().map(|(name, value)| (name.as_str(), value.clone())));
    sorted.extend(C::PROMISES.iter().map(|promise| (promise.name, promise.kept.to_owned())));
    sorted.extend(C::KEYS.iter().map(|key| (key.name, (key.print)(values))));
    sorted.into_iter().collect()
}

/// The keys that `-m` prints, in the order of their definition.
pub fn important<C: Keys>(values: &C) -> Properties {
    C::KEYS.iter().filter(|key| key.important).map(|key| (key.name, (key.print)(values))).collect()
}

impl<C: Keys> Key<C> {
    fn set(&self, values: &mut C, value: &str, place: Place) -> Result<(), KeyError> {
        let refused = || KeyError::Value {
            place,
            name: self.name.to_owned(),
            value: value.to_owned(),
            allowed: self.allowed.clone(),
        };
        (self.parse)(values, value.trim()).ok_or_else(refused)
    }
}

impl Promise {
    fn check(&self, value: &str, place: Place) -> Result<(), KeyError> {
        if value.trim().eq_ignore_ascii_case(self.kept) {
            return Ok(());
        }
        let Self { name, kept, reason } = *self;
        Err(KeyError::Promise { place, name, value: value.to_owned(), reason, kept })
    }
}

/// The known name that is most like this one, if any is like it at all.
fn nearest<C: Keys>(name: &str) -> Option<&'static str> {
    let keys = C::KEYS.iter().map(|key| key.name);
    let promises = C::PROMISES.iter().map(|promise| promise.name);
    let inert = C::INERT.iter().flat_map(|inert| inert.names.iter().copied());
    let wanted = name.to_ascii_lowercase();
    // No known name has 80 characters; the bound keeps a hostile one cheap.
    let limit = if name.len() > 80 {
        return None;
    } else {
        (name.len() / 4).max(2)
    };
    keys.chain(promises)
        .chain(inert)
        .map(|known| (distance(&wanted, &known.to_ascii_lowercase()), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein's distance, in characters.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, character) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// Defines a configuration: a struct with one field per key, its [`Default`], and its [`Keys`].
///
/// ```
/// bolide_remoting::config_keys! {
///     /// What a lamp can be told.
///     pub struct LampConfig;
///     inert &[];
///     promises &[];
///
///     section "Light";
///     /// How bright it shines, in lumen.
///     "brightness" [mutable, important] brightness_lumen: i32 = 800, 0..=2000;
///     /// Where it stands.
///     "room" [fixed] room: String = "hall".to_owned();
/// }
/// let lamp = LampConfig::default();
/// assert_eq!((lamp.brightness_lumen, lamp.room.as_str()), (800, "hall"));
/// ```
///
/// Each key has doc lines, its name, whether it is `mutable` at run time or `fixed` (and `important`: shown by `-m`), the
/// field, its type (a [`Value`]), its default and, for numbers, an optional range.
#[macro_export]
macro_rules! config_keys {
    (
        $(#[$about:meta])*
        $visibility:vis struct $Config:ident;
        inert $inert:expr;
        promises $promises:expr;
        $(
            section $section:literal;
            $(
                $(#[doc = $doc:literal])+
                $name:literal [$mutability:ident $(, $importance:ident)?]
                $field:ident: $type:ty = $default:expr $(, $range:expr)?;
            )*
        )*
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        $visibility struct $Config {
            $($(
                $(#[doc = $doc])+
                #[doc = concat!("\n\nKey: `", $name, "`.")]
                pub $field: $type,
            )*)*
        }

        impl ::core::default::Default for $Config {
            fn default() -> Self {
                Self { $($($field: $default,)*)* }
            }
        }

        impl $crate::keys::Keys for $Config {
            const INERT: &'static [$crate::keys::Inert] = $inert;
            const PROMISES: &'static [$crate::keys::Promise] = $promises;
            const KEYS: &'static [$crate::keys::Key<Self>] = &[$($(
                $crate::keys::Key {
                    name: $name,
                    section: $section,
                    doc: &[$($doc),+],
                    mutable: $crate::config_keys!(@mutable $mutability),
                    important: $crate::config_keys!(@important $($importance)?),
                    allowed: $crate::config_keys!(@allowed $type $(, $range)?),
                    print: |config| $crate::keys::Value::print(&config.$field),
                    parse: |config, text| {
                        let allowed = $crate::config_keys!(@allowed $type $(, $range)?);
                        config.$field = <$type as $crate::keys::Value>::parse(text, &allowed)?;
                        Some(())
                    },
                },
            )*)*];
        }
    };
    (@mutable mutable) => { true };
    (@mutable fixed) => { false };
    (@important important) => { true };
    (@important) => { false };
    (@allowed $type:ty) => { <$type as $crate::keys::Value>::ALLOWED };
    (@allowed $type:ty, $range:expr) => { $crate::keys::Allowed::range($range) };
}
