//! Apache's `mqadmin`: one process that runs one command after the other, for a process each would take seconds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::clients::java_program;

/// Far above what a command needs on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The line after the last one of a command.
const END: &str = "\u{4}";

/// The running program.
#[derive(Debug)]
pub struct Mqadmin {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    name_server: String,
}

/// What a command wrote.
#[derive(Debug, Clone)]
pub struct Output(pub String);

impl Mqadmin {
    /// Builds and starts the program. `work` is for its logs.
    ///
    /// # Panics
    /// When it cannot be built or started.
    pub fn start(name_server: &str, work: &Path) -> Self {
        Self::run_program(java_program("5.5.0", "bolide.cases.Mqadmin"), name_server, work)
    }

    /// Like [`Mqadmin::start`], as a user with an access key and a secret key, which the commands find in `conf/tools.yml`.
    ///
    /// # Panics
    /// When it cannot be built or started.
    pub fn start_as(name_server: &str, work: &Path, (access_key, secret_key): (&str, &str)) -> Self {
        std::fs::create_dir_all(work.join("conf")).unwrap();
        let keys = format!("accessKey: \"{access_key}\"\nsecretKey: \"{secret_key}\"\n");
        std::fs::write(work.join("conf/tools.yml"), keys).unwrap();
        let mut command = java_program("5.5.0", "bolide.cases.Mqadmin");
        command.env("ROCKETMQ_HOME", work);
        Self::run_program(command, name_server, work)
    }

    fn run_program(mut command: Command, name_server: &str, work: &Path) -> Self {
        command.arg(work).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let input = child.stdin.take().expect("the input is piped");
        let lines = read(child.stdout.take().expect("the output is piped"));
        Self { child, input, lines, name_server: name_server.to_owned() }
    }

    /// The names of all commands.
    ///
    /// # Panics
    /// When the program does not list them in time.
    pub fn commands(&mut self) -> Vec<String> {
        let listing = self.ask("");
        let lines = listing.0.lines().filter(|line| line.starts_with("   "));
        lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// Runs a command, its arguments separated by spaces, against the name server.
    ///
    /// # Panics
    /// When it does not end in time, or ends the program.
    pub fn run(&mut self, command: &str) -> Output {
        let arguments: Vec<&str> = command.split(' ').chain(["-n", &self.name_server]).collect();
        self.ask(&arguments.join("\t"))
    }

    fn ask(&mut self, command: &str) -> Output {
        writeln!(self.input, "{command}").expect("the program reads");
        let mut written = String::new();
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("`{command}` did not end; it wrote\n{written}"));
            if line == END {
                return Output(written);
            }
            written += &line;
            written.push('\n');
        }
    }
}

fn read(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

impl Drop for Mqadmin {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    /// The words of the first line in which these follow each other, separated by spaces.
    ///
    /// # Panics
    /// When there is no such line.
    pub fn row(&self, words: &[&str]) -> Vec<&str> {
        let rows = self.0.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let found = rows.into_iter().find(|row| row.windows(words.len()).any(|part| part == words));
        found.unwrap_or_else(|| panic!("no line has {words:?} in\n{}", self.0))
    }

    /// What follows `KEY :` in a table of keys and values.
    ///
    /// # Panics
    /// When there is no such key.
    pub fn value(&self, key: &str) -> &str {
        let pairs = self.0.lines().filter_map(|line| line.split_once(':'));
        let found = pairs.into_iter().find(|(name, _)| name.trim() == key);
        found.unwrap_or_else(|| panic!("there is no {key} in\n{}", self.0)).1.trim()
    }

    /// Fails unless the text holds all of these, and no exception.
    ///
    /// # Panics
    /// When it does not.
    pub fn expect(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.0.contains(part), "{part:?} is not in\n{}", self.0);
        }
        assert!(!self.0.contains("Exception"), "{}", self.0);
        self
    }
}
