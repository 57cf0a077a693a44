//! The application of Spring Boot in `clients/spring`.

use std::process::Command;

use crate::binaries::target_dir;
use crate::clients::{finish, maven, verdict};
use crate::cluster::Cluster;

/// What the application says of its attempt to send to a topic, in all ways, and to listen to it, as this user: `served`, or `refused` and why.
///
/// # Panics
/// When it cannot be built or does not say.
pub fn application(cluster: &Cluster, topic: &str, user: Option<(&str, &str)>) -> String {
    let output = target_dir().join("clients/spring");
    finish(&mut maven("clients/spring", &output));
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
    java.arg(format!("{0}/classes:{0}/lib/*", output.display())).arg("bolide.cases.Application");
    java.arg(cluster.folder()).arg(cluster.name_server()).arg(topic);
    java.args(user.into_iter().flat_map(|(access_key, secret_key)| [access_key, secret_key]));
    verdict(&mut java)
}
