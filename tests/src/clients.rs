//! The programs in `clients/`: each is built once and run against a cluster, and prints one line for each case.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::binaries::{package_dir, target_dir};
use crate::cluster::{COLD, Cluster, ORDINARY, PATIENT};
use crate::packages::{Language, Script};
use crate::toolchain;

/// Far above what the slowest program needs on a slow machine; without it a hang would take the whole run's time.
const PROGRAM_LIMIT: Duration = Duration::from_secs(8 * 60);

/// Runs only the cases whose name contains its value, or one of several between commas.
pub(crate) const ONLY_VARIABLE: &str = "BOLIDE_TEST_CASES";

const CPP: Script = Script { language: Language::Python, folder: "cpp" };
const ALI_ONS: Script = Script { language: Language::Node, folder: "ali-ons" };

/// The header codec of the Java client; the others have only JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// Its default.
    Json,
    /// `ROCKETMQ`, the binary one.
    Binary,
}

/// A client with its program.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// `rocketmq-client` of this version.
    Java(&'static str, Headers),
    /// `ons-client`, of Alibaba Cloud.
    Ons,
    /// `rocketmq-client-go/v2`.
    Go,
    /// `librocketmq`, as the package `rocketmq` for Python brings it along.
    Cpp,
    /// `ali-ons`, of Alibaba Cloud for Node.
    AliOns,
}

/// Runs all cases of a client against the shared cluster, and fails with what the failing cases said.
///
/// # Panics
/// When a case fails or is skipped, or the program does not end well.
pub fn every_case_passes(client: Client) {
    if !client.toolchain_available() {
        return;
    }
    client.build();
    let cluster = Cluster::shared();
    let restartable = format!("broker-of-{}", client.name());
    // Outside the cluster and without the template of new topics, so that nobody else's topics come to be on it.
    cluster.start_broker(&restartable, "Restarts", &[PATIENT, &[("autoCreateTopicEnable", "false")]].concat());
    let work = cluster.folder().join(client.name());
    std::fs::create_dir(&work).unwrap();
    let outcome = run(client.command(&cluster, &restartable, &work), &cluster);
    outcome.assert_passed(&cluster, cluster.cold_broker().is_none());
}

/// Runs the cases with these texts in their names (between commas) against a cluster, and fails with what the failing ones said. Those
/// that need what the cluster does not have are skipped.
///
/// # Panics
/// When a case fails, or the program does not end well.
pub fn cases_pass(client: Client, cluster: &Cluster, only: &str) {
    client.build();
    let work = cluster.folder().join(client.name());
    std::fs::create_dir(&work).unwrap();
    let mut command = client.program();
    command.arg("cases").arg("--namesrv").arg(cluster.name_server()).arg("--work").arg(work);
    command.arg("--only").arg(std::env::var(ONLY_VARIABLE).as_deref().unwrap_or(only));
    run(command, cluster).assert_passed(cluster, true);
}

impl Client {
    /// For file names and broker names.
    fn name(self) -> String {
        match self {
            Self::Java(version, Headers::Json) => format!("java-{version}"),
            Self::Java(version, Headers::Binary) => format!("java-{version}-binary"),
            Self::Ons => "ons".to_owned(),
            Self::Go => "go".to_owned(),
            Self::Cpp => CPP.folder.to_owned(),
            Self::AliOns => ALI_ONS.folder.to_owned(),
        }
    }

    /// Whether its language is there; if not, that is said loudly, and is a failure where `CI` is set.
    pub fn toolchain_available(self) -> bool {
        match self {
            Self::Java(..) | Self::Ons => toolchain::available("Java", &["java -version", "mvn -version"]),
            Self::Go => toolchain::available("Go", &["go version"]),
            Self::Cpp if cfg!(not(target_arch = "x86_64")) => {
                toolchain::skip("the C++ client cannot be tested: it is only published for x86-64");
                false
            }
            Self::Cpp => CPP.available("C++"),
            Self::AliOns => ALI_ONS.available("Node"),
        }
    }

    /// Whether its user hears why a broker refuses. The one in C++ only writes that into its log, and says that there is no route.
    fn tells_why(self) -> bool {
        !matches!(self, Self::Cpp)
    }

    /// Lets the language's own tool build the program; it knows when there is nothing to do. Builds take turns, because tests that run
    /// side by side build the same.
    fn build(self) {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut command = match self {
            Self::Java(version, _) => {
                let mut maven = maven("clients/java", &self.java_output());
                maven.arg(format!("-Drocketmq.version={version}"));
                maven
            }
            Self::Ons => maven("clients/ons", &self.java_output()),
            Self::Go => {
                let mut go = Command::new("go");
                go.args(["build", "-o"]).arg(go_program()).arg(".").current_dir(package_dir().join("clients/go"));
                go
            }
            Self::Cpp => return CPP.install(),
            Self::AliOns => return ALI_ONS.install(),
        };
        finish(&mut command);
    }

    fn java_machine(self) -> Command {
        let mut java = Command::new("java");
        // Many short clients: start-up counts, peak speed does not.
        java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        // Arguments and files may have any characters.
        java.env("LC_ALL", "C.UTF-8");
        java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", self.java_output().display()));
        java
    }

    fn program(self) -> Command {
        match self {
            Self::Java(..) | Self::Ons => {
                let mut java = self.java_machine();
                if matches!(self, Self::Java(_, Headers::Binary)) {
                    java.arg("-Drocketmq.serialize.type=ROCKETMQ");
                }
                java.arg("bolide.cases.Main");
                java
            }
            Self::Go => Command::new(go_program()),
            Self::Cpp => CPP.program("main"),
            Self::AliOns => ALI_ONS.program("main"),
        }
    }

    fn command(self, cluster: &Cluster, restartable: &str, work: &Path) -> Command {
        let mut command = self.program();
        command.arg("cases").arg("--namesrv").arg(cluster.name_server());
        command.arg("--restartable").arg(restartable).arg("--work").arg(work);
        if matches!(self, Self::Cpp | Self::AliOns) {
            command.arg("--broker").arg(ORDINARY);
        } else if let Some(cold) = cluster.cold_broker() {
            command.arg("--cold-broker").arg(cold);
        }
        if !matches!(self, Self::Java(..) | Self::Ons) {
            // Its admin client does not ask the name server for brokers, or there is none.
            let mut brokers = cluster.addresses();
            brokers.retain(|name, _| [ORDINARY, COLD, restartable].contains(&name.as_str()));
            let pairs: Vec<String> = brokers.iter().map(|(name, address)| format!("{name}={address}")).collect();
            command.arg("--brokers").arg(pairs.join(","));
        }
        if let Ok(only) = std::env::var(ONLY_VARIABLE) {
            command.arg("--only").arg(only);
        }
        command
    }

    /// Where Maven leaves the program's classes and libraries.
    fn java_output(self) -> PathBuf {
        let name = match self {
            // The codec of headers is chosen at the start.
            Self::Java(version, _) => format!("java-{version}"),
            Self::Ons | Self::Go | Self::Cpp | Self::AliOns => self.name(),
        };
        target_dir().join("clients").join(name)
    }
}

/// A build of one of the programs in Java.
pub(crate) fn maven(program: &str, output: &Path) -> Command {
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-ntp", "compile"]).arg(format!("-Doutput={}", output.display()));
    maven.current_dir(package_dir().join(program));
    maven
}

/// Runs a build to its end.
///
/// # Panics
/// When it fails; what it said is shown.
pub(crate) fn finish(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{}{}", text(&output.stdout), text(&output.stderr));
}

/// What a program said and how it ended.
pub(crate) struct Outcome {
    lines: Vec<String>,
    success: bool,
}

impl Outcome {
    /// Fails with what the failing cases said, and the ends of the servers' logs.
    pub(crate) fn assert_passed(&self, cluster: &Cluster, skipped_allowed: bool) {
        let bad = |line: &&String| line.starts_with("FAIL ") || (line.starts_with("skip ") && !skipped_allowed);
        let failures: Vec<&str> = self.lines.iter().filter(bad).map(String::as_str).collect();
        assert!(failures.is_empty(), "{}\n\nThe servers' logs end with\n{}", failures.join("\n"), cluster.log_tails());
        assert!(
            self.success,
            "the program failed without a failing case; its last lines are\n{}",
            self.lines.join("\n")
        );
        assert!(self.lines.iter().any(|line| line.starts_with("ok ")), "no case ran");
    }
}

/// Runs a program to its end; restarts or kills brokers when it asks for that.
pub(crate) fn run(mut command: Command, cluster: &Cluster) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let mut answers = child.stdin.take().expect("the input is piped");
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let child = Arc::new(Mutex::new(child));
    let watchdog = kill_when_late(Arc::clone(&child));
    let mut lines = Vec::new();
    for line in output.lines().map_while(Result::ok) {
        println!("{line}");
        if let Some(order) = line.strip_prefix("CONTROL ") {
            match order.split_once(' ') {
                Some(("restart", broker)) => cluster.restart_broker(broker),
                Some(("kill", broker)) => cluster.kill_broker(broker),
                _ => panic!("the program asks for {order:?}"),
            }
            // A program that has ended meanwhile shows in its status.
            let _ = writeln!(answers, "done");
        }
        lines.push(line);
    }
    drop(watchdog);
    let success = child.lock().unwrap().wait().unwrap().success();
    Outcome { lines, success }
}

/// Kills the program at the limit, unless what this returns has been dropped before.
fn kill_when_late(child: Arc<Mutex<Child>>) -> Sender<()> {
    let (finished, end) = channel::<()>();
    std::thread::spawn(move || {
        if end.recv_timeout(PROGRAM_LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("a client program still runs after {PROGRAM_LIMIT:?} and is killed");
            let _ = child.lock().unwrap().kill();
        }
    });
    finished
}

/// Another program of `clients/java`, built against this version of the client.
///
/// # Panics
/// When it cannot be built.
pub fn java_program(version: &'static str, class: &str) -> Command {
    let client = Client::Java(version, Headers::Json);
    client.build();
    let mut java = client.java_machine();
    java.arg(class);
    java
}

/// What a client says of its attempt to send to a topic and to consume from it as this user: `served`, or `refused` and why.
///
/// # Panics
/// When it cannot be built or does not say.
pub fn keyed_client(client: Client, cluster: &Cluster, topic: &str, user: Option<(&str, &str)>) -> String {
    let version = match client {
        Client::Java(version, _) => version,
        Client::Go => return keyed_go_client(cluster, topic, user),
        Client::Cpp | Client::AliOns => return keyed_script(client, cluster, topic, user),
        Client::Ons => panic!("its signatures are of another kind"),
    };
    secured_java_client(version, cluster, topic, &[], user)
}

/// Lets a client try several topics as several users, and fails unless each is refused for the reason given. All try at once: none gets as far
/// as to take another's messages.
pub fn are_refused<'a>(
    client: Client,
    cluster: &Cluster,
    attempts: impl IntoIterator<Item = (&'a str, Option<(&'a str, &'a str)>, &'a str)>,
) {
    std::thread::scope(|scope| {
        for (topic, user, why) in attempts {
            scope.spawn(move || {
                let said = keyed_client(client, cluster, topic, user);
                let why = if client.tells_why() { why } else { "" };
                let is_refused = said.starts_with("refused: ") && said.contains(why);
                assert!(is_refused, "{client:?} as {user:?} on {topic}: {said}\n{}", cluster.log_tails());
            });
        }
    });
}

fn keyed_script(client: Client, cluster: &Cluster, topic: &str, user: Option<(&str, &str)>) -> String {
    client.build();
    let script = if matches!(client, Client::Cpp) { CPP } else { ALI_ONS };
    let mut program = script.program("secured");
    program.env("HOME", cluster.folder()).arg(cluster.name_server()).arg(topic);
    program.args(user.into_iter().flat_map(|(access_key, secret_key)| [access_key, secret_key]));
    verdict(&mut program)
}

fn keyed_go_client(cluster: &Cluster, topic: &str, user: Option<(&str, &str)>) -> String {
    Client::Go.build();
    let mut go = Command::new(go_program());
    go.arg("secured").arg("-namesrv").arg(cluster.name_server()).arg("-topic").arg(topic);
    go.arg("-work").arg(cluster.folder());
    let (access_key, secret_key) = user.unwrap_or_default();
    go.arg("-access-key").arg(access_key).arg("-secret-key").arg(secret_key);
    verdict(&mut go)
}

/// What a Java client of 5.5.0 says of its attempt to send to a topic and to consume from it, started with these options of Java's machine,
/// and as this user: `served`, or `refused` and why.
///
/// # Panics
/// When it cannot be built or does not say.
pub fn secured_client(cluster: &Cluster, topic: &str, options: &[String], user: Option<(&str, &str)>) -> String {
    secured_java_client("5.5.0", cluster, topic, options, user)
}

fn secured_java_client(
    version: &'static str,
    cluster: &Cluster,
    topic: &str,
    options: &[String],
    user: Option<(&str, &str)>,
) -> String {
    let program = java_program(version, "bolide.cases.Secured");
    let arguments: Vec<_> = program.get_args().collect();
    let (class, machine) = arguments.split_last().expect("there is a class");
    let mut java = Command::new(program.get_program());
    java.env("LC_ALL", "C.UTF-8").args(machine).args(options).arg(class);
    java.arg(cluster.folder()).arg(cluster.name_server()).arg(topic);
    java.args(user.into_iter().flat_map(|(access_key, secret_key)| [access_key, secret_key]));
    verdict(&mut java)
}

/// Runs a program that says whether it was served.
///
/// # Panics
/// When it does not say.
pub(crate) fn verdict(program: &mut Command) -> String {
    let output = program.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let verdict = said.lines().rfind(|line| line.starts_with("served") || line.starts_with("refused"));
    verdict.unwrap_or_else(|| panic!("{program:?} said nothing of use: {output:?}")).to_owned()
}

fn go_program() -> PathBuf {
    target_dir().join("clients/go/cases")
}
