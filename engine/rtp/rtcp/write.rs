//! Writing, one packet of a datagram after the other into a buffer.

use super::{
    CNAME, GOODBYE, MAX_TEXT, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo,
};

/// Writes the packets of one datagram. What does not fit is not begun: `None`.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Nothing is written yet.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A sender report, or a receiver report where `sender` is none; at most 31 blocks.
    pub fn report(
        &mut self,
        ssrc: u32,
        sender: Option<&SenderInfo>,
        blocks: &[ReportBlock],
    ) -> Option<&mut Self> {
        let count = u8::try_from(blocks.len()).ok().filter(|n| *n < 32)?;
        let kind = if sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        let body = 4 + if sender.is_some() { 20 } else { 0 } + 24 * blocks.len();
        let mut words = self.begin(kind, count, body)?;
        words.put(ssrc);
        if let Some(s) = sender {
            words.put((s.ntp >> 32) as u32);
            words.put(s.ntp as u32);
            words.put(s.rtp_timestamp);
            words.put(s.packets);
            words.put(s.octets);
        }
        for b in blocks {
            words.put(b.ssrc);
            let lost = b.cumulative_lost.clamp(-(1 << 23), (1 << 23) - 1).cast_unsigned() & 0xFF_FFFF;
            words.put(u32::from(b.fraction_lost) << 24 | lost);
            words.put(b.extended_highest);
            words.put(b.jitter);
            words.put(b.last_sr);
            words.put(b.delay_since_last_sr);
        }
        Some(self)
    }

    /// A source description with the CNAME alone; it is cut to [`MAX_TEXT`].
    pub fn cname(&mut self, ssrc: u32, cname: &[u8]) -> Option<&mut Self> {
        let text = &cname[..cname.len().min(MAX_TEXT)];
        // One zero at least ends the items, and the words are filled up with more.
        let mut words = self.begin(SOURCE_DESCRIPTION, 1, (4 + 2 + text.len()) / 4 * 4 + 4)?;
        words.put(ssrc);
        words.text(&[CNAME, text.len() as u8], text);
        Some(self)
    }

    /// A goodbye of one source; the reason is cut to [`MAX_TEXT`], and left out where it is empty.
    pub fn goodbye(&mut self, ssrc: u32, reason: &[u8]) -> Option<&mut Self> {
        let text = &reason[..reason.len().min(MAX_TEXT)];
        let of_reason = if text.is_empty() { 0 } else { (1 + text.len()).next_multiple_of(4) };
        let mut words = self.begin(GOODBYE, 1, 4 + of_reason)?;
        words.put(ssrc);
        if !text.is_empty() {
            words.text(&[text.len() as u8], text);
        }
        Some(self)
    }

    /// The header of a packet with `body` bytes behind it, which are zero.
    fn begin(&mut self, kind: u8, count: u8, body: usize) -> Option<Words<'_>> {
        let packet = self.buffer.get_mut(self.len..self.len + 4 + body)?;
        self.len += 4 + body;
        let (head, body) = packet.split_at_mut(4);
        let words = u16::try_from(body.len() / 4).ok()?.to_be_bytes();
        head.copy_from_slice(&[2 << 6 | count, kind, words[0], words[1]]);
        body.fill(0);
        Some(Words { body, at: 0 })
    }
}

struct Words<'a> {
    body: &'a mut [u8],
    at: usize,
}

impl Words<'_> {
    fn put(&mut self, word: u32) {
        self.body[self.at..self.at + 4].copy_from_slice(&word.to_be_bytes());
        self.at += 4;
    }

    fn text(&mut self, head: &[u8], text: &[u8]) {
        let at = self.at + head.len();
        self.body[self.at..at].copy_from_slice(head);
        self.body[at..at + text.len()].copy_from_slice(text);
    }
}
