//! `[sms]` of `waihu.toml`: the gateway through which text messages leave.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::{
    Secret,
    config::{safe, seconds, within},
};

/// Messages a second, where nothing is said: what a small account at most carriers may send.
const USUAL_PER_SECOND: u32 = 10;
/// The most.
const MOST_PER_SECOND: u32 = 1_000;
/// How old a follow-up may become before it is sent, where nothing is said [h]: what was to follow a call by
/// text says nothing sensible any more after the weekend.
const USUAL_TOO_OLD_H: u32 = 72;
/// The oldest [h]: two weeks.
const MOST_TOO_OLD_H: u32 = 14 * 24;
const USUAL_TIMEOUT_S: u32 = 10;
const MOST_TIMEOUT_S: u32 = 60;

/// How text messages are sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Sms {
    /// The profile of `compliance/` whose `[sms]` they are sent under.
    pub compliance: String,
    /// At most so many a second.
    pub per_second: u32,
    /// A follow-up older than this is not sent any more.
    pub too_old: Duration,
    /// Through which gateway.
    pub gateway: SmsGateway,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmsGateway {
    /// One that takes JSON over HTTP.
    Http(HttpGateway),
    /// A message centre that speaks SMPP 3.4.
    Smpp(SmppGateway),
}

/// A gateway that takes JSON over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGateway {
    /// The address.
    pub url: String,
    /// Sent as `Authorization: Bearer …`; none sends no such header.
    pub token: Option<Secret>,
    /// The body; `{number}`, `{text}` and `{message}` (our id) in its texts are filled in.
    pub body: serde_json::Value,
    /// Where the answer has the gateway's id, as `data.id`; none where it has none.
    pub id: Option<String>,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// A message centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmppGateway {
    /// `smpp://host:2775` or `smpps://…`.
    pub url: String,
    /// The account.
    pub system_id: String,
    /// Its password; none binds without one.
    pub password: Option<Secret>,
    /// The kind of account, where the centre asks for one.
    pub system_type: String,
    /// From whom messages come: a number or up to 11 letters.
    pub source: String,
    /// How long messages are sent.
    pub long: LongText,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often the line is tried where nothing else is said.
    pub enquire_link: Duration,
}

/// How a message that is too long for one is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongText {
    /// In parts, with a user data header each.
    #[default]
    Udh,
    /// Whole, in the parameter `message_payload`; the centre cuts it.
    Payload,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Table {
    Http(HttpTable),
    Smpp(SmppTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTable {
    compliance: String,
    #[serde(default = "usual_per_second")]
    per_second: u32,
    #[serde(default = "usual_too_old")]
    too_old_h: u32,
    url: String,
    #[serde(default)]
    token_file: Option<PathBuf>,
    #[serde(default)]
    token_env: Option<String>,
    body: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default = "usual_timeout")]
    timeout_s: u32,
    #[serde(default)]
    plain_http: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SmppTable {
    compliance: String,
    #[serde(default = "usual_per_second")]
    per_second: u32,
    #[serde(default = "usual_too_old")]
    too_old_h: u32,
    url: String,
    system_id: String,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    system_type: String,
    source: String,
    #[serde(default)]
    long: LongText,
    #[serde(default = "usual_timeout")]
    timeout_s: u32,
    #[serde(default = "usual_enquire_link")]
    enquire_link_s: u32,
    #[serde(default)]
    plain_smpp: bool,
}

fn usual_per_second() -> u32 {
    USUAL_PER_SECOND
}
fn usual_too_old() -> u32 {
    USUAL_TOO_OLD_H
}
fn usual_timeout() -> u32 {
    USUAL_TIMEOUT_S
}
fn usual_enquire_link() -> u32 {
    30
}

impl TryFrom<Table> for Sms {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        match table {
            Table::Http(t) => Ok(Self {
                per_second: within("per_second", t.per_second, MOST_PER_SECOND)?,
                too_old: seconds("too_old_h", t.too_old_h, MOST_TOO_OLD_H)? * 3_600,
                compliance: t.compliance.clone(),
                gateway: SmsGateway::Http(http(t)?),
            }),
            Table::Smpp(t) => Ok(Self {
                per_second: within("per_second", t.per_second, MOST_PER_SECOND)?,
                too_old: seconds("too_old_h", t.too_old_h, MOST_TOO_OLD_H)? * 3_600,
                compliance: t.compliance.clone(),
                gateway: SmsGateway::Smpp(smpp(t)?),
            }),
        }
    }
}

fn http(t: HttpTable) -> Result<HttpGateway, String> {
    let address = reqwest::Url::parse(&t.url).map_err(|e| format!("url: {e} 网址有误"))?;
    if !safe(&address) && !t.plain_http {
        return Err("url: numbers and texts over an open line: write https, or plain_http = true where the line is your own 须用 https".to_owned());
    }
    let body = serde_json::to_value(&t.body).map_err(|e| e.to_string())?;
    let written = body.to_string();
    for needed in ["{number}", "{text}"] {
        if !written.contains(needed) {
            return Err(format!(
                "body: {needed} stands nowhere in it, as body = {{ to = \"{{number}}\", text = \"{{text}}\" }} 缺少 {needed}"
            ));
        }
    }
    Ok(HttpGateway {
        token: Secret::of("token", t.token_file, t.token_env)?,
        url: t.url,
        body,
        id: t.id,
        timeout: seconds("timeout_s", t.timeout_s, MOST_TIMEOUT_S)?,
    })
}

fn smpp(t: SmppTable) -> Result<SmppGateway, String> {
    let address = reqwest::Url::parse(&t.url).map_err(|e| format!("url: {e} 网址有误"))?;
    let sealed = match address.scheme() {
        "smpp" => false,
        "smpps" => true,
        _ => return Err("url: smpp://host:2775 or smpps://host:port is expected 网址有误".to_owned()),
    };
    if !sealed && !safe(&address) && !t.plain_smpp {
        return Err("url: numbers and texts over an open line: write smpps, or plain_smpp = true where the line is your own 须用 smpps".to_owned());
    }
    // SMPP 3.4, 5.2.1, 5.2.2, 5.2.3, 5.2.8: fields of a fixed size, of which the last octet ends them.
    for (key, text, most) in
        [("system_id", &t.system_id, 15), ("system_type", &t.system_type, 12), ("source", &t.source, 20)]
    {
        if text.len() > most || !text.is_ascii() {
            return Err(format!("{key}: up to {most} ASCII characters 过长或含非 ASCII 字符"));
        }
    }
    Ok(SmppGateway {
        password: Secret::of("password", t.password_file, t.password_env)?,
        url: t.url,
        system_id: t.system_id,
        system_type: t.system_type,
        source: t.source,
        long: t.long,
        timeout: seconds("timeout_s", t.timeout_s, MOST_TIMEOUT_S)?,
        enquire_link: seconds("enquire_link_s", t.enquire_link_s, 600)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sms, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.to_string())
    }

    const HTTP: &str = "kind = \"http\"\ncompliance = \"cn\"\nurl = \"https://sms.example/send\"\n";
    const SMPP: &str = "kind = \"smpp\"\ncompliance = \"cn\"\nsystem_id = \"waihu\"\n";

    #[test]
    fn both_kinds_are_read_and_what_cannot_be_meant_is_refused() {
        let http =
            read(&format!("{HTTP}body = {{ to = \"{{number}}\", text = \"{{text}}\" }}\nid = \"data.id\""))
                .unwrap();
        assert_eq!((http.per_second, http.too_old), (10, Duration::from_secs(72 * 3_600)));
        let smpp =
            read(&format!("{SMPP}url = \"smpps://centre.example:3550\"\nsource = \"10690000\"")).unwrap();
        assert!(matches!(smpp.gateway, SmsGateway::Smpp(g) if g.long == LongText::Udh));
        for (text, words) in [
            (format!("{HTTP}body = {{ text = \"{{text}}\" }}"), "{number}"),
            (
                format!("{HTTP}body = {{ to = \"{{number}}\", text = \"{{text}}\" }}\nsource = \"1\""),
                "source",
            ),
            (
                format!("{HTTP}body = {{ to = \"{{number}}\", text = \"{{text}}\" }}\nper_second = 0"),
                "per_second",
            ),
            (HTTP.replace("https", "http") + "body = { to = \"{number}\", text = \"{text}\" }", "https"),
            (format!("{SMPP}url = \"smpp://centre.example\"\nsource = \"1\""), "smpps"),
            (format!("{SMPP}url = \"tcp://127.0.0.1\"\nsource = \"1\""), "smpp://"),
            (format!("{SMPP}url = \"smpp://127.0.0.1\"\nsource = \"{}\"", "1".repeat(21)), "source"),
            (format!("{SMPP}url = \"smpp://127.0.0.1\"\nsource = \"1\"\npassword = \"p\""), "password"),
        ] {
            let refused = read(&text).unwrap_err();
            assert!(refused.contains(words), "{text}: {refused}");
        }
    }
}
