use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::server::{Server, ServerOptions};
use crate::service::{Reply, Request, Service};
use crate::{Client, ClientOptions, RequestCode, ResponseCode};

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers with the body of the request.
struct Echo;

impl Service for Echo {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        reply.ok_body(&(), Bytes::copy_from_slice(request.body));
    }
}

/// Somebody who issues certificates, into files of a folder of their own.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), pem("CERTIFICATE", own.der())).unwrap();
        let authority = Self { folder, issuer: Issuer::new(params, key) };
        authority.issue("server");
        authority.issue("client");
        authority
    }

    /// Writes `name`.pem and `name`.key.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.pem")), pem("CERTIFICATE", certificate.der())).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.key")), pem("PRIVATE KEY", &key.serialize_der()))
            .unwrap();
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    fn server(&self) -> TlsSettings {
        TlsSettings {
            test_mode_enable: false,
            server_cert_path: self.path("server.pem"),
            server_key_path: self.path("server.key"),
            ..TlsSettings::default()
        }
    }

    /// Trusts the servers of this authority, and shows no certificate.
    fn trusting_client(&self) -> TlsSettings {
        TlsSettings {
            test_mode_enable: false,
            client_auth_server: true,
            client_trust_cert_path: self.path("ca.pem"),
            ..TlsSettings::default()
        }
    }

    /// Trusts every server, and shows a certificate of this authority.
    fn known_client(&self) -> TlsSettings {
        TlsSettings {
            test_mode_enable: false,
            client_cert_path: self.path("client.pem"),
            client_key_path: self.path("client.key"),
            ..TlsSettings::default()
        }
    }
}

fn serve(tls: Option<Arc<ServerTls>>) -> Server {
    let options = ServerOptions { tls, ..ServerOptions::default() };
    Server::bind(&["127.0.0.1:0".parse().unwrap()], options, Arc::new(Echo)).unwrap()
}

fn open(mode: TlsMode, settings: TlsSettings) -> Option<Arc<ServerTls>> {
    ServerTls::open(mode, settings).unwrap()
}

fn secured(settings: &TlsSettings) -> Option<Arc<ClientTls>> {
    Some(ClientTls::open(settings).unwrap())
}

/// Does a client get its answer? A server may also turn it away after the handshake that the client takes for finished.
async fn is_served(server: &Server, tls: Option<Arc<ClientTls>>, body: &[u8]) -> bool {
    let options = ClientOptions { tls, connect_timeout: PATIENCE, ..ClientOptions::default() };
    let Ok(client) = Client::connect(&server.local_addr().to_string(), options, Arc::new(())).await else {
        return false;
    };
    match client.request(RequestCode(1), &(), Bytes::copy_from_slice(body), PATIENCE).await {
        Ok(answer) => {
            assert_eq!((answer.code, &answer.body[..]), (ResponseCode::SUCCESS, body));
            true
        }
        Err(error) => {
            assert!(matches!(error, crate::CallError::Closed { .. }), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn each_mode_serves_what_it_says() {
    let anyone = || secured(&TlsSettings::default());
    for (mode, plain, tls) in
        [(TlsMode::Disabled, true, false), (TlsMode::Permissive, true, true), (TlsMode::Enforcing, false, true)]
    {
        let server = serve(open(mode, TlsSettings::default()));
        assert_eq!(is_served(&server, None, b"plain").await, plain, "{mode:?}");
        assert_eq!(is_served(&server, anyone(), b"secured").await, tls, "{mode:?}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_client_may_insist_on_a_trusted_server() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = serve(open(TlsMode::Enforcing, ours.server()));
    assert!(is_served(&server, secured(&ours.trusting_client()), b"").await);
    assert!(!is_served(&server, secured(&theirs.trusting_client()), b"").await);
    assert!(is_served(&server, secured(&TlsSettings::default()), b"").await, "in test mode every server is trusted");
}

#[tokio::test]
async fn a_server_may_insist_on_certificates() {
    use ClientCertificates::{None as Unasked, Optional, Require};
    let (ours, theirs) = (Authority::new(), Authority::new());
    // Asked for, checked; whether a client without, with a foreign and with a known certificate is served.
    for (asked, checked, without, foreign, known) in [
        (Unasked, true, true, true, true),
        (Optional, false, true, true, true),
        (Optional, true, true, false, true),
        (Require, false, false, true, true),
        (Require, true, false, false, true),
    ] {
        let settings = TlsSettings {
            server_need_client_auth: asked,
            server_auth_client: checked,
            server_trust_cert_path: ours.path("ca.pem"),
            ..ours.server()
        };
        let server = serve(open(TlsMode::Permissive, settings));
        let case = format!("{asked:?}, checked: {checked}");
        assert_eq!(is_served(&server, secured(&ours.trusting_client()), b"").await, without, "none; {case}");
        assert_eq!(is_served(&server, secured(&theirs.known_client()), b"").await, foreign, "foreign; {case}");
        assert_eq!(is_served(&server, secured(&ours.known_client()), b"").await, known, "known; {case}");
    }
}

#[tokio::test]
async fn new_certificates_are_taken_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let tls = open(TlsMode::Enforcing, old.server()).unwrap();
    // A server looks by itself, too: so it begins when it has been seen what a look says.
    assert!(!tls.reload().unwrap());

    std::fs::copy(new.path("server.pem"), old.path("server.pem")).unwrap();
    assert!(tls.reload().is_err(), "a certificate with another one's key");
    assert!(!tls.reload().unwrap(), "it was said once");
    let server = serve(Some(tls.clone()));
    assert!(is_served(&server, secured(&old.trusting_client()), b"").await, "what was in use stays");

    std::fs::copy(new.path("server.key"), old.path("server.key")).unwrap();
    // Whoever comes first takes them.
    tls.reload().unwrap();
    assert!(is_served(&server, secured(&new.trusting_client()), b"").await);
    assert!(!is_served(&server, secured(&old.trusting_client()), b"").await);
}

#[tokio::test]
async fn large_bodies_pass_whole() {
    let server = serve(open(TlsMode::Enforcing, TlsSettings::default()));
    let body: Vec<u8> = (0..1_500_000_u32).map(|number| (number % 251) as u8).collect();
    let client = || is_served(&server, secured(&TlsSettings::default()), &body);
    assert_eq!(tokio::join!(client(), client(), client()), (true, true, true));
    server.shutdown().await;
}

#[tokio::test]
async fn a_silent_client_does_not_hold_a_server_up() {
    let server = serve(open(TlsMode::Permissive, TlsSettings::default()));
    let silent = TcpStream::connect(server.local_addr()).await.unwrap();
    let begun = TcpStream::connect(server.local_addr()).await.unwrap();
    assert_eq!(begun.try_write(&[HANDSHAKE]).unwrap(), 1);
    assert!(is_served(&server, None, b"").await);
    tokio::time::timeout(PATIENCE, server.shutdown()).await.unwrap();
    drop((silent, begun));
}

fn complaint<T>(result: Result<T, TlsError>) -> String {
    result.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn a_wrong_setting_has_one_clear_line() {
    let authority = Authority::new();
    let server = |settings| complaint(ServerTls::open(TlsMode::Permissive, settings));
    let with = |change: fn(&mut TlsSettings)| {
        let mut settings = authority.server();
        change(&mut settings);
        server(settings)
    };
    assert_eq!(
        with(|settings| settings.server_key_path.clear()),
        "tls.server.keyPath is not set, but tls.test.mode.enable=false asks for it"
    );
    assert_eq!(
        with(|settings| {
            settings.server_need_client_auth = ClientCertificates::Require;
            settings.server_auth_client = true;
        }),
        "tls.server.trustCertPath is not set, but tls.server.authClient=true asks for it"
    );
    assert_eq!(
        with(|settings| settings.protocols = "TLSv1.1".to_owned()),
        "tls.protocols has \"TLSv1.1\", but what is known here is TLSv1.2, TLSv1.3"
    );
    let unknown = with(|settings| settings.ciphers = "TLS_AES_128_GCM_SHA256,NULL".to_owned());
    assert!(unknown.starts_with("tls.ciphers has \"NULL\", but what is known here is TLS_"), "{unknown}");
    let missing = with(|settings| settings.server_cert_path = "/no/such/file".to_owned());
    assert!(missing.starts_with("tls.server.certPath=/no/such/file: "), "{missing}");
    let swapped = TlsSettings { server_key_path: authority.path("server.pem"), ..authority.server() };
    assert!(server(swapped).starts_with("tls.server.keyPath="));
    assert_eq!(
        complaint(ClientTls::open(&TlsSettings {
            client_trust_cert_path: String::new(),
            ..authority.trusting_client()
        })),
        "tls.client.trustCertPath is not set, but tls.client.authServer=true asks for it"
    );
}

#[tokio::test]
async fn ciphers_and_versions_are_narrowed() {
    let narrow = |versions: &str, ciphers: &str| TlsSettings {
        protocols: versions.to_owned(),
        ciphers: ciphers.to_owned(),
        ..TlsSettings::default()
    };
    let server = serve(open(TlsMode::Enforcing, narrow("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")));
    assert!(is_served(&server, secured(&TlsSettings::default()), b"").await);
    assert!(!is_served(&server, secured(&narrow("TLSv1.3", "")), b"").await);
    let other = narrow("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert!(!is_served(&server, secured(&other), b"").await);
}

#[test]
fn the_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tls.properties");
    let text = "tls.test.mode.enable=false\ntls.server.need.client.auth=require\ntls.server.keyPath=/k\ntls.server.mode=enforcing\n";
    std::fs::write(&path, text).unwrap();
    let (settings, warnings) = TlsSettings::read(path.to_str().unwrap()).unwrap();
    let expected = TlsSettings {
        test_mode_enable: false,
        server_need_client_auth: ClientCertificates::Require,
        server_key_path: "/k".to_owned(),
        ..TlsSettings::default()
    };
    assert_eq!((settings, warnings.len()), (expected, 1));

    std::fs::write(&path, "tls.server.keyPassword=secret\n").unwrap();
    let refused = complaint(TlsSettings::read(path.to_str().unwrap()));
    assert!(refused.contains("encrypted keys are not read"), "{refused}");
    assert!(complaint(TlsSettings::read("/no/such/file")).starts_with("tls.config.file=/no/such/file: "));
    assert!(!must_exist(Path::new(DEFAULT_TLS_FILE)));
}
