//! The numbers that locate messages. Each has its own type so that an offset of the log is never
//! taken for an offset of a queue.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A byte position in the commit log, counted from the first byte ever written.
    PhysicalOffset(i64)
}

number! {
    /// A message's position in its queue; the first message of a queue has offset 0.
    QueueOffset(i64)
}

number! {
    /// The number of a queue within its topic.
    QueueId(i32)
}
