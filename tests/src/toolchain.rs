//! Client toolchains that may be missing: a loud skip on a developer's machine, a failure where `CI` is set.

use std::process::{Command, Stdio};

/// Whether all these programs answer; each is a command line such as `go version`.
pub fn available(language: &str, probes: &[&str]) -> bool {
    let missing: Vec<&str> = probes.iter().copied().filter(|probe| !answers(probe)).collect();
    if missing.is_empty() {
        return true;
    }
    let message = format!(
        "the {language} clients cannot be tested: {} failed",
        missing.iter().map(|probe| format!("`{probe}`")).collect::<Vec<_>>().join(", ")
    );
    skip(&message);
    false
}

/// Says loudly that something is not tested. Where `CI` is set, it fails instead.
pub fn skip(message: &str) {
    assert!(std::env::var_os("CI").is_none(), "{message}, and CI is set");
    // Past the capture of the test runner, which shows a passing test's output to nobody.
    let line = format!("\n*** SKIPPED: {message}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

fn answers(probe: &str) -> bool {
    let mut words = probe.split(' ');
    let program = words.next().unwrap_or_default();
    let status =
        Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
