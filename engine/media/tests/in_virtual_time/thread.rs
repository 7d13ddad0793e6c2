//! A media thread whose time is made up: several slots, real sockets on loopback, nothing pinned, nothing
//! sleeping.

use crossbeam_channel::unbounded;

use super::*;
use crate::{
    Clip, IceCredentials, Load, MediaConfig, PlaybackId, SlotId,
    event::MAX_THREADS,
    load::Gauges,
    media::Shared,
    playback::Repeat,
    worker::{Command, Post, Worker},
};

pub(super) struct Thread {
    worker: Worker,
    gauges: Arc<Gauges>,
    pub(super) now: Time,
    shared: Option<SocketAddr>,
    legs: Vec<Leg>,
    // Nobody gives commands by it; without it the thread would end.
    _commands: Sender<Command>,
}

struct Leg {
    id: SlotId,
    rtp: SocketAddr,
    rtcp: SocketAddr,
    ssrc: u32,
    codec: Codec,
    events: Receiver<(Time, MediaEvent)>,
    full: Receiver<Box<StereoChunk>>,
    give: Sender<Box<StereoChunk>>,
    sides: [Vec<i16>; 2],
    stats: Option<Stats>,
    bye: bool,
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

impl Thread {
    /// With a port for each slot, or one for all.
    pub(super) fn new(shares_port: bool) -> Self {
        let config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), 2..=3, Duration::from_secs(60));
        let (commands, received) = unbounded();
        let gauges = Arc::new(Gauges::new());
        let (rtp, at) = socket();
        let post = Post {
            shared: Arc::new(Shared::new(config).unwrap()),
            gauges: Arc::clone(&gauges),
            commands: received,
            core: None,
            sockets: shares_port.then(|| (rtp, socket().0)),
        };
        let shared = shares_port.then_some(at);
        let worker = Worker::new(post);
        Self { worker, gauges, now: BEGIN, shared, legs: Vec::new(), _commands: commands }
    }

    pub(super) fn open(&mut self, codec: Codec) -> usize {
        let n = self.legs.len();
        let ssrc = SSRC + n as u32;
        let ((full, filled), (give, empty), (tell, events)) = (unbounded(), unbounded(), unbounded());
        let rate_hz = codec.sample_rate_hz();
        (0..3).for_each(|_| give.send(Box::new(StereoChunk::new(rate_hz))).unwrap());
        let stereo = Some(StereoTap { recording: 1, rate_hz, full, empty, paused: Default::default() });
        let taps = Taps { heard: None, stereo, events: Box::new(move |at, e| drop(tell.send((at, e)))) };
        let ((rtp, own), (rtcp, rtcp_at)) = (socket(), socket());
        let (sockets, rtp) = match self.shared {
            Some(at) => (Sockets::Shared, at),
            None => (Sockets::Own { rtp, rtcp: Some(rtcp) }, own),
        };
        let slot = Box::new(Slot::new(sockets, ssrc, taps, Duration::from_secs(60)));
        let id = SlotId((n * MAX_THREADS) as u64);
        self.gauges.opened();
        self.worker.apply(Command::Open { slot, id, beside: None });
        let sides = Default::default();
        let (stats, bye) = (None, false);
        let leg = Leg { id, rtp, rtcp: rtcp_at, ssrc, codec, events, full: filled, give, sides, stats, bye };
        self.legs.push(leg);
        n
    }

    /// Two that are each other's far end.
    pub(super) fn pair(&mut self, codec: Codec) -> [usize; 2] {
        let (a, b) = (self.open(codec), self.open(codec));
        self.connect(a, b);
        self.connect(b, a);
        [a, b]
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        let (codec, rtp, rtcp, ssrc) = {
            let far = &self.legs[b];
            (far.codec, far.rtp, far.rtcp, far.ssrc)
        };
        let remote =
            Remote { rtcp: Some(rtcp), ssrc: Some(ssrc), ..Remote::plain(rtp, codec, number_of(codec)) };
        self.start(a, remote);
    }

    pub(super) fn start(&mut self, leg: usize, remote: Remote) {
        self.worker.apply(Command::Start(self.legs[leg].id, Box::new(remote)));
    }

    pub(super) fn expect_checks(&mut self, leg: usize, ours: IceCredentials) {
        self.worker.apply(Command::ExpectChecks(self.legs[leg].id, Box::new(ours)));
    }

    pub(super) fn hums(&mut self, leg: usize, frequency: f32, ms: u32, level_dbov: f32) {
        let samples = waihu_audio::tone::sine(frequency, ms, level_dbov, 8_000);
        let clip = Arc::new(Clip::new(samples.into(), &[self.legs[leg].codec]));
        self.worker.apply(Command::Play(self.legs[leg].id, PlaybackId(1), clip, Repeat::Once));
    }

    pub(super) fn join(&mut self, legs: &[usize]) {
        self.worker.apply(Command::Join(legs.iter().map(|n| self.legs[*n].id).collect()));
    }

    pub(super) fn hear(&mut self, who: &[(usize, &[usize])]) {
        let id = |n: &usize| self.legs[*n].id;
        let who = who.iter().map(|(n, heard)| (id(n), heard.iter().map(id).collect())).collect();
        self.worker.apply(Command::Hear(who));
    }

    pub(super) fn leave(&mut self, leg: usize) {
        self.worker.apply(Command::Leave(self.legs[leg].id));
    }

    pub(super) fn address(&self, leg: usize) -> SocketAddr {
        self.legs[leg].rtp
    }

    pub(super) fn load(&self) -> Load {
        let mut load = Load::default();
        self.gauges.add_to(&mut load);
        load
    }

    /// So many milliseconds, with something done before each.
    pub(super) fn run_with(&mut self, ms: u64, mut each: impl FnMut(u64)) {
        for n in 0..ms {
            each(n);
            self.worker.millisecond(self.now, self.now);
            self.now = self.now + Duration::from_millis(1);
            if n % 100 == 99 {
                self.legs.iter_mut().for_each(Leg::take_chunks);
            }
        }
    }

    pub(super) fn run(&mut self, ms: u64) {
        self.run_with(ms, |_| ());
    }

    /// Closes all, the first leg first: what each heard, and its counts.
    pub(super) fn end(mut self) -> Vec<Ended> {
        for n in 0..self.legs.len() {
            self.worker.apply(Command::Close(self.legs[n].id));
            self.run(25);
        }
        self.legs.iter_mut().for_each(Leg::take_chunks);
        let ended = |leg: Leg| {
            let rate = leg.codec.sample_rate_hz();
            Ended {
                heard: leg.sides[0].clone(),
                said: leg.sides[1].clone(),
                rate,
                stats: leg.stats,
                bye: leg.bye,
            }
        };
        self.legs.into_iter().map(ended).collect()
    }
}

impl Leg {
    fn take_chunks(&mut self) {
        for mut chunk in self.full.try_iter() {
            let owed = chunk.owed() as usize;
            self.sides.iter_mut().for_each(|s| s.resize(s.len() + owed, 0));
            for pair in chunk.samples().chunks(2) {
                (0..2).for_each(|side| self.sides[side].push(pair[side]));
            }
            chunk.begin(0, 0);
            let _ = self.give.send(chunk);
        }
        for (_, event) in self.events.try_iter() {
            match event {
                MediaEvent::Closed(stats) => self.stats = Some(stats),
                MediaEvent::Bye => self.bye = true,
                _ => {}
            }
        }
    }
}

pub(super) struct Ended {
    pub(super) heard: Vec<i16>,
    pub(super) said: Vec<i16>,
    pub(super) rate: u32,
    pub(super) stats: Option<Stats>,
    pub(super) bye: bool,
}

impl Ended {
    /// How much of each frequency it heard in half a second from `ms` on.
    pub(super) fn hears<const N: usize>(&self, ms: usize, frequencies: [f32; N]) -> [f32; N] {
        Self::of(&self.heard, self.rate, ms, frequencies)
    }

    pub(super) fn said<const N: usize>(&self, ms: usize, frequencies: [f32; N]) -> [f32; N] {
        Self::of(&self.said, self.rate, ms, frequencies)
    }

    fn of<const N: usize>(side: &[i16], rate: u32, ms: usize, frequencies: [f32; N]) -> [f32; N] {
        let rate_k = rate as usize / 1_000;
        let part = &side[ms * rate_k..(ms + 500) * rate_k];
        frequencies.map(|f| waihu_audio::tone::amplitude_at(part, f, rate))
    }
}
