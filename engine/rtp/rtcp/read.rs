//! Reading: a datagram is checked as a whole (RFC 3550, A.2), then its packets are given one by one.

use super::{CNAME, GOODBYE, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo};

/// Bytes of the header of each packet.
const HEADER: usize = 4;
/// Bytes of a report block.
const BLOCK: usize = 24;

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// Fewer bytes than a header, or than a header says.
    #[error("an RTCP packet ends after {0} bytes of the datagram, before its own end")]
    Short(usize),
    /// The version is not 2.
    #[error("RTCP version {0}, where only version 2 is known")]
    Version(u8),
    /// A compound packet begins with a report.
    #[error("an RTCP datagram begins with type {0}, not with a report")]
    FirstType(u8),
    /// Only the last packet of a datagram may be padded, within its length.
    #[error("RTCP padding where none may be, or longer than its packet")]
    Padding,
}

/// Which datagrams are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Those that begin with a report (RFC 3550, 6.1).
    Compound,
    /// Those of reduced size as well (RFC 5506), where that was negotiated.
    ReducedSize,
}

/// A datagram whose packets' headers and lengths are right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Compound<'a> {
    bytes: &'a [u8],
}

impl std::fmt::Debug for Compound<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A CNAME can name a person.
        write!(f, "Compound({} bytes)", self.bytes.len())
    }
}

impl<'a> Compound<'a> {
    /// Checks a datagram.
    ///
    /// # Errors
    /// What RFC 3550, A.2 says of its headers does not hold.
    pub fn parse(bytes: &'a [u8], form: Form) -> Result<Self, RtcpError> {
        let mut rest = bytes;
        loop {
            let at = bytes.len() - rest.len();
            let [first, kind, high, low, ..] = *rest else { return Err(RtcpError::Short(rest.len())) };
            if first >> 6 != 2 {
                return Err(RtcpError::Version(first >> 6));
            }
            let report = kind == SENDER_REPORT || kind == RECEIVER_REPORT;
            let rtcp = (192..=223).contains(&kind);
            if at == 0 && !(report || rtcp && form == Form::ReducedSize) {
                return Err(RtcpError::FirstType(kind));
            }
            let len = HEADER + 4 * usize::from(u16::from_be_bytes([high, low]));
            let Some((packet, behind)) = rest.split_at_checked(len) else {
                return Err(RtcpError::Short(rest.len()));
            };
            if first & 0x20 != 0 {
                let padding = usize::from(packet[len - 1]);
                // A multiple of four by the RFC; the Pion family counts its last one to three bytes.
                if !behind.is_empty() || padding == 0 || padding > len - HEADER {
                    return Err(RtcpError::Padding);
                }
            }
            rest = behind;
            if rest.is_empty() {
                return Ok(Self { bytes });
            }
        }
    }

    /// The packets, in order.
    pub fn packets(&self) -> Packets<'a> {
        Packets { rest: self.bytes }
    }
}

/// The packets of a datagram.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

/// One packet of a datagram.
#[derive(Clone, Debug)]
pub enum Rtcp<'a> {
    /// From who sends sound.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// What it sends.
        sender: SenderInfo,
        /// What it receives.
        blocks: Blocks<'a>,
    },
    /// From who only listens.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// What it receives.
        blocks: Blocks<'a>,
    },
    /// Names of sources.
    SourceDescription(Chunks<'a>),
    /// Sources that send no more.
    Goodbye(Goodbye<'a>),
    /// A packet of another type, or one that holds less than it says.
    Other {
        /// The packet type.
        packet_type: u8,
    },
}

impl<'a> Iterator for Packets<'a> {
    type Item = Rtcp<'a>;

    fn next(&mut self) -> Option<Rtcp<'a>> {
        let [first, packet_type, high, low, ..] = *self.rest else { return None };
        let len = HEADER + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, behind) = self.rest.split_at_checked(len)?;
        self.rest = behind;
        let padding = if first & 0x20 == 0 { 0 } else { packet.last().copied().unwrap_or(0) };
        let body = packet.get(HEADER..len - usize::from(padding)).unwrap_or_default();
        let count = usize::from(first & 0x1F);
        let read = match packet_type {
            SENDER_REPORT => sender_report(body, count),
            RECEIVER_REPORT => receiver_report(body, count),
            SOURCE_DESCRIPTION => Some(Rtcp::SourceDescription(Chunks { rest: body, left: count })),
            GOODBYE => goodbye(body, count),
            _ => None,
        };
        Some(read.unwrap_or(Rtcp::Other { packet_type }))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

fn sender_report(body: &[u8], count: usize) -> Option<Rtcp<'_>> {
    let sender = SenderInfo {
        ntp: u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?),
        rtp_timestamp: word(body, 12)?,
        packets: word(body, 16)?,
        octets: word(body, 20)?,
    };
    let blocks = Blocks { rest: body.get(24..24 + BLOCK * count)? };
    Some(Rtcp::SenderReport { ssrc: word(body, 0)?, sender, blocks })
}

fn receiver_report(body: &[u8], count: usize) -> Option<Rtcp<'_>> {
    let blocks = Blocks { rest: body.get(4..4 + BLOCK * count)? };
    Some(Rtcp::ReceiverReport { ssrc: word(body, 0)?, blocks })
}

fn goodbye(body: &[u8], count: usize) -> Option<Rtcp<'_>> {
    let (sources, behind) = body.split_at_checked(4 * count)?;
    let reason = match *behind {
        [] => None,
        [len, ..] => Some(behind.get(1..1 + usize::from(len))?),
    };
    Some(Rtcp::Goodbye(Goodbye { sources, reason }))
}

/// The report blocks of a report.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    rest: &'a [u8],
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, behind) = self.rest.split_at_checked(BLOCK)?;
        self.rest = behind;
        let lost = word(block, 4)?;
        Some(ReportBlock {
            ssrc: word(block, 0)?,
            fraction_lost: block[4],
            // The sign is bit 23.
            cumulative_lost: (lost << 8).cast_signed() >> 8,
            extended_highest: word(block, 8)?,
            jitter: word(block, 12)?,
            last_sr: word(block, 16)?,
            delay_since_last_sr: word(block, 20)?,
        })
    }
}

/// The chunks of a source description.
#[derive(Clone)]
pub struct Chunks<'a> {
    rest: &'a [u8],
    left: usize,
}

impl std::fmt::Debug for Chunks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunks({})", self.left)
    }
}

/// What is said of one source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source.
    pub ssrc: u32,
    /// Its CNAME, where it is among the items; UTF-8 if the far end keeps to the RFC.
    pub cname: Option<&'a [u8]>,
}

impl std::fmt::Debug for Chunk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({:08x}, name of {:?} bytes)", self.ssrc, self.cname.map(<[u8]>::len))
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    /// Ends at the first chunk that is not whole.
    fn next(&mut self) -> Option<Chunk<'a>> {
        self.left = self.left.checked_sub(1)?;
        let chunk = self.rest;
        let ssrc = word(chunk, 0)?;
        let (mut at, mut cname) = (4, None);
        loop {
            match *chunk.get(at..)? {
                // A zero ends the items; the next chunk begins at the next word.
                [0, ..] => break,
                [kind, len, ..] => {
                    let text = chunk.get(at + 2..at + 2 + usize::from(len))?;
                    if kind == CNAME && cname.is_none() {
                        cname = Some(text);
                    }
                    at += 2 + usize::from(len);
                }
                _ => return None,
            }
        }
        self.rest = chunk.get((at / 4 + 1) * 4..).unwrap_or_default();
        Some(Chunk { ssrc, cname })
    }
}

/// Sources that send no more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Goodbye<'a> {
    sources: &'a [u8],
    reason: Option<&'a [u8]>,
}

impl std::fmt::Debug for Goodbye<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sources()).finish()
    }
}

impl<'a> Goodbye<'a> {
    /// Which.
    pub fn sources(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.sources.as_chunks().0.iter().map(|b| u32::from_be_bytes(*b))
    }

    /// Why, in the far end's words.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}
