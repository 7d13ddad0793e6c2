//! The agents' side of the engine, as the server meets it: handed in by the program, since calls are not known here.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::mpsc;
use waihu_agents::{
    desk::{FromDesk, Profile, ToDesk},
    supervise::{FromSupervisor, Talk, ToSupervisor},
};
use waihu_types::AttemptId;

/// A desk that is connected to the switchboard. When it is dropped the desk is gone.
pub struct Connected {
    /// What the desk is told; it ends where another page of the same person has the desk, or nobody reads.
    pub hear: mpsc::Receiver<ToDesk>,
    /// What the desk says; or why that cannot be read, which the desk is told.
    pub say: Box<dyn Fn(Result<FromDesk, String>) + Send + Sync>,
    /// Who sits there has another name, other skills or other languages from here on.
    pub know: Box<dyn Fn(Profile) + Send + Sync>,
    /// The session behind the desk was ended: a call that it has is the bot's again at once, as nobody knows who is there.
    pub sign_out: Box<dyn Fn() + Send + Sync>,
}

/// Somebody sits down at their desk.
pub type Connect = dyn Fn(Profile) -> Connected + Send + Sync;

/// A supervisor's seat in a talk. When it is dropped they sit in no longer.
pub struct Attended {
    /// What the page is told; it ends with the talk.
    pub hear: mpsc::Receiver<ToSupervisor>,
    /// What the page says.
    pub say: Box<dyn Fn(FromSupervisor) + Send + Sync>,
    /// The session behind the seat was ended: a call that they took over is the bot's again at once, as at a desk.
    pub sign_out: Box<dyn Fn() + Send + Sync>,
}

/// How the agents of this node stand, and who waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    /// Agents by how they stand.
    pub agents: BTreeMap<&'static str, u32>,
    /// Callees who wait for one.
    pub waiting: u32,
    /// How long the one waits who has waited longest.
    pub longest: Duration,
}

/// A supervisor (login, name) sits in on a talk; none where there is no such talk here.
type Attend = dyn Fn((&str, &str), &AttemptId) -> Option<Attended> + Send + Sync;

/// What supervisors see of the agents of this node, and do in their talks.
pub struct Floor {
    /// The talks that go on.
    pub talks: Box<dyn Fn() -> Vec<Talk> + Send + Sync>,
    /// A seat in one of them.
    pub attend: Box<Attend>,
    /// How the agents stand.
    pub stands: Box<dyn Fn() -> Stands + Send + Sync>,
}
