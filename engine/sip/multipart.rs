//! Bodies of several parts (RFC 2046 §5.1, RFC 5621): a carrier that speaks SIP-I puts ISUP beside the
//! description.
//!
//! Deliberately absent: writing them, parts within parts, encodings other than the bytes themselves.

/// The most parts that are looked at: SIP-I has two, with a picture or a location four.
const MAX_PARTS: usize = 16;
/// The longest boundary (RFC 2046 §5.1.1) [bytes].
const MAX_BOUNDARY: usize = 70;

/// Whether a Content-Type is `media_type`, whatever its parameters.
pub(crate) fn is_of(content_type: &str, media_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case(media_type))
}

/// The content of the first part that is `media_type`; none where the body is not of several parts, or
/// has no such part whole.
pub(crate) fn part<'a>(content_type: &str, body: &'a [u8], media_type: &str) -> Option<&'a [u8]> {
    if !content_type.trim_start().get(..10).is_some_and(|t| t.eq_ignore_ascii_case("multipart/")) {
        return None;
    }
    let boundary = boundary(content_type)?;
    let delimiter = format!("--{boundary}");
    let mut rest = after(body, delimiter.as_bytes())?;
    for _ in 0..MAX_PARTS {
        // The line of the last delimiter goes on with --.
        if rest.starts_with(b"--") {
            return None;
        }
        let start = rest.iter().position(|b| *b == b'\n')?;
        let end = find(rest, delimiter.as_bytes())?;
        let content = rest.get(start + 1..end)?;
        if let Some(content) = wanted(content, media_type) {
            return Some(content);
        }
        rest = rest.get(end + delimiter.len()..)?;
    }
    None
}

fn boundary(content_type: &str) -> Option<&str> {
    let parameter = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    })?;
    let value = parameter.strip_prefix('"').map_or(parameter, |q| q.strip_suffix('"').unwrap_or(q));
    (1..=MAX_BOUNDARY).contains(&value.len()).then_some(value)
}

/// Where the next line that begins with `delimiter` begins.
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<usize> {
    let lines = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
    lines.into_iter().find(|i| bytes.get(*i..).is_some_and(|line| line.starts_with(delimiter)))
}

fn after<'a>(body: &'a [u8], delimiter: &[u8]) -> Option<&'a [u8]> {
    let start = if body.starts_with(delimiter) { 0 } else { find(body, delimiter)? };
    body.get(start + delimiter.len()..)
}

/// The part's content, where its head says that it is what is sought.
fn wanted<'a>(part: &'a [u8], media_type: &str) -> Option<&'a [u8]> {
    let (mut rest, mut typed) = (part, false);
    loop {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?.trim_end();
        rest = rest.get(end + 1..)?;
        if line.is_empty() {
            return typed.then_some(rest);
        }
        let (name, value) = line.split_once(':')?;
        let is = |full: &str, short: &str| {
            name.trim().eq_ignore_ascii_case(full) || name.trim().eq_ignore_ascii_case(short)
        };
        let first = value.split(';').next().unwrap_or(value).trim();
        if is("Content-Type", "c") {
            typed = is_of(value, media_type);
        } else if is("Content-Transfer-Encoding", "") {
            ["binary", "7bit", "8bit"].iter().find(|e| first.eq_ignore_ascii_case(e))?;
        } else if is("Content-Disposition", "") && first.eq_ignore_ascii_case("early-session") {
            // It describes another session (RFC 3959).
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "application/sdp";
    const SIP_I: &[u8] = b"--unique-1\r\nContent-Type: application/SDP; charset=ISO-10646\r\n\r\nv=0\r\no=-\r\n\
        --unique-1\r\nContent-Type: application/ISUP; version=nxv3\r\nContent-Disposition: signal; handling=optional\r\n\r\n\
        \x01\x00\n\xff\r\n--unique-1--\r\n";

    #[test]
    fn the_description_is_found_wherever_it_stands() {
        for kind in [
            "multipart/mixed; boundary=unique-1",
            "Multipart/Mixed;x=y; Boundary=\"unique-1\"",
            "multipart/alternative;boundary=unique-1",
        ] {
            assert_eq!(part(kind, SIP_I, SDP), Some(&b"v=0\r\no=-\r\n"[..]), "{kind}");
        }
        let kind = "multipart/mixed;boundary=b";
        let last = b"preamble --b\r\n--b\r\n\r\nno head\r\n--b\r\nc:application/isup\r\n\r\n\x80\x0a\x0d--x\r\n--b  \r\n\
            content-disposition: session\r\nC : APPLICATION/sdp\r\n\r\nv=0\n--b--";
        assert_eq!(part(kind, last, SDP), Some(&b"v=0\n"[..]));
    }

    #[test]
    fn a_body_without_a_whole_description_has_none() {
        let kind = "multipart/mixed;boundary=b";
        let of = |head: &str, tail: &str| format!("--b\r\n{head}\r\n\r\nv=0\r\n{tail}");
        let typed = "Content-Type: application/sdp";
        assert!(part(kind, of(typed, "--b--").as_bytes(), SDP).is_some());
        for body in [
            of(typed, ""),
            of("Content-Type: text/plain", "--b--"),
            of(&format!("{typed}\r\nContent-Transfer-Encoding: base64"), "--b--"),
            of(&format!("{typed}\r\nContent-Disposition: early-session"), "--b--"),
            of(&format!("{typed}\r\nrubbish"), "--b--"),
            String::new(),
            "--b".to_owned(),
            "--b--".to_owned(),
            format!("--b--\r\n{}", of(typed, "--b--")),
            "--b\r\n\r\n".repeat(MAX_PARTS) + &of(typed, "--b--"),
        ] {
            assert_eq!(part(kind, body.as_bytes(), SDP), None, "{body:?}");
        }
        let whole = of(typed, "--b--");
        for kind in ["application/sdp", "multipart/mixed", "multipart/mixed;boundary=", "multipart", "é"] {
            assert_eq!(part(kind, whole.as_bytes(), SDP), None, "{kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            cut in 0..200usize,
            damage in proptest::collection::vec((0..200usize, proptest::prelude::any::<u8>()), 0..8),
        ) {
            let mut body = SIP_I[..cut.min(SIP_I.len())].to_vec();
            for (at, byte) in damage {
                if let Some(b) = body.get_mut(at) {
                    *b = byte;
                }
            }
            let found = part("multipart/mixed;boundary=unique-1", &body, SDP);
            proptest::prop_assert!(found.is_none_or(|f| f.len() < body.len()));
        }
    }
}
