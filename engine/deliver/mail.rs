//! Mail: where it is handed in (`[mail]` of `waihu.toml`), and what it looks like.
//!
//! A message is a page and a table, both in base64: no line of theirs can be taken for a command, and none is too long.

mod smtp;

use std::{fmt::Write, path::PathBuf, str::FromStr};

use serde::Deserialize;
use waihu_types::base64;

use crate::{Secret, retry::Untaken};

/// The longest address [bytes] (RFC 5321, 4.5.3.1.3, less its brackets).
const MAX_ADDRESS: usize = 254;
/// What a word of a header holds before it is encoded [bytes].
const WORD: usize = 45;
/// Letters of base64 in a line (RFC 2045, 6.8).
const LINE: usize = 76;

/// An address of mail, in ASCII: names are not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |part: &str, more: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        // What RFC 5322 has beside this (quoted words, comments) nobody has in an address.
        let right = text.split_once('@').is_some_and(|(local, domain)| {
            plain(local, ".!#$%&'*+/=?^_`{|}~-") && plain(domain, ".-") && text.len() <= MAX_ADDRESS
        });
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err("an address as ops@bank.example is expected 邮箱地址有误".to_owned())
        }
    }
}

/// It is somebody's.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// How the line to a mail server is enciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encipher {
    /// From the first byte (RFC 8314).
    Tls,
    /// By STARTTLS, which has to be there (RFC 3207).
    Starttls,
    /// Not at all: on this machine alone.
    Off,
}

/// `[mail]` of `waihu.toml`: where mail is handed in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct MailServer {
    host: String,
    port: u16,
    encipher: Encipher,
    from: Address,
    login: Option<(String, Secret)>,
    /// A certificate that is trusted beside the system's.
    ca: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    host: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default = "starttls")]
    encipher: Encipher,
    from: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    ca: Option<PathBuf>,
}

fn starttls() -> Encipher {
    Encipher::Starttls
}

impl TryFrom<Table> for MailServer {
    type Error = String;

    fn try_from(t: Table) -> Result<Self, String> {
        let from = t.from.parse::<Address>().map_err(|e| format!("from: {e}"))?;
        let password = Secret::of("password", t.password_file, t.password_env)?;
        let login = match (t.user, password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => return Err("user and password_file (or password_env) go together 须同时给出".to_owned()),
        };
        let own = matches!(t.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if t.encipher == Encipher::Off && (!own || login.is_some()) {
            return Err(
                "encipher = \"off\" is for a server on this machine, without a password 仅限本机且无口令"
                    .to_owned(),
            );
        }
        let port = t.port.unwrap_or(match t.encipher {
            Encipher::Tls => 465,
            Encipher::Starttls => 587,
            Encipher::Off => 25,
        });
        Ok(Self { host: t.host, port, encipher: t.encipher, from, login, ca: t.ca })
    }
}

/// A mail with a page and a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail<'a> {
    /// The same for a repeat: by it a receiver knows one.
    pub(crate) id: &'a str,
    pub(crate) to: &'a [Address],
    pub(crate) subject: &'a str,
    pub(crate) html: &'a str,
    /// The table's name, in letters, digits, `-_.`, and its text.
    pub(crate) csv: (&'a str, &'a str),
    /// When it was made, as RFC 5322 has it.
    pub(crate) date: &'a str,
}

impl MailServer {
    /// Hands a mail in.
    pub(crate) async fn send(&self, mail: &Mail<'_>) -> Result<(), Untaken> {
        smtp::hand_in(self, mail.to, &self.message(mail)).await
    }

    /// The message (RFC 5322, 2045), its lines ended as on the wire.
    fn message(&self, mail: &Mail<'_>) -> String {
        let boundary = format!("waihu-{}", mail.id);
        let to: Vec<&str> = mail.to.iter().map(|to| to.0.as_str()).collect();
        let subject = words(mail.subject);
        let (name, table) = mail.csv;
        let mut text = format!(
            "From: {}\r\nTo: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\nSubject: {subject}\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n",
            self.from.0,
            to.join(",\r\n "),
            mail.date,
            mail.id,
            self.from.domain(),
        );
        let parts = [
            ("text/html; charset=utf-8", String::new(), mail.html),
            (
                "text/csv; charset=utf-8",
                format!("Content-Disposition: attachment; filename=\"{name}\"\r\n"),
                table,
            ),
        ];
        for (kind, more, body) in parts {
            let _ = write!(
                text,
                "--{boundary}\r\nContent-Type: {kind}\r\n{more}Content-Transfer-Encoding: base64\r\n\r\n"
            );
            let letters = base64::encode(body.as_bytes());
            // Letters of base64 are ASCII: any place is between two.
            for line in letters.as_bytes().chunks(LINE) {
                text.push_str(&String::from_utf8_lossy(line));
                text.push_str("\r\n");
            }
        }
        let _ = write!(text, "--{boundary}--\r\n");
        text
    }
}

/// A text as words of a header (RFC 2047), each within its 75 letters.
fn words(text: &str) -> String {
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match parts.last_mut() {
            Some(part) if part.len() + c.len_utf8() <= WORD => part.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    let encoded = parts.iter().map(|part| format!("=?utf-8?B?{}?=", base64::encode(part.as_bytes())));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_place_for_commands() {
        for odd in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT TO:<x@y>", "<a@b>", "a@b,c@d", "李@b"]
        {
            assert!(odd.parse::<Address>().is_err(), "{odd:?}");
        }
        let right: Address = "ops+waihu@mail.bank-1.example".parse().unwrap();
        assert_eq!((right.domain(), format!("{right:?}").as_str()), ("mail.bank-1.example", "Address(…)"));
    }

    #[test]
    fn no_line_of_a_message_is_long_or_a_dot() {
        let server: MailServer =
            toml::from_str("host = \"localhost\"\nencipher = \"off\"\nfrom = \"a@b.example\"").unwrap();
        let to: Vec<Address> = (0..50).map(|n| format!("person-{n}@bank.example").parse().unwrap()).collect();
        let html = ".\r\n".repeat(2_000);
        let mail = Mail {
            id: "x",
            to: &to,
            subject: "报表 \r\nBcc: x",
            html: &html,
            csv: ("a.csv", "a,b"),
            date: "d",
        };
        let message = server.message(&mail);
        assert!(message.lines().all(|line| line.len() <= 998 && line != "." && !line.starts_with("Bcc")));
        assert!(message.contains("filename=\"a.csv\"") && message.ends_with("--waihu-x--\r\n"));
    }
}
