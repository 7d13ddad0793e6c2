//! HTTP for others: cases in, campaigns run, outcomes out, live events; who may do what; metrics and traces.
//!
//! Everything goes through the store: a route reads and writes rows, and each node's engine sees them. The only
//! room that knows HTTP statuses. Deliberately absent: SQL (`store`), who is called when (`campaign`,
//! `compliance`), and what joins the rooms (the program).

mod access;
mod console;
mod costs;
mod extract;
mod floor;
mod guard;
mod kept;
mod ladder;
mod limits;
mod mask;
mod metrics;
mod oidc;
mod openapi;
mod page;
mod password;
mod problem;
mod relay;
mod routes;
mod serve;
mod session;
mod state;
mod token;
mod totp;
mod traces;

pub use crate::metrics::{MetricsTaken, install_metrics, keep_metrics};
pub use access::{Asks, ROUTES, Route, Scope, scopes};
pub use console::has_console;
pub use costs::{Prices, TrunkRates, costs};
pub use floor::{Attended, Connect, Connected, Floor, Stands};
pub use ladder::{Ladder, LadderStep, StepWay};
pub use mask::Purpose;
pub use oidc::{OpenId, Provider, SignInError};
pub use openapi::openapi;
pub use password::{Hint, LEAST_PASSWORD, MOST_PASSWORD, PasswordFault, hash_password};
pub use problem::{Code, Problem};
pub use relay::{RelayFault, Relays};
pub use routes::{
    board::{CaseColumn, Choices, TrunkChoice},
    campaigns::{CampaignChange, CaseFilter, change_campaign},
    events::KINDS as EVENT_KINDS,
    practice::Practise,
    quality::Cost,
    reports::{Preview, ReportPlanned, Reports},
    strategies::save_strategy,
};
pub use serve::{ServeError, Tls, router, serve};
pub use session::Cookies;
pub use state::{FirstPasswords, Limits, Passwords, Pulse, ScriptCheck, State, StrategyFile, StrategyOf};
pub use token::{NoRandomness, TokenText};
pub use traces::{CALL_SPANS, TraceError, Traces, traces};
