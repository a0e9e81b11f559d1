//! An API server behind TLS, with certificates made by `openssl` for the test.

use super::{Desk, api, says};
use crate::talk::{Talk, run};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

async fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split(' '));
    let output = run(&mut command).await;
    assert_eq!(
        output.code,
        Some(0),
        "openssl {arguments}: {}",
        output.stderr
    );
}

/// Makes an authority, `NAME-ca.pem`, and a certificate of it for `host`, valid for `days` from now.
async fn certify(folder: &Path, name: &str, host: &str, days: i32) {
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        folder,
        &format!(
            "req -x509 {curve} -keyout {name}-ca.key -out {name}-ca.pem -days 2 -subj /CN={name}"
        ),
    )
    .await;
    openssl(
        folder,
        &format!("req {curve} -keyout {name}.key -out {name}.csr -subj /CN=server"),
    )
    .await;
    let extensions =
        format!("subjectAltName={host}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n");
    std::fs::write(folder.join(format!("{name}.ext")), extensions).unwrap();
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {name}-ca.pem -CAkey {name}-ca.key -CAcreateserial -days {days} -extfile {name}.ext -out {name}.pem"
        ),
    )
    .await;
}

/// Puts TLS in front of `server`.
async fn front(folder: &Path, name: &str, server: SocketAddr) -> SocketAddr {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let chain = CertificateDer::pem_file_iter(file("pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us hangs up, which is the point.
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_is_accepted_for_its_name_from_its_authority_in_its_time_and_else_named() {
    let talk = Talk::start().await;
    let (api, token) = api(&talk);
    let (desk, token) = (Desk::new(), format!("token: {token}"));
    let folder = desk.0.path();
    for (name, host, days) in [
        ("good", "IP:127.0.0.1", 2),
        ("other", "DNS:other.example", 2),
        ("expired", "IP:127.0.0.1", -1),
    ] {
        certify(folder, name, host, days).await;
    }
    let authority = |name: &str| {
        let path = folder.join(format!("{name}-ca.pem"));
        format!(", certificate-authority: \"{}\"", path.display())
    };
    let server = |address: SocketAddr| format!("https://{address}");
    let good = server(front(folder, "good", api).await);
    let other = server(front(folder, "other", api).await);
    let expired = server(front(folder, "expired", api).await);

    let config = desk.config(&good, &authority("good"), &token);
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    let named = format!("{}, tls-server-name: other.example", authority("other"));
    let config = desk.config(&other, &named, &token);
    assert_eq!(desk.podium(&config, &["status"]).await.code, Some(0));

    for (server, authority, parts) in [
        (
            &good,
            authority("other"),
            [
                "UnknownIssuer",
                "its certificate is signed by nobody whom the kubeconfig trusts",
                "certificate-authority",
            ],
        ),
        (
            &other,
            authority("other"),
            [
                "other.example",
                "its certificate is for another host name",
                "tls-server-name",
            ],
        ),
        (
            &expired,
            authority("expired"),
            ["expired", "its certificate has expired", "clock"],
        ),
        (
            &server(api),
            authority("good"),
            [
                "InvalidContentType",
                "it does not speak TLS there",
                "http://",
            ],
        ),
        (
            &good.replace("https", "http"),
            String::new(),
            ["HTTP", "it does not speak HTTP there", "https://"],
        ),
    ] {
        let config = desk.config(server, &authority, &token);
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), &parts);
    }
}
