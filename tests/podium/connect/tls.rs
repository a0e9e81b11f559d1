//! An API server behind TLS, with certificates made by `openssl` for the test.

use super::kubeconfig::plugin;
use super::{Desk, api, says};
use crate::talk::{Talk, run};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

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
    let extensions = format!(
        "subjectAltName={host}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n"
    );
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
    front_for(folder, name, server, None).await
}

/// The same, for clients with a certificate of the authority `clients` alone.
async fn front_for(
    folder: &Path,
    name: &str,
    server: SocketAddr,
    clients: Option<&str>,
) -> SocketAddr {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let chain = CertificateDer::pem_file_iter(file("pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let provider = Arc::new(ring::default_provider());
    let known = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let file = folder.join(format!("{authority}-ca.pem"));
            roots
                .add(CertificateDer::from_pem_file(file).unwrap())
                .unwrap();
            let asked = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
            asked.build().unwrap()
        }
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(known)
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

#[tokio::test]
async fn a_certificate_of_ones_own_comes_from_the_kubeconfig_or_its_program_and_is_missed_where_asked_for()
 {
    let talk = Talk::start().await;
    let (api, token) = api(&talk);
    let desk = Desk::new();
    let folder = desk.folder();
    certify(folder, "server", "IP:127.0.0.1", 2).await;
    certify(folder, "client", "DNS:client.example", 2).await;
    let server = front_for(folder, "server", api, Some("client")).await;
    let server = format!("https://{server}");
    let path = |file: &str| folder.join(file).display().to_string();
    let authority = format!(", certificate-authority: \"{}\"", path("server-ca.pem"));

    let without = desk.config(&server, &authority, &format!("token: {token}"));
    let output = desk.podium(&without, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &[
            "cannot reach the Kubernetes API at",
            "fatal alert",
            "the server ended the TLS handshake",
        ],
    );

    let own = format!(
        "token: {token}, client-certificate: \"{}\", client-key: \"{}\"",
        path("client.pem"),
        path("client.key")
    );
    let config = desk.config(&server, &authority, &own);
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");

    let brought = format!(
        "cd \"$(dirname \"$0\")\"\npem() {{ awk '{{printf \"%s\\\\n\", $0}}' \"$1\"; }}\n\
         printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{{\"token\":\"{token}\",\"clientCertificateData\":\"%s\",\"clientKeyData\":\"%s\"}}}}' \
         \"$(pem client.pem)\" \"$(pem client.key)\""
    );
    let config = desk.config(&server, &authority, &plugin(&desk, &brought));
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
}
