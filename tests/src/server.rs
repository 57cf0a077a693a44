//! One server as a child process: started until it says that it is ready, stopped, killed, started again.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::{Maker, Role, server_command};

/// Apache's broker needs many seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(240);
const STOP_LIMIT: Duration = Duration::from_secs(120);
const SHOWN_LOG_LINES: usize = 20;

/// A server that runs, or can be started again.
#[derive(Debug)]
pub struct Server {
    maker: Maker,
    role: Role,
    name: String,
    folder: PathBuf,
    config: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// Why a server is not running.
#[derive(Debug)]
pub struct NotStarted {
    /// What it wrote last.
    pub log_tail: String,
}

impl Server {
    /// Starts a server with this configuration file and waits until it says that it listens on `port`. All its logs go to
    /// `folder`/`name`.log.
    ///
    /// # Errors
    /// When it ends first, or is not ready in time.
    pub fn start(
        maker: Maker,
        role: Role,
        name: &str,
        folder: &Path,
        config: &Path,
        port: u16,
    ) -> Result<Self, NotStarted> {
        let mut server = Self {
            maker,
            role,
            name: name.to_owned(),
            folder: folder.to_owned(),
            config: config.to_owned(),
            port,
            child: None,
        };
        server.run()?;
        Ok(server)
    }

    /// The address that clients dial.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port that clients of the remoting protocol dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process, which must be running.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Changes the configuration file, for the next start.
    pub fn reconfigure(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, change(text)).unwrap();
    }

    /// Lets another maker's server take over with the next start.
    pub fn hand_over(&mut self, maker: Maker) {
        self.maker = maker;
    }

    /// Starts the stopped or killed server again.
    ///
    /// # Panics
    /// When it does not start; its log's end is shown.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        if let Err(problem) = self.run() {
            panic!("{} did not start again; its log ends with\n{}", self.name, problem.log_tail);
        }
    }

    /// SIGTERM, then waits until it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn stop(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("the server runs");
        send(child, Signal::TERM);
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} has not ended {STOP_LIMIT:?} after SIGTERM; its log ends with\n{}",
                self.name,
                self.log_tail()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, then waits until it is gone.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn run(&mut self) -> Result<(), NotStarted> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let home = self.folder.join(format!("{}-home", self.name));
        let command = server_command(&self.maker, self.role, &self.config, &home);
        let (child, lines) = spawn(command, log);
        self.child = Some(child);
        // Ours name the address, Apache's 4.x name server does not; its proxy listens a while after its broker does.
        let ending = format!(":{}", self.port);
        let behind_proxy = self.maker != Maker::Ours && matches!(self.role, Role::GrpcBroker | Role::Proxy);
        let ready = |line: &str| match behind_proxy {
            true => line.contains("rocketmq-proxy startup successfully"),
            false => line.contains("boot success") || line.split([' ', ',']).any(|word| word.ends_with(&ending)),
        };
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if ready(&line) => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.kill();
                    return Err(NotStarted { log_tail: self.log_tail() });
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// SIGTERM and the like for a child.
pub fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a child has a positive id");
    kill_process(pid, signal).unwrap();
}

/// Starts a process whose output goes to a log; the lines of its standard output also come through the channel, which ends with it.
pub fn spawn(mut command: Command, log: File) -> (Child, Receiver<String>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone().unwrap());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut log = log;
        for line in output.lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            // Nobody listens once the server is ready.
            let _ = sender.send(line);
        }
    });
    (child, lines)
}
