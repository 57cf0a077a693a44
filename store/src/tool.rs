//! What `mqstore` does: looks at the files of a store that no broker uses, and has what is derived from the log made anew. Reading is
//! done over plain files, opened for reading only; nothing here maps, repairs or creates what it merely looks at.

mod dump;
mod folder;
mod index_check;
mod inspect;
mod json_check;
mod progress;
mod queue_check;
mod rebuild;
mod settings;
mod sums_check;
#[cfg(test)]
mod tests;
mod timer_check;
mod verify;
mod walk;

pub use dump::{DumpFilter, dump};
pub use folder::{Folder, FolderError};
pub use inspect::inspect;
pub use progress::Progress;
pub use rebuild::rebuild;
pub use verify::{Verified, verify};
