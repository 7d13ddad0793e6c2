//! Which way of socket I/O costs a media thread least: streams of RTP-sized packets, one each 20 ms
//! both ways, over loopback; the engine's side on core 0, far ends on core 1.
//!
//! `cargo run --release -p waihu-media --example io [both|receive] [seconds] [repeats]
//! [all|ways, as epoll,one-recv] [streams ...]`; with `receive` the engine sends nothing. No sound, no jitter buffer: what is compared is the system calls. On loopback whoever
//! sends also pays for the way into the far end's socket, so sending looks dearer than on a network card
//! and receiving cheaper.

// Its table is what it is for.
#![allow(clippy::print_stdout)]
// io_uring reads and writes memory behind the compiler's back: its part of this comparison cannot do
// without. Nothing outside this example may.
#![allow(unsafe_code)]

use std::{
    error::Error,
    io::{IoSlice, IoSliceMut},
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::{AsRawFd, RawFd},
    sync::atomic::{AtomicBool, AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sched::{CpuSet, sched_setaffinity},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        socket::{
            ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, SockaddrLike, recv,
            recvmmsg, send, sendmmsg, sendto, setsockopt, sockopt,
        },
        time::TimeSpec,
    },
    unistd::Pid,
};

/// Bytes of a packet: 20 ms of G.711 behind its header.
const PACKET: usize = 172;
/// Milliseconds between two packets of a stream, and so the slots over which streams are spread.
const SLOTS: usize = 20;
/// Bytes that one datagram may fill: packets joined by the kernel come in one.
const JOINED: usize = 64 * 1024;
/// Buffers that io_uring receives into: more than arrive in 20 ms of 4,000 streams.
const RING_BUFFERS: u16 = 8192;
/// Bytes of each: the packet, and before it the address and io_uring's own header.
const RING_BUFFER: usize = 256;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What a socket for each stream is read and written with.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    /// Sockets that have something are asked of the kernel once a millisecond; one `recv` each.
    Epoll,
    /// Each socket in its slot, `recv` until there is nothing.
    UntilEmpty,
    /// Each socket in its slot: one `recv`, and to the end only each sixteenth time.
    OneRecv,
    /// Each socket in its slot, one `recvmmsg` with room for so many.
    Several(usize),
    /// The same with the kernel's time of receipt.
    SeveralStamped(usize),
    /// Multishot receive into shared buffers, sends submitted together.
    Ring,
    /// One socket for all: `recvmmsg` and `sendmmsg` of so many, once a millisecond.
    Shared(usize),
    /// The same with the kernel's time of receipt.
    SharedStamped(usize),
    /// One socket, and packets to one address joined into datagrams that the kernel cuts.
    SharedCut(usize),
    /// One socket, io_uring.
    SharedRing,
}

impl Way {
    fn shared(self) -> bool {
        matches!(self, Self::Shared(_) | Self::SharedStamped(_) | Self::SharedCut(_) | Self::SharedRing)
    }

    fn stamped(self) -> bool {
        matches!(self, Self::SeveralStamped(_) | Self::SharedStamped(_))
    }
}

/// Whether the engine's sockets know their one far end.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Peer {
    Connected,
    Unconnected,
}

/// Whether the engine sends at all.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Ways {
    Both,
    Receive,
}

struct Case {
    name: &'static str,
    way: Way,
    peer: Peer,
    /// Bytes asked for as each engine socket's receive buffer; the kernel's default if none.
    receive_buffer: Option<usize>,
}

const fn case(name: &'static str, way: Way, peer: Peer, receive_buffer: Option<usize>) -> Case {
    Case { name, way, peer, receive_buffer }
}

const CASES: [Case; 20] = [
    case("epoll", Way::Epoll, Peer::Connected, None),
    case("until-empty", Way::UntilEmpty, Peer::Connected, None),
    case("until-empty-unconnected", Way::UntilEmpty, Peer::Unconnected, None),
    case("one-recv", Way::OneRecv, Peer::Connected, None),
    case("one-recv-unconnected", Way::OneRecv, Peer::Unconnected, None),
    case("recvmmsg-4", Way::Several(4), Peer::Connected, None),
    case("recvmmsg-8", Way::Several(8), Peer::Connected, None),
    case("recvmmsg-8-unconnected", Way::Several(8), Peer::Unconnected, None),
    case("recvmmsg-8-rcvbuf-16k", Way::Several(8), Peer::Unconnected, Some(16 << 10)),
    case("recvmmsg-8-rcvbuf-1m", Way::Several(8), Peer::Unconnected, Some(1 << 20)),
    case("recvmmsg-8-stamped", Way::SeveralStamped(8), Peer::Unconnected, None),
    case("uring", Way::Ring, Peer::Connected, None),
    case("shared-16", Way::Shared(16), Peer::Unconnected, Some(4 << 20)),
    case("shared-32", Way::Shared(32), Peer::Unconnected, Some(4 << 20)),
    case("shared-64", Way::Shared(64), Peer::Unconnected, Some(4 << 20)),
    case("shared-128", Way::Shared(128), Peer::Unconnected, Some(4 << 20)),
    case("shared-64-stamped", Way::SharedStamped(64), Peer::Unconnected, Some(4 << 20)),
    case("shared-64-rcvbuf-default", Way::Shared(64), Peer::Unconnected, None),
    case("shared-gso-gro", Way::SharedCut(32), Peer::Unconnected, Some(4 << 20)),
    case("shared-uring", Way::SharedRing, Peer::Unconnected, Some(4 << 20)),
];

/// What one side did.
#[derive(Default, Clone, Copy)]
struct Done {
    sent: u64,
    received: u64,
    cpu: Duration,
    /// The longest that a millisecond's work began behind its time.
    late: Duration,
}

fn pin(core: usize) -> Fallible<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The time that this thread has run, in it the soft interrupts that it was charged with.
fn thread_cpu() -> Fallible<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
    Ok(Duration::from_nanos(ns))
}

fn address(socket: &UdpSocket) -> Fallible<SockaddrIn> {
    match socket.local_addr()? {
        SocketAddr::V4(v4) => Ok(v4.into()),
        SocketAddr::V6(_) => Err("an IPv6 address".into()),
    }
}

fn socket(receive_buffer: Option<usize>) -> Fallible<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    if let Some(bytes) = receive_buffer {
        // Beyond rmem_max only root may go.
        setsockopt(&socket, sockopt::RcvBufForce, &bytes)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &bytes))?;
    }
    Ok(socket)
}

/// Room for `B` datagrams, and the headers that the kernel fills; nothing is allocated after it is made.
struct Batch<const B: usize, S> {
    buffers: Box<[Vec<u8>; B]>,
    headers: MultiHeaders<S>,
}

impl<const B: usize, S: SockaddrLike + Copy> Batch<B, S> {
    fn new(bytes: usize, control: Option<Vec<u8>>) -> Self {
        let buffers = Box::new(std::array::from_fn(|_| vec![0; bytes]));
        Self { buffers, headers: MultiHeaders::preallocate(B, control) }
    }

    /// Calls `take` with each of up to `B` datagrams and the sender; gives how many there were.
    fn receive(&mut self, fd: RawFd, mut take: impl FnMut(&[u8], Option<S>, usize)) -> usize {
        let mut slices: [[IoSliceMut<'_>; 1]; B] =
            self.buffers.each_mut().map(|b| [IoSliceMut::new(b.as_mut_slice())]);
        let Ok(got) = recvmmsg(fd, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) else {
            return 0;
        };
        let mut n = 0;
        for message in got {
            let mut segment = PACKET;
            if let Ok(controls) = message.cmsgs() {
                for control in controls {
                    match control {
                        ControlMessageOwned::UdpGroSegments(bytes) => segment = bytes as usize,
                        ControlMessageOwned::ScmTimestampns(time) => drop(std::hint::black_box(time)),
                        _ => {}
                    }
                }
            }
            if let Some(bytes) = message.iovs().next() {
                take(bytes, message.address, segment);
            }
            n += 1;
        }
        n
    }
}

/// Sends the packets of `buffers` to their addresses; gives how many went.
fn send_all<const B: usize>(
    fd: RawFd,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &[[u8; PACKET]],
    to: &[Option<SockaddrIn>],
) -> u64 {
    let mut sent = 0;
    for (buffers, to) in buffers.chunks(B).zip(to.chunks(B)) {
        let slices: [[IoSlice<'_>; 1]; B] =
            std::array::from_fn(|i| [IoSlice::new(&buffers[i.min(buffers.len() - 1)])]);
        let none: [ControlMessage<'_>; 0] = [];
        let went = sendmmsg(fd, headers, slices.iter().take(to.len()), to, none, MsgFlags::MSG_DONTWAIT);
        sent += went.map_or(0, |went| went.count() as u64);
    }
    sent
}

fn write_header(packet: &mut [u8; PACKET], stream: usize, sequence: u64) {
    packet[0] = 0x80;
    packet[1] = 8;
    packet[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&(sequence as u32 * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&(stream as u32).to_be_bytes());
}

/// What any engine does with a packet at least: whose is it?
fn read_header(packet: &[u8]) -> Option<usize> {
    let ssrc = packet.get(8..12)?;
    Some(u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]) as usize)
}

/// Millisecond for millisecond until `end`; `work` gets the slot and the round.
fn each_ms(
    start: Instant,
    end: Instant,
    done: &mut Done,
    mut work: impl FnMut(&mut Done, usize, u64),
) -> Fallible<()> {
    let before = thread_cpu()?;
    for tick in 0.. {
        let due = start + Duration::from_millis(tick);
        if due >= end {
            break;
        }
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            thread::sleep(wait);
        }
        done.late = done.late.max(due.elapsed());
        work(done, tick as usize % SLOTS, tick / SLOTS as u64);
    }
    done.cpu = thread_cpu()?.saturating_sub(before);
    Ok(())
}

/// The far ends: a few sockets for all streams, cheap enough not to be what is measured.
fn far_ends(
    sockets: &[UdpSocket],
    near: &[SockaddrIn],
    way: Way,
    (start, end): (Instant, Instant),
    sent_all: &AtomicBool,
) -> Fallible<Done> {
    pin(1)?;
    let mut done = Done::default();
    let mut batch: Batch<64, ()> = Batch::new(2048, None);
    let mut headers = MultiHeaders::preallocate(64, None);
    // Their slot is another one than the engine's for the same stream.
    let streams: Vec<Vec<usize>> =
        (0..SLOTS).map(|slot| (0..near.len()).filter(|s| (s * 7 + 3) % SLOTS == slot).collect()).collect();
    let mut packets = vec![[0xD5; PACKET]; near.len()];
    let mut to = Vec::new();
    // Some time after the engine's last tick, for what is still on its way.
    each_ms(start + Duration::from_micros(500), end, &mut done, |done, slot, round| {
        to.clear();
        for (packet, stream) in packets.iter_mut().zip(&streams[slot]) {
            write_header(packet, *stream, round);
            to.push(Some(near[*stream]));
        }
        let fd = sockets[slot % sockets.len()].as_raw_fd();
        let packets = &packets[..to.len()];
        done.sent += match way {
            Way::SharedCut(_) => send_cut(fd, packets, near[0]),
            _ => send_all::<64>(fd, &mut headers, packets, &to),
        };
        for socket in sockets {
            while batch.receive(socket.as_raw_fd(), |_, _, _| done.received += 1) == 64 {}
        }
    })?;
    // An engine that lags sends on: what it sends late is late, not lost.
    let mut last = false;
    while !last {
        last = sent_all.load(Ordering::Acquire);
        for socket in sockets {
            while batch.receive(socket.as_raw_fd(), |_, _, _| done.received += 1) > 0 {}
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(done)
}

/// Packets to one address, up to 64 in one call, cut apart by the kernel.
fn send_cut(fd: RawFd, packets: &[[u8; PACKET]], to: SockaddrIn) -> u64 {
    let mut sent = 0;
    // 64 is the most that a kernel before 6.9 cuts one datagram into.
    for packets in packets.chunks(64) {
        let segment = PACKET as u16;
        let slices = [IoSlice::new(packets.as_flattened())];
        let cut = [ControlMessage::UdpGsoSegments(&segment)];
        // nix allocates the control message's buffer here; a media thread would want it made before.
        let went =
            nix::sys::socket::sendmsg(fd, &slices, &cut, MsgFlags::MSG_DONTWAIT, Some(&to)).unwrap_or(0);
        sent += (went / PACKET) as u64;
    }
    sent
}

/// The engine's side: its sockets and whom each stream is sent to.
struct Engine {
    way: Way,
    peer: Peer,
    sockets: Vec<UdpSocket>,
    far: Vec<SockaddrIn>,
    start: Instant,
    end: Instant,
    ways: Ways,
}

impl Engine {
    fn run(self) -> Fallible<Done> {
        pin(0)?;
        match self.way {
            Way::Epoll => self.epoll(),
            Way::UntilEmpty | Way::OneRecv => self.plain(),
            Way::Several(4) => self.several::<4>(),
            Way::Several(_) | Way::SeveralStamped(_) => self.several::<8>(),
            Way::Shared(16) => self.shared::<16>(),
            Way::Shared(32) => self.shared::<32>(),
            Way::Shared(128) => self.shared::<128>(),
            Way::Shared(_) | Way::SharedStamped(_) => self.shared::<64>(),
            Way::SharedCut(_) => self.cut::<32>(),
            Way::Ring | Way::SharedRing => self.ring(),
        }
    }

    fn fd(&self, stream: usize) -> RawFd {
        self.sockets[stream % self.sockets.len()].as_raw_fd()
    }

    fn send_one(&self, done: &mut Done, packet: &mut [u8; PACKET], stream: usize, round: u64) {
        if self.ways == Ways::Receive {
            return;
        }
        write_header(packet, stream, round);
        let sent = match self.peer {
            Peer::Connected => send(self.fd(stream), packet, MsgFlags::MSG_DONTWAIT),
            Peer::Unconnected => sendto(self.fd(stream), packet, &self.far[stream], MsgFlags::MSG_DONTWAIT),
        };
        done.sent += u64::from(sent.is_ok());
    }

    fn streams(&self, slot: usize) -> impl Iterator<Item = usize> + use<> {
        (slot..self.far.len()).step_by(SLOTS)
    }

    /// Those of a slot that a packet is sent for.
    fn sending(&self, slot: usize) -> impl Iterator<Item = usize> + use<> {
        self.streams(slot).take(if self.ways == Ways::Both { usize::MAX } else { 0 })
    }

    fn epoll(self) -> Fallible<Done> {
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        for (i, socket) in self.sockets.iter().enumerate() {
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, i as u64))?;
        }
        let (mut done, mut packet, mut buffer) = (Done::default(), [0xD5; PACKET], [0; 2048]);
        let mut events = [EpollEvent::empty(); 256];
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            loop {
                let ready = epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
                for event in &events[..ready] {
                    if let Ok(n) = recv(self.fd(event.data() as usize), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                        done.received += u64::from(read_header(&buffer[..n]).is_some());
                    }
                }
                if ready < events.len() {
                    break;
                }
            }
            self.streams(slot).for_each(|stream| self.send_one(done, &mut packet, stream, round));
        })?;
        Ok(done)
    }

    fn plain(self) -> Fallible<Done> {
        let (mut done, mut packet, mut buffer) = (Done::default(), [0xD5; PACKET], [0; 2048]);
        let mut from = libc_sockaddr();
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            for stream in self.streams(slot) {
                let to_the_end =
                    self.way == Way::UntilEmpty || (round as usize + stream / SLOTS).is_multiple_of(16);
                loop {
                    let got = match self.peer {
                        Peer::Connected => recv(self.fd(stream), &mut buffer, MsgFlags::MSG_DONTWAIT),
                        Peer::Unconnected => receive_from(self.fd(stream), &mut buffer, &mut from),
                    };
                    let Ok(n) = got else { break };
                    done.received += u64::from(read_header(&buffer[..n]).is_some());
                    if !to_the_end {
                        break;
                    }
                }
                self.send_one(done, &mut packet, stream, round);
            }
        })?;
        Ok(done)
    }

    fn several<const B: usize>(self) -> Fallible<Done> {
        let (mut done, mut packet) = (Done::default(), [0xD5; PACKET]);
        let control = self.way.stamped().then(|| cmsg_space!(TimeSpec));
        let mut batch: Batch<B, SockaddrIn> = Batch::new(2048, control);
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            for stream in self.streams(slot) {
                let received = &mut done.received;
                batch.receive(self.fd(stream), |bytes, _, _| {
                    *received += u64::from(read_header(bytes).is_some())
                });
                self.send_one(done, &mut packet, stream, round);
            }
        })?;
        Ok(done)
    }

    fn shared<const B: usize>(self) -> Fallible<Done> {
        let mut done = Done::default();
        let control = self.way.stamped().then(|| cmsg_space!(TimeSpec));
        let mut batch: Batch<B, SockaddrIn> = Batch::new(2048, control);
        let mut headers = MultiHeaders::preallocate(B, None);
        let mut packets = vec![[0xD5; PACKET]; self.far.len().div_ceil(SLOTS)];
        let mut to = Vec::with_capacity(packets.len());
        let fd = self.fd(0);
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            let received = &mut done.received;
            while batch.receive(fd, |bytes, _, _| *received += u64::from(read_header(bytes).is_some())) == B {
            }
            to.clear();
            for (packet, stream) in packets.iter_mut().zip(self.sending(slot)) {
                write_header(packet, stream, round);
                to.push(Some(self.far[stream]));
            }
            done.sent += send_all::<B>(fd, &mut headers, &packets[..to.len()], &to);
        })?;
        Ok(done)
    }

    fn cut<const B: usize>(self) -> Fallible<Done> {
        let mut done = Done::default();
        let fd = self.fd(0);
        setsockopt(&self.sockets[0], sockopt::UdpGroSegment, &true)?;
        let mut batch: Batch<B, SockaddrIn> = Batch::new(JOINED, Some(cmsg_space!(i32)));
        let mut packets = vec![[0xD5; PACKET]; self.far.len().div_ceil(SLOTS)];
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            let received = &mut done.received;
            while batch.receive(fd, |bytes, _, segment| {
                *received += bytes.chunks(segment).filter_map(read_header).count() as u64;
            }) == B
            {}
            let mut n = 0;
            for (packet, stream) in packets.iter_mut().zip(self.sending(slot)) {
                write_header(packet, stream, round);
                n += 1;
            }
            done.sent += send_cut(fd, &packets[..n], self.far[0]);
        })?;
        Ok(done)
    }
}

fn libc_sockaddr() -> libc::sockaddr_in {
    SockaddrIn::from(SocketAddrV4::new([0, 0, 0, 0].into(), 0)).into()
}

/// `recvfrom` that does not wait and gives the sender; nix has it without flags only.
fn receive_from(fd: RawFd, buffer: &mut [u8], from: &mut libc::sockaddr_in) -> Result<usize, Errno> {
    let mut len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: buffer and address are valid for the lengths given.
    let n = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            std::ptr::from_mut(from).cast(),
            &raw mut len,
        )
    };
    Errno::result(n).map(|n| n as usize)
}

/// Buffers that the kernel takes from and we give back, in the shape that io_uring wants.
struct RingBuffers {
    entries: *mut types::BufRingEntry,
    memory: Vec<u8>,
    tail: u16,
}

impl RingBuffers {
    fn register(ring: &IoUring) -> Fallible<Self> {
        let bytes = usize::from(RING_BUFFERS) * size_of::<types::BufRingEntry>();
        let layout = std::alloc::Layout::from_size_align(bytes, 4096)?;
        // SAFETY: the layout has a size; the memory lives until the process ends.
        let entries = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<types::BufRingEntry>();
        let mut buffers = Self { entries, memory: vec![0; usize::from(RING_BUFFERS) * RING_BUFFER], tail: 0 };
        // SAFETY: as many entries as said, never freed.
        unsafe { ring.submitter().register_buf_ring_with_flags(entries as u64, RING_BUFFERS, 0, 0)? };
        (0..RING_BUFFERS).for_each(|id| buffers.give(id));
        buffers.publish();
        Ok(buffers)
    }

    fn bytes(&self, id: u16) -> &[u8] {
        &self.memory[usize::from(id) * RING_BUFFER..][..RING_BUFFER]
    }

    fn give(&mut self, id: u16) {
        let at = usize::from(self.tail % RING_BUFFERS);
        // SAFETY: `at` is within the entries.
        let entry = unsafe { &mut *self.entries.add(at) };
        entry.set_addr(self.bytes(id).as_ptr() as u64);
        entry.set_len(RING_BUFFER as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&self) {
        // SAFETY: the tail is a u16 within the first entry, which lives as long as the process.
        let tail = unsafe { &*types::BufRingEntry::tail(self.entries).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Engine {
    fn ring(self) -> Fallible<Done> {
        let mut done = Done::default();
        let mut ring: IoUring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(u32::from(RING_BUFFERS) * 2)
            .build(4096)?;
        let fds: Vec<RawFd> = self.sockets.iter().map(AsRawFd::as_raw_fd).collect();
        ring.submitter().register_files(&fds)?;
        let mut buffers = RingBuffers::register(&ring)?;
        // SAFETY: all zero is a message header without anything.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_namelen = size_of::<libc::sockaddr_in>() as _;
        let listen = |socket: u32| {
            let fd = types::Fixed(socket);
            match self.way {
                Way::SharedRing => opcode::RecvMsgMulti::new(fd, &raw const header, 0).build(),
                _ => opcode::RecvMulti::new(fd, 0).build(),
            }
            .user_data(u64::from(socket))
        };
        for socket in 0..fds.len() as u32 {
            // SAFETY: buffers and header outlive the ring's last event.
            while unsafe { ring.submission().push(&listen(socket)) }.is_err() {
                ring.submit()?;
            }
        }
        ring.submit()?;
        let mut packets = vec![[0xD5; PACKET]; self.far.len()];
        let to: Vec<libc::sockaddr_in> = self.far.iter().map(|a| (*a).into()).collect();
        let mut again = Vec::with_capacity(fds.len());
        each_ms(self.start, self.end, &mut done, |done, slot, round| {
            let mut submission = ring.submission();
            for stream in self.sending(slot) {
                write_header(&mut packets[stream], stream, round);
                let fd = types::Fixed((stream % fds.len()) as u32);
                let mut send = opcode::Send::new(fd, packets[stream].as_ptr(), PACKET as u32);
                if self.peer == Peer::Unconnected {
                    send = send.dest_addr((&raw const to[stream]).cast()).dest_addr_len(size_of::<
                        libc::sockaddr_in,
                    >(
                    )
                        as _);
                }
                let entry = send.build().user_data(u64::MAX).flags(squeue::Flags::SKIP_SUCCESS);
                // SAFETY: packet and address live until the thread ends.
                done.sent += u64::from(unsafe { submission.push(&entry) }.is_ok());
            }
            again.drain(..).for_each(|socket| {
                // SAFETY: as above.
                let _ = unsafe { submission.push(&listen(socket)) };
            });
            let n = submission.len() as u32;
            drop(submission);
            // SAFETY: no argument goes with it. Without the flag no deferred work would run.
            let _ = unsafe { ring.submitter().enter::<()>(n, 0, 1, None) };
            for event in ring.completion() {
                if event.user_data() == u64::MAX {
                    // Only a send that failed says so.
                    done.sent -= 1;
                    continue;
                }
                if let (true, Some(id)) = (event.result() > 0, cqueue::buffer_select(event.flags())) {
                    let bytes = &buffers.bytes(id)[..event.result() as usize];
                    let stream = match self.way {
                        Way::SharedRing => types::RecvMsgOut::parse(bytes, &header)
                            .ok()
                            .and_then(|message| read_header(message.payload_data())),
                        _ => read_header(bytes),
                    };
                    done.received += u64::from(stream.is_some());
                    buffers.give(id);
                }
                if !cqueue::more(event.flags()) {
                    again.push(event.user_data() as u32);
                }
            }
            buffers.publish();
        })?;
        Ok(done)
    }
}

fn measure(case: &Case, ways: Ways, streams: usize, time: Duration) -> Fallible<(Done, Done)> {
    let sockets = if case.way.shared() { 1 } else { streams };
    let near = (0..sockets).map(|_| socket(case.receive_buffer)).collect::<Fallible<Vec<_>>>()?;
    let far_sockets = if matches!(case.way, Way::SharedCut(_)) { 1 } else { 5 };
    let far = (0..far_sockets).map(|_| socket(Some(16 << 20))).collect::<Fallible<Vec<_>>>()?;
    let far_addresses = far.iter().map(address).collect::<Fallible<Vec<_>>>()?;
    let near_addresses = near.iter().map(address).collect::<Fallible<Vec<_>>>()?;
    // A far end keeps its address: a stream's packets come from where its packets go.
    let sends_to: Vec<SockaddrIn> =
        (0..streams).map(|s| far_addresses[(s * 7 + 3) % SLOTS % far_addresses.len()]).collect();
    let stream_addresses: Vec<SockaddrIn> = (0..streams).map(|s| near_addresses[s % sockets]).collect();
    for (i, socket) in near.iter().enumerate() {
        if case.peer == Peer::Connected {
            socket.connect(SocketAddrV4::from(sends_to[i]))?;
        }
        if case.way.stamped() {
            setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
        }
    }
    let start = Instant::now() + Duration::from_millis(100);
    let end = start + time;
    let way = case.way;
    // The engine goes on a little longer than the far ends speak, in whole rounds.
    let engine_end = end + Duration::from_millis(400);
    let engine = Engine { way, peer: case.peer, sockets: near, far: sends_to, start, end: engine_end, ways };
    let sent_all = AtomicBool::new(false);
    let (engine, far) = thread::scope(|scope| {
        let far = scope.spawn(|| far_ends(&far, &stream_addresses, way, (start, end), &sent_all));
        let engine = scope.spawn(|| {
            let done = engine.run();
            sent_all.store(true, Ordering::Release);
            done
        });
        (engine.join(), far.join())
    });
    let engine = engine.map_err(|_| "the engine fell")??;
    let far = far.map_err(|_| "the far ends fell")??;
    Ok((engine, far))
}

fn main() -> Fallible<()> {
    let mut args = std::env::args().skip(1);
    let ways = if args.next().as_deref() == Some("receive") { Ways::Receive } else { Ways::Both };
    let seconds: u64 = args.next().map_or(Ok(3), |a| a.parse())?;
    let repeats: usize = args.next().map_or(Ok(3), |a| a.parse())?;
    let names = args.next().filter(|names| names != "all");
    let mut numbers = args.map(|a| a.parse()).collect::<Result<Vec<usize>, _>>()?;
    if numbers.is_empty() {
        numbers = vec![1000, 2000, 3000, 4000];
    }
    println!("CPU is the least of {repeats} runs of {seconds} s, in % of core 0 for each 1,000 streams");
    println!(
        "{:26}{:>8}{:>8}{:>8}{:>10}{:>10}{:>9}",
        "way", "streams", "cpu %", "median", "lost in", "lost out", "late ms"
    );
    for case in &CASES {
        if names.as_ref().is_some_and(|n| n.split(',').all(|n| n != case.name)) {
            continue;
        }
        for &streams in &numbers {
            let mut runs = Vec::new();
            for _ in 0..repeats {
                let (engine, far) = measure(case, ways, streams, Duration::from_secs(seconds))?;
                // By packets handled: an engine that other programs keep from its core does less.
                let frames = match ways {
                    Ways::Both => (engine.sent + engine.received) as f64 / 2.0,
                    Ways::Receive => engine.received as f64,
                };
                // 50,000 frames a second are 1,000 streams.
                let cpu = engine.cpu.as_secs_f64() / frames.max(1.0) * 50_000.0 * 100.0;
                runs.push((cpu, engine, far));
            }
            runs.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (cpu, engine, far) = &runs[0];
            println!(
                "{:26}{streams:>8}{cpu:>8.2}{:>8.2}{:>10}{:>10}{:>9.1}",
                case.name,
                runs[repeats / 2].0,
                far.sent - engine.received.min(far.sent),
                engine.sent.saturating_sub(far.received),
                engine.late.as_secs_f64() * 1e3,
            );
        }
    }
    Ok(())
}
