//! The same far ends, two by two, relayed by rtpengine in user space: as many packets in and out as the
//! engine has, none of them decoded, watched or recorded.
//!
//! It is told of calls by its `ng` protocol: a cookie and a bencoded dictionary in a datagram.

use std::{
    net::{SocketAddrV4, UdpSocket},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use waihu_load::NearEnds;

use super::{
    RunArgs,
    engine_side::{RTP_PORTS, cpu_time, resident_kib, seen_by_far_ends},
    run::{Beside, Measured, WARM_UP_S},
};

/// Where it listens for us.
const CONTROL: &str = "127.0.0.1:22223";
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An rtpengine of our own, which ends with this.
struct Relay {
    child: Child,
    control: UdpSocket,
    cookie: u64,
}

pub(super) fn measure(args: &RunArgs) -> Result<Measured> {
    ensure!(
        args.calls.is_multiple_of(2),
        "rtpengine joins two far ends a call: give an even number of calls"
    );
    ensure!(args.srtp.is_none(), "rtpengine is compared without SRTP");
    let mut relay = Relay::start()?;
    let before_kib = resident_kib(&relay.status())?;
    let (mut beside, far) = Beside::start(args)?;
    let mut near_ends = Vec::with_capacity(args.calls);
    for (n, pair) in far.far_ends.chunks(2).enumerate() {
        let [a, b] = pair else { bail!("a far end is alone") };
        // What is said to one side is where the other sends.
        let for_b = relay.describe("offer", n, &a.address)?;
        let for_a = relay.describe("answer", n, &b.address)?;
        near_ends.extend([for_a, for_b]);
    }
    beside.begin(&NearEnds { near_ends, ..NearEnds::default() })?;
    std::thread::sleep(Duration::from_secs(WARM_UP_S));
    let (from, began) = (cpu_time(&relay.stat())?, Instant::now());
    std::thread::sleep(Duration::from_secs(args.seconds));
    let (to, took) = (cpu_time(&relay.stat())?, began.elapsed());
    let kib = resident_kib(&relay.status())?.saturating_sub(before_kib);
    let report = beside.finish()?;
    Ok(Measured {
        core_percent: (to - from).as_secs_f64() / took.as_secs_f64() * 100.0,
        kib_per_call: kib as f64 / args.calls as f64,
        ..seen_by_far_ends(args, took, &report)
    })
}

impl Relay {
    fn start() -> Result<Self> {
        let (first, last) = (RTP_PORTS.start().to_string(), RTP_PORTS.end().to_string());
        // It inherits the core that we keep to. In user space alone: no table of the kernel's.
        let child = Command::new("rtpengine")
            .args(["--table=-1", "--foreground", "--log-level=3", "--log-stderr", "--num-threads=1"])
            .args(["--config-file=none", "--interface=127.0.0.1", "--listen-ng", CONTROL])
            .args(["--port-min", &first, "--port-max", &last])
            .stdout(Stdio::null())
            .spawn()
            .context(
                "rtpengine does not start: is it installed (apt-get install rtpengine-daemon)? 请先安装",
            )?;
        let control = UdpSocket::bind("127.0.0.1:0")?;
        control.connect(CONTROL)?;
        control.set_read_timeout(Some(Duration::from_millis(200)))?;
        // Of our own: it answers a cookie that it has seen with what it said before.
        let mut relay = Self { child, control, cookie: u64::from(std::process::id()) << 20 };
        let began = Instant::now();
        while relay.ask("d7:command4:pinge").is_err() {
            ensure!(began.elapsed() < PATIENCE, "rtpengine does not answer at {CONTROL}");
            std::thread::sleep(Duration::from_millis(100));
        }
        relay.control.set_read_timeout(Some(PATIENCE))?;
        Ok(relay)
    }

    fn stat(&self) -> String {
        format!("/proc/{}/stat", self.child.id())
    }

    fn status(&self) -> String {
        format!("/proc/{}/status", self.child.id())
    }

    /// Tells it where one side of call `n` is; gives where the other is to send.
    fn describe(&mut self, command: &str, n: usize, address: &SocketAddrV4) -> Result<SocketAddrV4> {
        let (ip, port) = (address.ip(), address.port());
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
             a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
        );
        let call = format!("call-{n}");
        let mut words = vec![("call-id", call.as_str()), ("command", command), ("from-tag", "a")];
        words.push(("sdp", &sdp));
        if command == "answer" {
            words.push(("to-tag", "b"));
        }
        let asked: String = words.iter().map(|(k, v)| format!("{}:{k}{}:{v}", k.len(), v.len())).collect();
        let told = self.ask(&format!("d{asked}e"))?;
        let port = told
            .split("m=audio ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .with_context(|| format!("rtpengine answers {told:?}"))?;
        Ok(SocketAddrV4::new(*ip, port))
    }

    fn ask(&mut self, dictionary: &str) -> Result<String> {
        self.cookie += 1;
        let cookie = self.cookie.to_string();
        self.control.send(format!("{cookie} {dictionary}").as_bytes())?;
        let mut buffer = [0; 8_192];
        loop {
            let len = self.control.recv(&mut buffer)?;
            let told = String::from_utf8_lossy(&buffer[..len]).into_owned();
            // An earlier question's answer may come late.
            if let Some(told) = told.strip_prefix(&format!("{cookie} ")) {
                return Ok(told.to_owned());
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
