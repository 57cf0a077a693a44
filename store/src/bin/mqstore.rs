//! `mqstore`: looks at the files of a store, without a broker.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bolide_store::StoreOptions;
use bolide_store::tool::{DumpFilter, Folder, FolderError, dump, inspect, rebuild, verify};
use clap::{Args, Parser, Subcommand};

/// Looks at the files of a store, Apache's or ours, without a broker.
///
/// Only rebuild writes, and takes the folder's lock for that; the others may run while a broker does, whose newest messages they may
/// see half. Damage that verify finds makes it end with status 1.
#[derive(Debug, Parser)]
#[command(name = "mqstore", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show segments, queues, index files, timers and settings with their ranges
    Inspect(Place),
    /// Look at every record, queue unit, index entry, timer and setting, and name each damage
    Verify {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        index: Index,
    },
    /// Write records as JSON, one a line
    Dump {
        #[command(flatten)]
        place: Place,
        /// Begin with the record at this offset of the commit log
        #[arg(long, value_name = "OFFSET")]
        from: Option<i64>,
        /// Only messages of this topic
        #[arg(long)]
        topic: Option<String>,
        /// Only messages of this queue
        #[arg(long)]
        queue: Option<i32>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Remove consume queues and index, and make them anew from the commit log
    Rebuild {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        index: Index,
        /// Do write
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// The store's folder (storePathRootDir)
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// The commit log's, if it is elsewhere (storePathCommitLog)
    #[arg(long, value_name = "DIR")]
    commit_log: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Index {
    /// Hash slots of an index file (maxHashSlotNum)
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    index_slots: u32,
    /// Entries of an index file (maxIndexNum)
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    index_units: u32,
}

impl Place {
    fn open(&self) -> Result<Folder, FolderError> {
        Folder::open(&self.root, self.commit_log.as_deref())
    }
}

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(&Arguments::parse().command, &mut out).and_then(|code| {
        out.flush().map_err(FolderError::Output)?;
        Ok(code)
    });
    match done {
        Ok(code) => code,
        // Whoever reads along has seen enough.
        Err(FolderError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mqstore: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command, out: &mut dyn Write) -> Result<ExitCode, FolderError> {
    match command {
        Command::Inspect(place) => inspect(&place.open()?, out)?,
        Command::Verify { place, index } => {
            let verified = verify(&place.open()?, index.index_slots, out)?;
            if verified.damages > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Dump { place, from, topic, queue, limit } => {
            let filter = DumpFilter { from: *from, topic: topic.clone(), queue: *queue, limit: *limit };
            dump(&place.open()?, &filter, out)?;
        }
        Command::Rebuild { place, index, yes: _ } => {
            let options = StoreOptions {
                index_slots: index.index_slots,
                index_units: index.index_units,
                ..StoreOptions::new(&place.root)
            };
            rebuild(&place.open()?, options)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
