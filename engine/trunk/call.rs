//! One call's end of the socket task.

use tokio::sync::mpsc;
use waihu_sip::{CallHandle, Command, Event, NameAddr, SessionDescription, Uri};

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
