//! Standard output and standard error, whose readers may go away at any time.

use std::{
    fmt,
    io::{self, Write},
};

use anyhow::{Context, Result};

/// Whoever read standard output has gone, as `| head` does: the end of what only prints, and no
/// failure.
#[derive(Debug)]
pub(crate) struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for ReaderGone {}

/// Prints a line. What places calls passes over the error: they need no reader.
///
/// # Errors
/// [`ReaderGone`], or that standard output takes no more (a full disk, say).
pub(crate) fn line(text: fmt::Arguments<'_>) -> Result<()> {
    write(&mut io::stdout().lock(), text)
}

fn write(out: &mut impl Write, text: fmt::Arguments<'_>) -> Result<()> {
    // A parent reads this through a pipe, where nothing is flushed by itself.
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("standard output cannot be written 标准输出无法写入"),
    }
}

/// A line for whoever watches, on standard error. Where it cannot be written nobody watches.
pub(crate) fn tell(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// [`line`] with a format.
macro_rules! out {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

/// [`tell`] with a format.
macro_rules! note {
    ($($text:tt)*) => { $crate::output::tell(format_args!($($text)*)) };
}

pub(crate) use {note, out};

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_told_from_a_full_disk() {
        let gone = |kind| write(&mut Broken(kind), format_args!("x")).unwrap_err().is::<ReaderGone>();
        assert!(gone(io::ErrorKind::BrokenPipe));
        assert!(!gone(io::ErrorKind::StorageFull));
    }
}
