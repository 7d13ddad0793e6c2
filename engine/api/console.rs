//! The console's files: static, built into the program, the same for everybody.
//!
//! `index.html` is written anew for each request with a nonce of its own: the component library writes its styles
//! into `<style>` elements, and the nonce lets these in where `'unsafe-inline'` would let in anybody's. Scripts come
//! from our own files alone. Deliberately absent: anything about a person; that is behind `/v1`.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{Cookies, Problem, problem::Code, token::random};

/// A file of the console.
struct File {
    /// Its path below `/`.
    name: &'static str,
    /// What its content is known by.
    tag: &'static str,
    plain: &'static [u8],
    /// The same by gzip.
    pressed: &'static [u8],
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// What stands in `index.html` in place of the nonce.
const NONCE: &str = "__NONCE__";

/// For a year browsers come by TLS alone, as their lists ask for. Hosts below this one are others' to speak for.
const HSTS: &str = "max-age=31536000";

/// What is shown where the console was not built.
const UNBUILT: &str = "<!doctype html><meta charset=utf-8><title>waihu</title>
<p>The console was not built into this program. Run <code>make console</code>, then build again.
<p>控制台未编译进本程序：请运行 <code>make console</code> 后重新编译。
<p><a href=/v1/openapi.json>/v1/openapi.json</a>\n";

/// Whether the console is in this program.
pub fn has_console() -> bool {
    !FILES.is_empty()
}

/// What answers where no route does: the console's files, and its page for any path that a page may have.
pub(crate) async fn anything(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path == "/v1" || path.starts_with("/v1/") || !matches!(method, Method::GET | Method::HEAD) {
        return Problem::not_found("path 路径").into_response();
    }
    let name = path.trim_start_matches('/');
    match FILES.iter().find(|file| file.name == name && name != "index.html") {
        Some(file) => plain_file(file, &headers),
        // What has an ending is a file, and not one of ours: a page in its place would be read as something else.
        None if name.rsplit('/').next().is_some_and(|last| last.contains('.')) && name != "index.html" => {
            Problem::not_found("path 路径").into_response()
        }
        None => page(),
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "html" => "text/html; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn plain_file(file: &File, headers: &HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let tag = format!("\"{}\"", file.tag);
    // A name under assets/ has the hash of its content in it.
    let keep =
        if file.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let shared = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, keep.to_owned())];
    let known = text(header::IF_NONE_MATCH);
    if known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    let told = [(header::CONTENT_TYPE, kind(file.name)), (header::VARY, "accept-encoding")];
    if takes_gzip(text(header::ACCEPT_ENCODING)) && file.pressed.len() < file.plain.len() {
        (shared, told, [(header::CONTENT_ENCODING, "gzip")], file.pressed).into_response()
    } else {
        (shared, told, file.plain).into_response()
    }
}

/// Whether gzip is among what is accepted, and not with a weight of nothing (RFC 9110, 12.5.3).
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let none = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse().is_ok_and(|q: f64| q == 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !none
    })
}

fn page() -> Response {
    let Some(index) = FILES.iter().find(|file| file.name == "index.html") else {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        return (kind, UNBUILT).into_response();
    };
    let Ok(bits) = random::<16>() else {
        return Problem::new(Code::Internal, "the system has no randomness 系统随机数不可用").into_response();
    };
    let nonce = hex::encode(bits);
    let html = String::from_utf8_lossy(index.plain).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action \
         'self'; frame-ancestors 'none'"
    );
    let told = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        // The nonce is for this once.
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), camera=(), geolocation=()".to_owned(),
        ),
    ];
    (told, html).into_response()
}

/// What every answer says to browsers, whoever asked for it.
pub(crate) fn guarded(mut response: Response, cookies: Cookies) -> Response {
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.starts_with("application/json") || kind.starts_with("application/problem+json");
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    say(header::X_FRAME_OPTIONS, "DENY");
    say(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // What is told of anybody is kept by nobody on the way.
    say(header::CACHE_CONTROL, "no-store");
    // What programs read is no page: opened by itself it is a file.
    if is_json {
        say(header::CONTENT_DISPOSITION, "attachment; filename=\"api.json\"");
    }
    // By our own TLS or a proxy's.
    if cookies == Cookies::Secure {
        say(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        assert!(takes_gzip("gzip, deflate, br") && takes_gzip("br;q=1.0, gzip;q=0.5"));
        assert!(!takes_gzip("") && !takes_gzip("br") && !takes_gzip("gzip;q=0"));
    }

    #[test]
    fn every_answer_says_what_it_is_and_by_which_way_to_come() {
        let told = |response: Response, cookies: Cookies| guarded(response, cookies).headers().clone();
        let problem = || Problem::not_found("path 路径").into_response();
        let (tls, plain) = (told(problem(), Cookies::Secure), told(problem(), Cookies::Plain));
        assert_eq!(tls[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000");
        assert!(!plain.contains_key(header::STRICT_TRANSPORT_SECURITY));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("content-disposition", "attachment; filename=\"api.json\""),
        ] {
            assert_eq!(plain[name], value);
        }
        // What has a name of its own keeps it, and what is no JSON is shown as it is.
        let name = "attachment; filename=\"campaign.json\"";
        let named = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, name)];
        assert_eq!(told((named, "{}").into_response(), Cookies::Plain)["content-disposition"], name);
        assert!(!told("text".into_response(), Cookies::Plain).contains_key("content-disposition"));
    }

    #[tokio::test]
    async fn a_page_has_a_nonce_of_its_own_and_a_path_of_the_api_has_no_page() {
        let ask = |path: &'static str| anything(Method::GET, Uri::from_static(path), HeaderMap::new());
        assert_eq!(ask("/v1/nothing").await.status(), 404);
        assert_eq!(ask("/assets/none.js").await.status(), 404);
        let page = ask("/campaigns/november").await;
        assert_eq!(page.status(), 200);
        if has_console() {
            let policy = |page: &Response| {
                page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
            };
            let (one, other) = (policy(&page), policy(&ask("/").await));
            assert_ne!(one, other);
            assert!(one.contains("frame-ancestors 'none'") && !one.contains("unsafe"), "{one}");
        }
        assert_eq!(anything(Method::POST, Uri::from_static("/"), HeaderMap::new()).await.status(), 404);
    }
}
