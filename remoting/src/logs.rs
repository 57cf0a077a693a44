//! Log lines of a server: which ones there are, by levels that can be changed while it runs, and where they go: to standard error, or to
//! files of bounded size and number. Both servers use it, so that their logs look alike.

mod throttle;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::keys::{Allowed, Value};
pub use throttle::Throttle;

/// The variable whose levels come before the configured ones at the start.
const VARIABLE: &str = "RUST_LOG";

/// Changes the levels of this process.
static LEVELS: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Which lines are logged: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or several with targets, as in
/// `info,bolide_broker::timer=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels(String);

impl LogLevels {
    fn filter(&self) -> EnvFilter {
        // Looked at when the value was read.
        EnvFilter::try_new(&self.0).unwrap_or_default()
    }
}

impl Default for LogLevels {
    fn default() -> Self {
        LogLevels("info".to_owned())
    }
}

impl Value for LogLevels {
    const ALLOWED: Allowed = Allowed::Form("a level such as info, or several as in info,bolide_broker::timer=debug");

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        let level = |part: &str| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            ["error", "warn", "info", "debug", "trace", "off"].iter().any(|known| level.eq_ignore_ascii_case(known))
        };
        let is_sound = text.split(',').all(|part| level(part.trim())) && EnvFilter::try_new(text).is_ok();
        is_sound.then(|| LogLevels(text.to_owned()))
    }

    fn print(&self) -> String {
        self.0.clone()
    }
}

/// Where log lines go, and which.
#[derive(Debug, Clone)]
pub struct LogOptions<'a> {
    /// The lines that are logged, unless the variable `RUST_LOG` says something else.
    pub levels: &'a LogLevels,
    /// Folder of the files; empty for standard error.
    pub folder: &'a str,
    /// What the files are called: `NAME.log`, and the older ones `NAME.1.log`, `NAME.2.log`, ….
    pub name: &'static str,
    /// When a file is full.
    pub file_bytes: u64,
    /// How many files there are at most.
    pub files: u32,
}

/// What a server's configuration says of its logs: the keys of both servers have the same names.
#[macro_export]
macro_rules! log_options {
    ($config:expr, $name:literal) => {
        $crate::logs::LogOptions {
            levels: &$config.log_level,
            folder: &$config.log_folder,
            name: $name,
            file_bytes: $config.log_file_max_bytes.unsigned_abs(),
            files: $config.log_file_count,
        }
    };
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be written.
    #[error("logFolder: {} cannot be written: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process logs already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Begins to log. Called once in a process.
///
/// # Errors
/// When the file cannot be written, or the process logs already.
pub fn begin(options: &LogOptions<'_>) -> Result<(), LogError> {
    let variable = std::env::var(VARIABLE).ok().and_then(|text| EnvFilter::try_new(text).ok());
    let (filter, handle) = reload::Layer::new(variable.unwrap_or_else(|| options.levels.filter()));
    let lines = fmt::layer().with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    if options.folder.is_empty() {
        registry.with(lines.with_writer(io::stderr)).try_init()?;
    } else {
        let file = RollingFile::open(options)?;
        registry.with(lines.with_writer(Mutex::new(file))).try_init()?;
    }
    // Cannot be set already: the process logs since just now.
    let _ = LEVELS.set(handle);
    Ok(())
}

/// Logs other lines from now on. Does nothing in a process that does not log by [`begin`].
pub fn set_levels(levels: &LogLevels) {
    if let Some(handle) = LEVELS.get() {
        // Fails only once there is nobody left who logs.
        let _ = handle.reload(levels.filter());
    }
}

/// A file that makes room for a new one when it is full; of the older ones a few are kept.
struct RollingFile {
    folder: PathBuf,
    name: &'static str,
    limit_bytes: u64,
    files: u32,
    file: File,
    written_bytes: u64,
}

impl RollingFile {
    fn open(options: &LogOptions<'_>) -> Result<Self, LogError> {
        let folder = PathBuf::from(options.folder);
        let path = path(&folder, options.name, 0);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LogError::File { path, source }
        };
        std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path))?;
        let written_bytes = file.metadata().map_err(failed(&path))?.len();
        let (name, limit_bytes, files) = (options.name, options.file_bytes, options.files);
        Ok(RollingFile { folder, name, limit_bytes, files, file, written_bytes })
    }

    fn roll(&mut self) -> io::Result<()> {
        for number in (1..self.files).rev() {
            // There may be fewer yet. What cannot be moved is overwritten below: the size stays bounded.
            let _ = std::fs::rename(self.path(number - 1), self.path(number));
        }
        self.file = File::create(self.path(0))?;
        self.written_bytes = 0;
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        path(&self.folder, self.name, number)
    }
}

impl Write for RollingFile {
    /// Writes a line, which is not torn between two files.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written_bytes > 0 && self.written_bytes + line.len() as u64 > self.limit_bytes {
            self.roll()?;
        }
        let written = self.file.write(line)?;
        self.written_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn path(folder: &Path, name: &str, number: u32) -> PathBuf {
    folder.join(if number == 0 { format!("{name}.log") } else { format!("{name}.{number}.log") })
}

#[cfg(test)]
mod tests;
