//! Somebody who issues certificates, into PEM files that servers and clients of any language read.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority, with its own certificate in `ca.pem` of its folder.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority that writes into this folder, which is created.
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A name of its own: what is named like its issuer is taken for self-signed.
        params.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        write(&folder.join("ca.pem"), "CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) }
    }

    /// Issues a certificate: `name`.pem, with its key in `name`.key.
    pub fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        write(&self.folder.join(format!("{name}.pem")), "CERTIFICATE", certificate.der());
        write(&self.folder.join(format!("{name}.key")), "PRIVATE KEY", &key.serialize_der());
    }

    /// The path of one of the files.
    pub fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}

fn write(path: &Path, label: &str, der: &[u8]) {
    let lines: Vec<String> =
        STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    std::fs::write(path, format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))).unwrap();
}
