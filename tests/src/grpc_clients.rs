//! The programs in `clients/grpc-*`: the 5.x clients, which speak gRPC. They keep to the same lines as those of `clients.rs`, and run
//! against brokers that also serve gRPC.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::authority::Authority;
use crate::binaries::{apache_version, cargo, package_dir, target_dir};
use crate::clients::{ONLY_VARIABLE, finish, run, verdict};
use crate::cluster::{Cluster, ORDINARY, PATIENT};
use crate::packages::{Language, Script};
use crate::toolchain;

/// The broker outside the cluster that the program has restarted.
const RESTARTABLE: &str = "broker-r";
/// The two brokers of a cluster of their own, of which the program has one killed.
const PAIR: [&str; 2] = ["broker-x", "broker-y"];

/// The folder of the cluster with the ordinary broker's certificate.
const CERTIFICATES: &str = "certificates";

const PYTHON: Script = Script { language: Language::Python, folder: "grpc-python" };
const NODE: Script = Script { language: Language::Node, folder: "grpc-node" };

/// A client with its program.
#[derive(Clone, Copy, Debug)]
pub enum GrpcClient {
    /// `rocketmq-client-java`.
    Java,
    /// `rocketmq-clients/golang/v5`.
    Go,
    /// `rocketmq-python-client`.
    Python,
    /// `rocketmq-client-nodejs`.
    Node,
    /// `rocketmq` of crates.io.
    Rust,
}

/// Runs all cases of a client against a cluster of its own, and fails with what the failing cases said.
///
/// # Panics
/// When a case fails or is skipped, or the program does not end well.
pub fn every_case_passes(client: GrpcClient) {
    if !client.toolchain_available() {
        return;
    }
    client.build();
    let cluster = Cluster::new(client.folder());
    // Apache's defaults are off.
    let own = [("recallMessageEnable", "true"), ("enableLmq", "true"), ("enableMultiDispatch", "true")];
    let authority = Authority::new(&cluster.folder().join(CERTIFICATES));
    authority.issue("broker");
    let files = [authority.path("broker.pem"), authority.path("broker.key")];
    let certificate = [("tlsCertPath", files[0].as_str()), ("tlsKeyPath", files[1].as_str())];
    // The others trust whatever certificate there is, so the one that the broker makes by itself.
    let certificate = if matches!(client, GrpcClient::Python) { &certificate[..] } else { &[] };
    let settings = [PATIENT, &own, certificate].concat();
    cluster.start_grpc_broker(ORDINARY, "DefaultCluster", &settings);
    // Without the template of new topics, so that nobody else's topics come to be on it.
    let own = [PATIENT, &[("autoCreateTopicEnable", "false")]].concat();
    cluster.start_grpc_broker(RESTARTABLE, "Restarts", &own);
    if apache_version().is_none() {
        // Apache's proxies answer routes to other brokers with their own port when each is in one process with its broker.
        PAIR.iter().for_each(|broker| cluster.start_grpc_broker(broker, "Pair", &own));
    }
    let work = cluster.folder().join("work");
    std::fs::create_dir(&work).unwrap();
    let outcome = run(client.command(&cluster, &work), &cluster);
    outcome.assert_passed(&cluster, apache_version().is_some());
}

/// Runs the cases with these texts in their names (between commas) through a proxy of Apache's in front of the ordinary broker, and fails
/// with what the failing ones said. Those that need what the cluster does not have are skipped.
///
/// # Panics
/// When a case fails, or the program does not end well.
pub fn cases_pass_through(proxy: &str, client: GrpcClient, cluster: &Cluster, only: &str) {
    client.build();
    let work = cluster.folder().join("work");
    std::fs::create_dir(&work).unwrap();
    let mut command = client.program();
    let broker = format!("{ORDINARY}={}/{}", cluster.address(ORDINARY), cluster.endpoint(proxy));
    command.arg("cases").arg("--namesrv").arg(cluster.name_server()).arg("--brokers").arg(broker);
    command.arg("--broker").arg(ORDINARY).arg("--work").arg(work).args(["--lite", "yes"]);
    command.arg("--only").arg(std::env::var(ONLY_VARIABLE).as_deref().unwrap_or(only));
    run(command, cluster).assert_passed(cluster, true);
}

/// What a client says of its attempt to send to a topic and to consume from it with a group, as this user: `served`, or `refused` and why.
/// `None` where the language is missing.
///
/// # Panics
/// When it cannot be built or does not say.
pub fn secured_client(
    client: GrpcClient,
    cluster: &Cluster,
    (topic, group): (&str, &str),
    user: Option<(&str, &str)>,
) -> Option<String> {
    if !client.toolchain_available() {
        return None;
    }
    client.build();
    let mut command = match client {
        GrpcClient::Java => {
            let mut java = client.java_machine();
            java.arg("bolide.cases.Secured").arg(cluster.folder());
            java
        }
        GrpcClient::Python => PYTHON.program("secured"),
        GrpcClient::Go | GrpcClient::Node | GrpcClient::Rust => panic!("there is no such program for this client"),
    };
    command.arg(cluster.endpoint(ORDINARY)).arg(topic).arg(group);
    command.args(user.into_iter().flat_map(|(access_key, secret_key)| [access_key, secret_key]));
    Some(verdict(&mut command))
}

impl GrpcClient {
    /// The name of its folder, in `clients/` and among what is built.
    fn folder(self) -> &'static str {
        match self {
            Self::Java => "grpc-java",
            Self::Go => "grpc-go",
            Self::Python => PYTHON.folder,
            Self::Node => NODE.folder,
            Self::Rust => "grpc-rust",
        }
    }

    fn source(self) -> PathBuf {
        package_dir().join("clients").join(self.folder())
    }

    fn output(self) -> PathBuf {
        target_dir().join("clients").join(self.folder())
    }

    fn toolchain_available(self) -> bool {
        match self {
            Self::Java => toolchain::available("Java gRPC", &["java -version", "mvn -version"]),
            Self::Go => toolchain::available("Go gRPC", &["go version"]),
            Self::Python => PYTHON.available("Python gRPC"),
            Self::Node => NODE.available("Node gRPC"),
            // Cargo runs these tests.
            Self::Rust => true,
        }
    }

    fn build(self) {
        match self {
            Self::Java => {
                let mut maven = Command::new("mvn");
                maven.args(["-q", "-B", "-ntp", "compile"]).arg(format!("-Doutput={}", self.output().display()));
                finish(maven.current_dir(self.source()));
            }
            Self::Go => {
                let mut go = Command::new("go");
                go.args(["build", "-o"]).arg(self.output().join("cases")).arg(".");
                finish(go.current_dir(self.source()));
            }
            Self::Python => PYTHON.install(),
            Self::Node => NODE.install(),
            Self::Rust => {
                let mut cargo = cargo();
                cargo.args(["build", "--quiet", "--locked", "--target-dir"]).arg(self.output());
                finish(cargo.current_dir(self.source()));
            }
        }
    }

    fn java_machine(self) -> Command {
        let mut java = Command::new("java");
        // Many short clients: start-up counts, peak speed does not.
        java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        // Arguments may have any characters.
        java.env("LC_ALL", "C.UTF-8");
        java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", self.output().display()));
        java
    }

    fn program(self) -> Command {
        match self {
            Self::Java => {
                let mut java = self.java_machine();
                java.arg("bolide.cases.Main");
                java
            }
            Self::Go => Command::new(self.output().join("cases")),
            Self::Python => PYTHON.program("main"),
            Self::Node => NODE.program("main"),
            Self::Rust => Command::new(self.output().join("debug/cases")),
        }
    }

    fn command(self, cluster: &Cluster, work: &Path) -> Command {
        let mut command = self.program();
        let place = |(broker, address): (String, String)| format!("{broker}={address}/{}", cluster.endpoint(&broker));
        let brokers: Vec<String> = cluster.addresses().into_iter().map(place).collect();
        command.arg("cases").arg("--namesrv").arg(cluster.name_server()).arg("--brokers").arg(brokers.join(","));
        command.arg("--broker").arg(ORDINARY).arg("--restartable").arg(RESTARTABLE).arg("--work").arg(work);
        if apache_version().is_none() {
            // Apache's proxy forgets what it has handed out, and has no lite topics in local mode.
            command.arg("--pair").arg(PAIR.join(",")).args(["--durable", "yes", "--lite", "yes"]);
            match self {
                // Apache's proxy stores such bodies as they come.
                Self::Java => command.args(["--gzip", "yes"]),
                Self::Python => command.arg("--roots").arg(cluster.folder().join(CERTIFICATES).join("ca.pem")),
                Self::Go | Self::Node | Self::Rust => &mut command,
            };
        }
        if let Ok(only) = std::env::var(ONLY_VARIABLE) {
            command.arg("--only").arg(only);
        }
        command
    }
}
