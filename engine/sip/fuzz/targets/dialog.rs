//! A wild course of messages, wishes and time at an agent with calls in every stage: each call has one end, and nothing
//! of any stays. Messages are those that fit its calls, patched at a place; or wild bytes. How to run it: `message.rs`.
#![no_main]

#[path = "../../tests/agent/mod.rs"]
mod agent;

use std::{collections::HashMap, net::SocketAddr};

use agent::{CALL, THERE, busy::busy, sdp};
use libfuzzer_sys::fuzz_target;
use waihu_sip::{CallHandle, Change, Command, Event, Input};
use waihu_types::Direction;

fuzz_target!(|script: &[u8]| {
    let (mut us, fitting) = busy();
    let from = THERE.parse::<SocketAddr>().unwrap().into();
    let mut rest = script;
    // What it is, which, where, and how many bytes of its own.
    while let [what, which, high, low, length, tail @ ..] = rest {
        let (own, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        let calls: Vec<CallHandle> = us.events.iter().map(|(call, _)| *call).chain([CALL, CallHandle(4)]).collect();
        let call = calls[usize::from(*which) % calls.len()];
        let mut message = fitting[usize::from(*which) % fitting.len()].clone().into_bytes();
        let at = at % (message.len() + 1);
        match what % 8 {
            0 => message.splice(at..at, own.iter().copied()).for_each(drop),
            1 => message.splice(at..(at + own.len()).min(message.len()), own.iter().copied()).for_each(drop),
            2 => message.drain(at..(at + usize::from(*length)).min(message.len())).for_each(drop),
            3 => message = own.to_vec(),
            4 => {
                us.wait_lossy(us.now_ms + u64::from(*high) * u64::from(*low));
                continue;
            }
            5 => {
                us.input_lossy(Input::Unreachable { to: from });
                continue;
            }
            6 => {
                us.input_lossy(Input::Command(match high % 5 {
                    0 => Command::Answer { call, sdp: sdp() },
                    1 => Command::Modify { call, change: Change::Direction(Direction::SendOnly) },
                    2 => Command::Refer { call, target: "sip:x@192.0.2.9".parse().unwrap(), replaces: Some(CALL) },
                    3 => Command::ReportTransfer { call, code: 200, reason: "OK".to_owned() },
                    _ => Command::Hangup { call, reason: None },
                }));
                continue;
            }
            _ => {
                us.input_lossy(Input::Stranger { from, bytes: &message });
                continue;
            }
        }
        us.hear_lossy(from, &message);
    }
    let calls: Vec<CallHandle> = us.events.iter().map(|(call, _)| *call).chain([CALL, CallHandle(4)]).collect();
    for call in calls {
        us.input_lossy(Input::Command(Command::Hangup { call, reason: None }));
    }
    us.wait_lossy(us.now_ms + 4_000_000);
    let mut ends: HashMap<CallHandle, usize> = HashMap::new();
    for (call, event) in &us.events {
        if matches!(event, Event::Ended { .. } | Event::Failed { .. }) {
            *ends.entry(*call).or_default() += 1;
        }
    }
    assert!(ends.values().all(|n| *n == 1), "{ends:?}");
    assert!(us.is_empty(), "{:?}", us.endpoint.usage());
});
