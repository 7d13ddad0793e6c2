//! `ws_port`, `wss_port` and `ws_origins` of `[signalling]`, and `browser` of `[[phone]]`: telephones in browsers.

use waihu_sip::Uri;

use super::{ConfigError, TrunkConfig, Wrong};
use crate::streams::Web;

/// What the file says of telephones: whether any may register, and whether any is in a browser.
pub(super) struct Phones {
    pub(super) any: bool,
    pub(super) in_browsers: bool,
}

/// Checks where browsers connect.
pub(super) fn web(
    web: Web,
    phones: Phones,
    has_certificate: bool,
    wrong: &Wrong<'_>,
) -> Result<Web, ConfigError> {
    let Web { ws_port, wss_port, origins } = &web;
    let Some(key) = ws_port.map(|_| "ws_port").or(wss_port.map(|_| "wss_port")) else {
        if !origins.is_empty() {
            let message =
                "nobody listens: write wss_port, or ws_port 未监听 WebSocket，请写 wss_port 或 ws_port";
            return Err(wrong("ws_origins", message.into()));
        }
        if phones.in_browsers {
            let message =
                "a browser registers by WebSocket: write wss_port 浏览器话机经 WebSocket 注册，请写 wss_port";
            return Err(wrong("phone.browser", message.into()));
        }
        return Ok(web);
    };
    if *ws_port == Some(0) || *wss_port == Some(0) || ws_port == wss_port {
        return Err(wrong(
            key,
            "from 1 to 65535, and another than the other's 端口须为 1 至 65535 且互不相同".into(),
        ));
    }
    if !phones.any {
        return Err(wrong(
            key,
            "nobody may register: write a [[phone]] 没有可注册的话机，请写 [[phone]]".into(),
        ));
    }
    if wss_port.is_some() && !has_certificate {
        let message = "TLS needs tls_certificate and tls_key 须同时写 tls_certificate 和 tls_key";
        return Err(wrong("wss_port", message.into()));
    }
    if origins.is_empty() {
        let message =
            "name the sites whose pages connect, as [\"https://desk.example\"] 请写明页面所在的站点";
        return Err(wrong("ws_origins", message.into()));
    }
    if let Some(odd) = origins.iter().find(|origin| !is_origin(origin)) {
        let message = format!(
            "{odd:?}: write it as browsers do, https://desk.example or https://desk.example:8443, without a path \
             应与浏览器所写一致，不带路径和默认端口"
        );
        return Err(wrong("ws_origins", message));
    }
    Ok(web)
}

/// Whether browsers write an origin so (RFC 6454 §6.2): scheme and host, and a port where it is not the usual one.
fn is_origin(text: &str) -> bool {
    let Some((scheme, place)) = text.split_once("://") else { return false };
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
    let is_place = place.bytes().all(plain) && format!("sip:{place}").parse::<Uri>().is_ok();
    is_place && !place.ends_with(usual)
}

impl TrunkConfig {
    /// Whether a telephone that is called there registers here, and sits in a browser: its sound goes as a page's does.
    pub fn is_browser(&self, telephone: &Uri) -> bool {
        let own = telephone.as_sip().filter(|uri| {
            let address = uri.host.address();
            address.is_some_and(|ip| ip == self.bind.ip() || Some(ip) == self.signalling.public_address)
        });
        own.and_then(|uri| uri.user()).is_some_and(|user| self.has_browser(&user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[trunk]\nproxy = \"127.0.0.1:5070\"\nfrom = \"sip:waihu@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n\
        [signalling]\npublic_address = \"203.0.113.5\"\n";
    const TLS: &str = "tls_certificate = \"own.pem\"\ntls_key = \"own.key\"\n";
    const DESK: &str = "[[phone]]\nuser = \"desk\"\npassword_env = \"DESK\"\n";
    const SITE: &str = "ws_origins = [\"https://desk.example\"]\n";

    fn read(lines: &[&str]) -> Result<TrunkConfig, String> {
        TrunkConfig::parse(&format!("{LEAST}{}", lines.concat()), "t.toml").map_err(|e| e.to_string())
    }

    #[test]
    fn browsers_connect_where_the_file_says_and_nowhere_where_it_says_nothing() {
        let web = |lines: &[&str]| read(lines).unwrap().socket("waihu").streams.web;
        assert_eq!(web(&[DESK]), Web::default());
        let both = web(&["ws_port = 8080\nwss_port = 8443\n", SITE, TLS, DESK]);
        assert_eq!((both.ws_port, both.wss_port), (Some(8080), Some(8443)));
        assert_eq!(both.origins, ["https://desk.example"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let port = "ws_port = 8080\n";
        for (lines, said) in [
            (&["ws_port = 0\n", SITE, DESK][..], "ws_port: from 1 to 65535"),
            (&["wss_port = 70000\n", SITE, TLS, DESK], "wss_port"),
            (&["ws_port = 8080\nwss_port = 8080\n", SITE, TLS, DESK], "ws_port: from 1 to 65535"),
            (&["wss_port = 8443\n", SITE, DESK], "wss_port: TLS needs tls_certificate"),
            (&[port, SITE], "ws_port: nobody may register"),
            (&[port, DESK], "ws_origins: name the sites"),
            (&[SITE, DESK], "ws_origins: nobody listens"),
            (&[DESK, "browser = true\n"], "phone.browser: a browser registers"),
            (&[port, "ws_origins = [\"*\"]\n", DESK], "ws_origins: \"*\": write it as browsers do"),
            (&[port, "ws_origins = [\"desk.example\"]\n", DESK], "ws_origins: \"desk.example\""),
            (
                &[port, "ws_origins = [\"https://desk.example/\"]\n", DESK],
                "ws_origins: \"https://desk.example/\"",
            ),
            (&[port, "ws_origins = [\"https://desk.example:443\"]\n", DESK], "ws_origins"),
            (&[port, "ws_origins = [\"https://Desk.example\"]\n", DESK], "不带路径"),
        ] {
            let message = read(lines).map(|_| ()).unwrap_err();
            assert!(message.contains(said) && message.contains("t.toml"), "{message}");
        }
        for site in [
            "http://localhost:5173",
            "https://desk.example:8443",
            "https://[2001:db8::1]",
            "http://192.0.2.7",
        ] {
            assert!(is_origin(site), "{site}");
        }
    }

    #[test]
    fn a_telephone_is_in_a_browser_where_the_file_says_so_and_it_registers_here() {
        let in_browser = DESK.replace("desk", "page") + "browser = true\n";
        let trunk = read(&["ws_port = 8080\n", SITE, DESK, &in_browser]).unwrap();
        for (telephone, expected) in [
            ("sip:page@127.0.0.1:5060", true),
            ("sip:page@203.0.113.5", true),
            ("sip:page@192.0.2.9", false),
            ("sip:page@pbx.example", false),
            ("sip:desk@127.0.0.1", false),
            ("sip:127.0.0.1", false),
            ("tel:+8621", false),
        ] {
            assert_eq!(trunk.is_browser(&telephone.parse().unwrap()), expected, "{telephone}");
        }
    }
}
