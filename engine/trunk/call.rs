//! One call's end of the socket task.

use tokio::sync::mpsc;
use waihu_sip::{
    CallHandle, Change, Command, Direction, Event, NameAddr, SessionDescription, Uri, identity::Identity,
};

use crate::socket::Commands;

/// A call that was placed, or that came in. Dropping it before its end hangs it up.
pub struct Call {
    handle: CallHandle,
    commands: Commands,
    events: mpsc::Receiver<Event>,
    over: bool,
}

/// A call that comes in and waits for `ring`, `answer` or `reject`.
pub struct IncomingCall {
    /// The call.
    pub call: Call,
    /// The caller.
    pub from: NameAddr,
    /// Whom it was addressed to.
    pub to: NameAddr,
    /// Whom it was routed to.
    pub request_uri: Uri,
    /// The caller's offer; none leaves it to us.
    pub offer: Option<SessionDescription>,
    /// What the network says of the caller and of the way here.
    pub identity: Box<Identity>,
    /// The call whose place it takes where it is answered (RFC 3891).
    pub replaces: Option<CallHandle>,
}

impl Call {
    pub(crate) fn new(handle: CallHandle, commands: Commands, events: mpsc::Receiver<Event>) -> Self {
        Self { handle, commands, events, over: false }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> CallHandle {
        self.handle
    }

    /// What happens next; none once it is over and all was told.
    pub async fn event(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        self.over |= matches!(event, None | Some(Event::Failed { .. } | Event::Ended { .. }));
        event
    }

    /// Tells the caller that the phone rings (180) or that there is sound to hear (183).
    pub fn ring(&self, code: u16, sdp: Option<SessionDescription>) {
        self.commands.send(Command::Ring { call: self.handle, code, sdp });
    }

    /// Answers.
    pub fn answer(&self, sdp: SessionDescription) {
        self.commands.send(Command::Answer { call: self.handle, sdp });
    }

    /// Refuses.
    pub fn reject(&self, code: u16, reason: &str) {
        self.commands.send(Command::Reject { call: self.handle, code, reason: reason.to_owned() });
    }

    /// Holds it, or resumes it: the same session in another direction, `SendOnly` to hold and `SendRecv` to
    /// resume. `Modified` or `NotModified` tells.
    pub fn direct(&self, direction: Direction) {
        self.commands.send(Command::Modify { call: self.handle, change: Change::Direction(direction) });
    }

    /// Offers another description within the call. `Modified` or `NotModified` tells.
    pub fn offer(&self, sdp: SessionDescription) {
        let change = Change::Description(Box::new(sdp));
        self.commands.send(Command::Modify { call: self.handle, change });
    }

    /// Asks the far end to call `target` in our place (REFER); with `replaces`, to take the place of that call
    /// of the same socket, which is up at the target. `Transfer` tells how it goes, from 200 on for the last
    /// time: after 2xx hang up, else the call is ours as before.
    pub fn refer(&self, target: Uri, replaces: Option<CallHandle>) {
        self.commands.send(Command::Refer { call: self.handle, target, replaces });
    }

    /// Tells the far end how the transfer goes that it asked for (`TransferAsked`): the target's responses, or
    /// 603 where we do not do it. From 200 on it is over.
    pub fn report_transfer(&self, code: u16, reason: &str) {
        self.commands.send(Command::ReportTransfer { call: self.handle, code, reason: reason.to_owned() });
    }

    /// Presses a key by INFO, for far ends that agreed on no telephone-event.
    pub fn digit(&self, digit: char, duration_ms: u32) {
        self.commands.send(Command::Digit { call: self.handle, digit, duration_ms });
    }

    /// Ends it: CANCEL while it rings, BYE when it is up. `reason` is a Reason header's value
    /// (RFC 3326).
    pub fn hangup(&self, reason: Option<String>) {
        self.commands.send(Command::Hangup { call: self.handle, reason });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.over {
            self.hangup(None);
        }
    }
}
