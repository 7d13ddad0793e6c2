//! A kept file on its way to somebody: all of it or a part (RFC 9110, 14), piece by piece.

use std::io::{self, Read, Seek, SeekFrom};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::stream;
use tokio::sync::mpsc;

/// What is read and sent at once [bytes]: a piece of a sealed file.
const PIECE: usize = 64 << 10;
/// Pieces that wait for who reads slowly.
const AHEAD: usize = 4;

/// A part of a file, from its first byte to before another [bytes].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) end: u64,
}

impl Part {
    /// The part that is asked for of a file of so many bytes; none where there is no such part. A range that cannot be
    /// read, and several at once, ask for all of it: both may be passed over (RFC 9110, 14.2).
    pub(crate) fn asked(headers: &HeaderMap, length: u64) -> Option<Self> {
        let all = Self { first: 0, end: length };
        let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        let Some((first, last)) =
            range.and_then(|r| r.trim().strip_prefix("bytes=")).and_then(|r| r.split_once('-'))
        else {
            return Some(all);
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let part = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                Self { first, end: last.saturating_add(1).min(length) }
            }
            (Some(first), None) if last.trim().is_empty() => Self { first, ..all },
            (None, Some(ending)) if first.trim().is_empty() => {
                Self { first: length.saturating_sub(ending), ..all }
            }
            _ => return Some(all),
        };
        (part.first < part.end).then_some(part)
    }

    /// How long it is [bytes].
    pub(crate) fn length(self) -> u64 {
        self.end.saturating_sub(self.first)
    }

    /// Whether it is all of a file of so many bytes.
    pub(crate) fn is_all(self, length: u64) -> bool {
        self.first == 0 && self.length() >= length
    }
}

/// A part as a body. Its first piece is read before this returns: what fails there can still be told by a status.
///
/// # Errors
/// As the file.
pub(crate) async fn sent(mut file: impl Read + Seek + Send + 'static, part: Part) -> io::Result<Body> {
    let (pieces, mut waiting) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut read = || -> io::Result<()> {
            file.seek(SeekFrom::Start(part.first))?;
            let mut left = part.length();
            while left > 0 {
                let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
                let read = file.read(&mut piece)?;
                if read == 0 {
                    return Ok(());
                }
                piece.truncate(read);
                left = left.saturating_sub(read as u64);
                // Whoever asked may have gone.
                if pieces.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
            Ok(())
        };
        if let Err(e) = read() {
            let _ = pieces.blocking_send(Err(e));
        }
    });
    let first = waiting.recv().await.transpose()?;
    let rest = stream::unfold((first, waiting), |(first, mut waiting)| async move {
        let next = match first {
            Some(first) => Some(Ok(first)),
            None => waiting.recv().await,
        };
        next.map(|piece| (piece, (None, waiting)))
    });
    Ok(Body::from_stream(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &'static str, length: u64) -> Option<(u64, u64)> {
        let headers = [(header::RANGE, header::HeaderValue::from_static(range))].into_iter().collect();
        Part::asked(&headers, length).map(|part| (part.first, part.end))
    }

    #[test]
    fn a_part_is_what_the_standard_says() {
        assert_eq!(Part::asked(&HeaderMap::new(), 10), Some(Part { first: 0, end: 10 }));
        for (range, part) in [
            ("bytes=2-4", Some((2, 5))),
            ("bytes=2-", Some((2, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-30", Some((0, 10))),
            ("bytes=2-99", Some((2, 10))),
            ("bytes=10-", None),
            ("bytes=10-12", None),
            ("bytes=-0", None),
            // Passed over.
            ("bytes=4-2", Some((0, 10))),
            ("bytes=0-1,3-4", Some((0, 10))),
            ("lines=1-2", Some((0, 10))),
            ("bytes=x-", Some((0, 10))),
            ("bytes=99999999999999999999-", Some((0, 10))),
        ] {
            assert_eq!(asked(range, 10), part, "{range}");
        }
    }
}
