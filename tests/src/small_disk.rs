//! A small file system of a test's own, to fill up or to make read-only.
//!
//! It is mounted in a namespace of a helper process, which everybody may do on most machines; its files are reached through that
//! process's root folder. Where that is forbidden, `sudo` mounts it, if it needs no password; and where nothing can be mounted, as in many
//! containers, the shared memory folder serves, which is small there.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::fs::statvfs;
use tempfile::TempDir;

/// Mounts, and then again with each line of options that it reads.
const HOLDER: &str = r#"mount -t tmpfs -o "size=$1,mode=777" small "$2" && echo yes && while read -r options; do
mount -o "remount,$options" "$2" && echo yes || echo no; done; umount "$2""#;
/// What the helper is started with, and whether it has a namespace of its own then.
const WAYS: [(&[&str], bool); 3] = [
    (&["unshare", "--user", "--map-root-user", "--mount"], true),
    (&["unshare", "--mount"], true),
    (&["sudo", "-n"], false),
];
/// The folder of shared memory, and how large it may be to be filled.
const SHARED_MEMORY: &str = "/dev/shm";
const MAX_SHARED_BYTES: u64 = 1 << 30;

/// A small file system. It is gone when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    /// `None`: a folder of shared memory.
    holder: Option<(Child, BufReader<ChildStdout>)>,
    path: PathBuf,
    // Dropped last.
    _folder: TempDir,
}

impl SmallDisk {
    /// A file system of this size, or one that this much is free of.
    ///
    /// # Errors
    /// Why there is none.
    pub fn new(bytes: u64) -> Result<Self, String> {
        let mut problems = String::new();
        for (command, is_private) in WAYS {
            match Self::mount(command, is_private, bytes) {
                Ok(disk) => return Ok(disk),
                Err(problem) => problems += &format!("{}: {problem}; ", command.join(" ")),
            }
        }
        Self::share(bytes).map_err(|problem| problems + &problem)
    }

    fn mount(command: &[&str], is_private: bool, bytes: u64) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("bolide-disk-").tempdir().map_err(|error| error.to_string())?;
        let mut command_line = Command::new(command[0]);
        command_line.args(&command[1..]).args(["sh", "-c", HOLDER, "sh"]).arg(bytes.to_string()).arg(folder.path());
        command_line.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command_line.spawn().map_err(|error| error.to_string())?;
        let answers = BufReader::new(child.stdout.take().expect("the output is piped"));
        let path = match is_private {
            true => Path::new(&format!("/proc/{}/root", child.id())).join(folder.path().strip_prefix("/").unwrap()),
            false => folder.path().to_owned(),
        };
        let mut disk = SmallDisk { holder: Some((child, answers)), path, _folder: folder };
        if !disk.is_confirmed() {
            return Err("it cannot mount".to_owned());
        }
        std::fs::create_dir(disk.path.join("probe")).map_err(|error| format!("it cannot be reached: {error}"))?;
        Ok(disk)
    }

    fn share(bytes: u64) -> Result<Self, String> {
        let all = Path::new(SHARED_MEMORY);
        let free = free_bytes(all).ok_or("there is no shared memory")?;
        if free > MAX_SHARED_BYTES || free < bytes {
            return Err(format!("{SHARED_MEMORY} has {free} bytes, too many or too few to be filled"));
        }
        let folder =
            tempfile::Builder::new().prefix("bolide-disk-").tempdir_in(all).map_err(|error| error.to_string())?;
        let disk = SmallDisk { holder: None, path: folder.path().to_owned(), _folder: folder };
        disk.fill("surplus", free - bytes);
        Ok(disk)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How much is free.
    pub fn free_bytes(&self) -> u64 {
        free_bytes(&self.path).expect("the file system can be asked")
    }

    /// Takes this much of the room, with a file of this name.
    pub fn fill(&self, name: &str, bytes: u64) {
        let mut file = std::fs::File::create(self.path.join(name)).unwrap();
        let block = vec![0; 1 << 16];
        let mut left = bytes as usize;
        while left > 0 {
            let part = left.min(block.len());
            file.write_all(&block[..part]).unwrap();
            left -= part;
        }
    }

    /// Mounts it anew with other options, such as `ro`; `false`: that cannot be done.
    pub fn remount(&mut self, options: &str) -> bool {
        let Some((child, _)) = &mut self.holder else { return false };
        writeln!(child.stdin.as_mut().expect("the input is piped"), "{options}").unwrap();
        self.is_confirmed()
    }

    fn is_confirmed(&mut self) -> bool {
        let Some((_, answers)) = &mut self.holder else { return false };
        let mut answer = String::new();
        answers.read_line(&mut answer).is_ok() && answer == "yes\n"
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.holder {
            // The end of its input ends it, and it takes the file system down.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

fn free_bytes(path: &Path) -> Option<u64> {
    let found = statvfs(path).ok()?;
    Some(found.f_bavail * found.f_frsize)
}
