//! How many calls a second one core places: `place_calls CALLEE CALLS CPS`, each answered and hung up.
//!
//! The callee is any agent that answers at once, as SIPp with `tests/sipp/answers.xml`, in which `[contact]` has to be
//! its address (`engine/sip/FIGURES.md` has the commands). Everything of ours runs on one thread; the processor time
//! that it took is printed beside the wall's, and how long calls took from the wish to the answer.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use waihu_sip::{Codec, Event, NameAddr, SessionDescription, Uri};
use waihu_trunk::{InviteRequest, SipSocket};

/// The kernel counts processor time in these [1/s] on every Linux.
const TICKS_A_SECOND: u64 = 100;
/// Calls are begun in groups at this interval, for no timer is finer than a millisecond.
const STEP: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(callee), Some(calls), Some(cps)) = (
        arguments.next().and_then(|a| a.parse::<SocketAddr>().ok()),
        arguments.next().and_then(|a| a.parse::<u64>().ok()),
        arguments.next().and_then(|a| a.parse::<u64>().ok()),
    ) else {
        println!("place_calls CALLEE CALLS CPS, as: place_calls 127.0.0.1:5070 10000 500");
        return;
    };
    let (socket, _incoming) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "waihu").await.unwrap();
    let (began, used) = (Instant::now(), processor_time());
    let mut pace = interval(STEP);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut running, mut placed) = (JoinSet::new(), 0);
    while placed < calls {
        pace.tick().await;
        let due = (began.elapsed().as_millis() as u64 * cps / 1_000 + 1).min(calls);
        for _ in placed..due {
            running.spawn(one_call(socket.clone(), callee));
        }
        placed = due;
    }
    let placing = began.elapsed();
    let mut took: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    let ended = took.len();
    socket.settled().await;
    let (wall, used) = (began.elapsed(), processor_time() - used);
    println!(
        "{ended} of {calls} calls answered and hung up; placed in {:.1} s ({:.0} a second), over after {:.1} s",
        placing.as_secs_f64(),
        calls as f64 / placing.as_secs_f64(),
        wall.as_secs_f64(),
    );
    let part =
        |permille: usize| took.get(ended.saturating_sub(1) * permille / 1_000).copied().unwrap_or_default();
    println!("set-up: {:.2?} half of them, {:.2?} 99 of 100, {:.2?} all", part(500), part(990), part(1_000));
    println!(
        "processor: {:.2} s, {:.0} us a call: a core places {:.0} a second; {:?}",
        used.as_secs_f64(),
        used.as_secs_f64() * 1e6 / calls as f64,
        calls as f64 / used.as_secs_f64(),
        socket.counters(),
    );
}

/// How long the call took to be answered; none where it was not, or did not end as it should.
async fn one_call(socket: SipSocket, callee: SocketAddr) -> Option<Duration> {
    let (begun, mut took) = (Instant::now(), None);
    let mut call = socket.invite(InviteRequest {
        target: Uri::sip("callee", callee),
        next_hop: callee.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("caller", socket.local_addr())),
        credentials: None,
        offer: SessionDescription::offer("127.0.0.1:30000".parse().unwrap(), &[Codec::Pcma, Codec::Pcmu]),
        headers: Vec::new(),
    });
    while let Some(event) = call.event().await {
        match event {
            Event::Answered { .. } => {
                took = Some(begun.elapsed());
                call.hangup(None);
            }
            Event::Ended { .. } => return took,
            Event::Failed { .. } => return None,
            _ => {}
        }
    }
    None
}

/// What this process has used of the processor, user and system.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|t| t.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
}
