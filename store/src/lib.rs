//! The message store: a commit log that holds every message once, consume queues and a key index that point
//! into it, all in the files of Apache RocketMQ, byte for byte.
//!
//! Start reading at [`Store`]. Plain threads and blocking calls: nothing here knows sockets, requests or an
//! async runtime. The record codec ([`record`]) is free of I/O and may be used by tools.

mod checkpoint;
pub mod clock;
mod derived;
pub mod disk;
mod dispatch;
mod error;
mod events;
mod files;
mod index;
pub mod light;
mod log;
mod mapping;
mod message;
mod offset;
mod options;
mod progress;
mod queue;
mod read;
pub mod record;
mod recovery;
mod retention;
mod scrub;
mod store;
mod timer;
pub mod tool;

pub use clock::{Clock, ManualClock, SystemClock};
pub use derived::SCHEDULE_TOPIC;
pub use disk::{Disk, RealDisk};
pub use error::{PutError, ReadError, StoreError};
pub use events::{Arrival, NoEvents, StoreEvents};
pub use message::{NewMessage, Put};
pub use offset::{PhysicalOffset, QueueId, QueueOffset};
pub use options::{FlushMode, StoreOptions};
pub use read::{Boundary, QueueEntry, QueueRead, ReadLimits, ReadStatus};
pub use retention::RetentionRules;
pub use scrub::{Damage, ScrubProgress, ScrubRules};
pub use store::{Health, PUT_TIMES_MS, Retained, Statistics, Store};
pub use timer::{
    LoggedRecord, RecoveredTimers, TIMER_SLOTS, TimerCheckpoint, TimerFiles, TimerMark, TimerOptions, TimerRecord,
};
