//! Programs of `clients/` in languages that need no compiler: their clients' packages are installed among what is built, so that nothing
//! comes to lie beside the sources.

use std::path::PathBuf;
use std::process::Command;

use crate::binaries::{package_dir, target_dir};
use crate::clients::finish;
use crate::toolchain;

/// A language whose programs run as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    Node,
}

/// A folder of `clients/` and its language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) language: Language,
    pub(crate) folder: &'static str,
}

impl Script {
    /// Whether the language is there; `client` is for whoever reads that it is not.
    pub(crate) fn available(self, client: &str) -> bool {
        match self.language {
            Language::Python => {
                toolchain::available(client, &["python3 -m venv --help", "python3 -m ensurepip --version"])
            }
            Language::Node => toolchain::available(client, &["node --version", "npm --version"]),
        }
    }

    /// Installs the packages, unless those that are there were made from the same requirements.
    pub(crate) fn install(self) {
        let wanted = std::fs::read_to_string(self.requirements()).unwrap();
        let installed = self.output().join("installed.txt");
        if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return;
        }
        match self.language {
            Language::Python => self.install_python(),
            Language::Node => self.install_node(),
        }
        std::fs::write(installed, wanted).unwrap();
    }

    /// One of its files, ready for arguments.
    pub(crate) fn program(self, name: &str) -> Command {
        match self.language {
            Language::Python => {
                let mut python = Command::new(self.output().join("bin/python"));
                // Nothing compiled beside the sources.
                python.arg("-B").env("LC_ALL", "C.UTF-8");
                python.arg(self.source().join(name).with_extension("py"));
                python
            }
            Language::Node => {
                let mut node = Command::new("node");
                node.arg(self.source().join(name).with_extension("js"));
                node.env("NODE_PATH", self.output().join("node_modules"));
                node
            }
        }
    }

    fn source(self) -> PathBuf {
        package_dir().join("clients").join(self.folder)
    }

    fn output(self) -> PathBuf {
        target_dir().join("clients").join(self.folder)
    }

    /// The file that names the packages.
    fn requirements(self) -> PathBuf {
        self.source().join(if self.language == Language::Python { "requirements.txt" } else { "package.json" })
    }

    /// Makes a virtual environment with the client in it.
    fn install_python(self) {
        finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(self.output()));
        let mut pip = Command::new(self.output().join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(self.requirements());
        finish(&mut pip);
    }

    fn install_node(self) {
        let output = self.output();
        std::fs::create_dir_all(&output).unwrap();
        std::fs::copy(self.requirements(), output.join("package.json")).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
        finish(npm.current_dir(output));
    }
}
