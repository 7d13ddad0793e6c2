//! Messages out of a stream (RFC 3261 §18.3, §7.5): Content-Length says where each one ends.
//!
//! Bounded by the size of a datagram, for no message of a call is larger. Deliberately absent: going on after
//! what cannot be framed; nothing behind it can be trusted to begin where it seems to.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::message::MAX_BYTES;

/// What a stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A keep-alive that wants to be answered with one line end (RFC 5626 §4.4.1).
    Ping,
    /// The answer to one of ours.
    Pong,
}

/// Why a stream is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unframable {
    /// No message ends within the largest size.
    #[error("no message ends within 65507 bytes")]
    TooLong,
    /// Over a stream Content-Length is not optional (§18.3).
    #[error("a message has no Content-Length, or two, or a broken one")]
    Length,
}

/// Cuts one stream.
#[derive(Debug, Default)]
pub struct Framer {
    waiting: BytesMut,
    /// How far the end of the head was looked for: no byte is looked at for each piece that comes.
    searched: usize,
}

impl Framer {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Whether a message has begun that has not ended.
    pub fn is_within(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next whole frame; `None` until more has come.
    ///
    /// # Errors
    /// When the stream is to be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Unframable> {
        match self.waiting.as_ref() {
            [b'\r', b'\n', b'\r', b'\n', ..] => return Ok(Some(self.line_ends(4, Frame::Ping))),
            [b'\r', b'\n', b'\r'] | [b'\r'] => return Ok(None),
            // One line end may yet become two; alone in the buffer it is what answers ours.
            [b'\r', b'\n', ..] => return Ok(Some(self.line_ends(2, Frame::Pong))),
            [b'\n', ..] => return Ok(Some(self.line_ends(1, Frame::Pong))),
            _ => {}
        }
        let Some(head) = self.head_end() else {
            return if self.waiting.len() > MAX_BYTES { Err(Unframable::TooLong) } else { Ok(None) };
        };
        let length =
            content_length(self.waiting.get(..head).unwrap_or_default()).ok_or(Unframable::Length)?;
        let whole = head.saturating_add(length);
        if whole > MAX_BYTES {
            return Err(Unframable::TooLong);
        }
        if self.waiting.len() < whole {
            return Ok(None);
        }
        self.searched = 0;
        Ok(Some(Frame::Message(self.waiting.split_to(whole).freeze())))
    }

    fn line_ends(&mut self, length: usize, frame: Frame) -> Frame {
        self.waiting.advance(length);
        self.searched = 0;
        frame
    }

    /// Where the body begins, once the empty line is there; a bare line feed counts as a line end.
    fn head_end(&mut self) -> Option<usize> {
        let bytes = self.waiting.as_ref();
        let from = self.searched;
        let found = bytes.get(from..)?.iter().enumerate().filter(|(_, b)| **b == b'\n').find_map(|(i, _)| {
            let at = from + i + 1;
            match bytes.get(at..)? {
                [b'\n', ..] => Some(at + 1),
                [b'\r', b'\n', ..] => Some(at + 2),
                _ => None,
            }
        });
        // A head that is whole is found again at once, while its body is waited for.
        self.searched = found.unwrap_or(bytes.len()).saturating_sub(3);
        found
    }
}

/// The one Content-Length of a head.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut length = None;
    for line in head.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line.get(..colon).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"Content-Length") || name.eq_ignore_ascii_case(b"l") {
            let digits = line.get(colon + 1..).unwrap_or_default().trim_ascii();
            let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            let value = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
            if length.replace(value).is_some() {
                return None;
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nl : 3\r\n\r\nabc";
    const TWO: &str = "SIP/2.0 200 OK\nContent-Length:0\n\n";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
    }

    #[test]
    fn messages_come_out_whole_however_the_stream_was_cut() {
        let stream = format!("{ONE}\r\n\r\n{TWO}{ONE}\r\n");
        let expected = [
            Frame::Message(Bytes::from_static(ONE.as_bytes())),
            Frame::Ping,
            Frame::Message(Bytes::from_static(TWO.as_bytes())),
            Frame::Message(Bytes::from_static(ONE.as_bytes())),
            Frame::Pong,
        ];
        for size in 1..stream.len() {
            let mut framer = Framer::default();
            let mut read = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                framer.push(piece);
                read.extend(frames(&mut framer));
            }
            let messages = |f: &[Frame]| -> Vec<Frame> {
                f.iter().filter(|f| matches!(f, Frame::Message(_))).cloned().collect()
            };
            assert_eq!(messages(&read), messages(&expected), "in pieces of {size}");
            assert!(!framer.is_within());
        }
        let mut framer = Framer::default();
        framer.push(stream.as_bytes());
        assert_eq!(frames(&mut framer), expected);
    }

    #[test]
    fn what_cannot_be_framed_closes_the_stream() {
        for (text, fault) in [
            ("OPTIONS sip:a@b SIP/2.0\r\n\r\n", Unframable::Length),
            ("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\n", Unframable::Length),
            ("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n", Unframable::Length),
            ("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 65508\r\n\r\n", Unframable::TooLong),
            ("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n", Unframable::Length),
        ] {
            let mut framer = Framer::default();
            framer.push(text.as_bytes());
            assert_eq!(framer.next_frame(), Err(fault), "{text}");
        }
        let mut framer = Framer::default();
        framer.push(&vec![b'x'; MAX_BYTES + 1]);
        assert_eq!(framer.next_frame(), Err(Unframable::TooLong));
    }
}
