//! What every file of the repository keeps to: the direction of dependencies, where unsafe code may be, sizes, openings and leftovers.
//! The rules are those of ARCHITECTURE.md that a test can check.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_FILE_LINES: usize = 800;
const MAX_SERVER_LINES: usize = 50_000;
const MAX_TOOL_LINES: usize = 6_500;
const MAX_SERVER_CRATES: usize = 130;
/// What the servers are made of, but for the tools among it.
const SERVER_FOLDERS: [&str; 5] = ["proto", "remoting", "store", "namesrv", "broker"];
/// `mqadmin` and `mqstore`, of which no server contains anything.
const TOOLS: [&str; 4] = ["admin/src/", "store/src/tool.rs", "store/src/tool/", "store/src/bin/"];
/// Each package and the packages of ours that it may depend on, beside for its tests.
const MAY_SEE: [(&str, &[&str]); 6] = [
    ("proto", &[]),
    ("remoting", &[]),
    ("store", &[]),
    ("namesrv", &["remoting"]),
    ("broker", &["proto", "remoting", "store", "namesrv"]),
    ("admin", &["remoting"]),
];
const MAY_BE_UNSAFE: &str = "store/src/mapping.rs";
const NOT_OURS: [&str; 5] = [".git", "target", "data", "node_modules", "__pycache__"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_owned()
}

/// One text file: its path from the root on, and what is in it.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Unit tests beside the code, and the disk that only they use.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("store/src/disk/fake")
    }

    /// This file has to name what it forbids.
    fn is_this(&self) -> bool {
        self.path == "tests/tests/tidy.rs"
    }

    fn is_of_a_tool(&self) -> bool {
        TOOLS.iter().any(|place| self.path.starts_with(place))
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with("/src/"))
    }

    /// The numbered lines outside comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if NOT_OURS.contains(&entry.file_name().to_str().unwrap_or_default()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "the repository has more files than {}", sources.len());
    sources
}

/// Fails with one line for each violation.
fn expect_none(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}:\n{}", violations.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    let mut violations = Vec::new();
    for (package, may_see) in MAY_SEE {
        let Ok(manifest) = fs::read_to_string(root().join(package).join("Cargo.toml")) else {
            continue;
        };
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let Some(name) = line.strip_prefix("bolide-").and_then(|rest| rest.split(['.', ' ', '=']).next()) else {
                continue;
            };
            if section == "[dependencies]" && !may_see.contains(&name) {
                violations.push(format!("{package} depends on {name}"));
            }
        }
    }
    for source in sources().iter().filter(|source| source.is_in("broker") && source.path != "broker/src/main.rs") {
        if source.text.contains("bolide_namesrv") {
            violations.push(format!("{}: only the binary may see the name server", source.path));
        }
    }
    for source in sources().iter().filter(|source| source.is_in("store")) {
        if source.code().any(|(_, line)| line.contains("tokio")) {
            violations.push(format!("{}: the store knows no async runtime", source.path));
        }
    }
    expect_none("dependencies point one way", violations);
}

#[test]
fn unsafe_code_is_in_one_file() {
    let forms = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait", "allow(unsafe_code)"];
    let mut violations = Vec::new();
    for source in
        sources().iter().filter(|source| source.is_rust() && !source.is_this() && source.path != MAY_BE_UNSAFE)
    {
        for (number, line) in source.code().filter(|(_, line)| forms.iter().any(|form| line.contains(form))) {
            violations.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    // The module's owner has to lift the workspace's ban for it.
    violations
        .retain(|violation| !(violation.starts_with("store/src/lib.rs:") && violation.contains("allow(unsafe_code)")));
    expect_none(&format!("unsafe code is in {MAY_BE_UNSAFE} only"), violations);
}

#[test]
fn files_fit_a_head() {
    let checked = [".rs", ".java", ".go", ".py", ".md"];
    let too_long = |source: &&Source| {
        checked.iter().any(|ending| source.path.ends_with(ending)) && source.text.lines().count() > MAX_FILE_LINES
    };
    let all = sources();
    let violations = all
        .iter()
        .filter(too_long)
        .map(|source| format!("{}: {} lines", source.path, source.text.lines().count()))
        .collect();
    expect_none(&format!("no file is longer than {MAX_FILE_LINES} lines"), violations);
    let lines_of = |is_counted: &dyn Fn(&Source) -> bool| -> usize {
        let counted = all.iter().filter(|source| source.is_rust() && !source.is_test() && is_counted(source));
        counted.map(|source| source.text.lines().count()).sum()
    };
    let tools = lines_of(&Source::is_of_a_tool);
    let is_of_a_server = |source: &Source| SERVER_FOLDERS.iter().any(|folder| source.is_in(folder));
    let servers = lines_of(&|source| is_of_a_server(source) && !source.is_of_a_tool());
    assert!(tools < MAX_TOOL_LINES, "the tools have {tools} lines, the limit is {MAX_TOOL_LINES}");
    assert!(servers < MAX_SERVER_LINES, "the servers have {servers} lines, the limit is {MAX_SERVER_LINES}");
}

#[test]
fn every_module_says_what_it_is() {
    let silent =
        |source: &&Source| source.is_rust() && !source.path.ends_with("/tests.rs") && !source.text.starts_with("//!");
    let violations = sources().iter().filter(silent).map(|source| source.path.clone()).collect();
    expect_none("every module opens with //!", violations);
}

#[test]
fn nothing_is_left_over() {
    let leftovers = ["todo!", "unimplemented!", "dbg!(", "FIXME", "TODO", "HACK"];
    let mut violations = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !source.is_this() && !source.path.ends_with(".lock") && !source.path.ends_with(".jsonl"))
    {
        for (index, line) in source.text.lines().enumerate() {
            if leftovers.iter().any(|leftover| line.contains(leftover)) {
                violations.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    expect_none("nothing is left for later", violations);
}

#[test]
fn no_file_knows_this_machine() {
    // In two parts each, so that this file does not name them either.
    let foreign = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["../sh", "ared"],
        [".m", "2/"],
        ["crates", ".io/"],
        ["repo", ".maven"],
        ["repo1", ".maven"],
        ["proxy", ".golang"],
        ["registry", ".npmjs"],
        ["pypi", ".org"],
    ]
    .map(|parts| parts.concat());
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| !source.path.ends_with("Cargo.lock")) {
        for (index, line) in source.text.lines().enumerate() {
            if let Some(word) = foreign.iter().find(|word| line.contains(word.as_str())) {
                violations.push(format!("{}:{}: {word}", source.path, index + 1));
            }
        }
    }
    expect_none("no path of a machine and no registry is in the tree", violations);
}

#[test]
fn the_servers_are_made_of_few_crates() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "-p",
            "bolide-broker",
            "-p",
            "bolide-namesrv",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split(" (").next()).filter(|line| !line.is_empty()).collect();
    assert!(crates.len() > 10, "cargo lists the crates: {text}");
    assert!(
        crates.len() < MAX_SERVER_CRATES,
        "the servers are made of {} crates, the limit is {MAX_SERVER_CRATES}",
        crates.len()
    );
}
