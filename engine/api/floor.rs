//! The agents' side of the engine, as the server meets it: handed in by the program, since calls are not known here.

use tokio::sync::mpsc;
use waihu_agents::desk::{FromDesk, Profile, ToDesk};

/// A desk that is connected to the switchboard. When it is dropped the desk is gone.
pub struct Connected {
    /// What the desk is told; it ends where another page of the same person has the desk, or nobody reads.
    pub hear: mpsc::Receiver<ToDesk>,
    /// What the desk says; or why that cannot be read, which the desk is told.
    pub say: Box<dyn Fn(Result<FromDesk, String>) + Send + Sync>,
}

/// Somebody sits down at their desk.
pub type Connect = dyn Fn(Profile) -> Connected + Send + Sync;
