//! A Kamailio of our own: registrar and proxy for `carrier.example`, whose users all have the password `secret`.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
};

use waihu_trunk::{Hop, Transport};

/// Whom it lets in over TLS.
#[derive(Clone, Copy)]
pub enum Certificates {
    /// Whoever comes.
    Optional,
    /// Those who show one of its authority.
    Demanded,
}

/// One that runs, with UDP, TCP and WebSocket on one port, and TLS and WebSocket within it on the next.
pub struct Kamailio {
    child: Child,
    port: u16,
}

impl Kamailio {
    /// With the certificates that were made in `folder`. It needs a moment before it answers.
    pub fn start(folder: &Path, certificates: Certificates) -> Self {
        let port = loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            if port < u16::MAX && is_free(port) && is_free(port + 1) {
                break port;
            }
        };
        let configuration = folder.join("kamailio.cfg");
        fs::write(&configuration, include_str!("registrar.cfg")).unwrap();
        let define = |name: &str, value: String| ["-A".to_owned(), format!("{name}={value}")];
        let file = |name: &str| format!("{:?}", folder.join(name).display().to_string());
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(configuration)
            .args(define("UDP_PORT", format!("udp:127.0.0.1:{port}")))
            .args(define("TCP_PORT", format!("tcp:127.0.0.1:{port}")))
            .args(define("TLS_PORT", format!("tls:127.0.0.1:{}", port + 1)))
            .args(define("CERTIFICATE", file("own.pem")))
            .args(define("KEY", file("own.key")))
            .args(define("AUTHORITY", file("ca.pem")))
            .args(define("DEMANDED", u8::from(matches!(certificates, Certificates::Demanded)).to_string()))
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("kamailio is missing: .ci/setup --with-peers installs it");
        Self { child, port }
    }

    /// How it is reached.
    pub fn by(&self, transport: Transport) -> Hop {
        Hop::new(transport, (Ipv4Addr::LOCALHOST, self.port + u16::from(transport.is_secure())).into())
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its first process ends the others.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
