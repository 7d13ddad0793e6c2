//! The desk of an agent: a WebSocket (RFC 6455) over which calls are offered, taken, and wrapped up.
//!
//! Messages are JSON, one a frame: `waihu_agents::desk` has their shapes, README.md their order.

use axum::{
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::Response,
};
use waihu_agents::desk::{FromDesk, Profile, ToDesk};
use waihu_store::Person;

use super::seat::{Behind, Seat};
use crate::{Problem, extract::Who, floor::Connected, problem::Code, state::Here};

/// Connects an agent's page. Needs a session, since a desk is a person's, and comes from our own pages alone.
///
/// Messages to the desk: `ice` (first, where there are relays), `state` (all there is to show; at first and at each change), `offer` with its `card`, `line`,
/// `sdp`, `joined`, `revoked`, `ended`, `yours`, `colleagues`, `wrapped`, `superseded`, `refused`. From it: `presence`,
/// `answer`, `decline`, `sdp`, `renew`, `hold`, `mute`, `hang_up`, `transfer`, `hand_over`, `return`, `call_in`,
/// `let_go`, `leave`, `colleagues`, `wrap_up`, `done`, `longer`. README.md explains them.
#[utoipa::path(get, path = "/v1/desk", tag = "people",
    responses((status = 101, description = "Messages follow, as JSON"),
        (status = 409, description = "A token asks, which sits at no desk", body = crate::problem::Details)))]
pub(crate) async fn desk(
    shared: Here,
    who: Who,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (seat, upgrade) = Seat::of(&shared, &who, &headers, upgrade)?;
    let Some(connect) = &shared.inner().state.desks else {
        return Err(Problem::new(Code::Unavailable, "no calls are placed here 本节点不外呼").after(30));
    };
    let known = profile(&seat.signed_in.session.person);
    let connected = connect(known.clone());
    Ok(upgrade.on_upgrade(move |socket| seat.run(socket, Desk { connected, known, is_at_work: false })))
}

fn profile(person: &Person) -> Profile {
    Profile {
        login: person.login.to_string(),
        name: person.name.clone(),
        skills: person.skills.clone(),
        langs: person.langs.clone(),
        answers: person.answers,
    }
}

struct Desk {
    connected: Connected,
    /// As the agent is known at the switchboard.
    known: Profile,
    /// Whether the agent is there for calls: that counts as being there.
    is_at_work: bool,
}

impl Behind for Desk {
    type Told = ToDesk;
    type Said = FromDesk;
    /// Another page of the same person has the desk.
    const OVER: u16 = 4_409;

    async fn hear(&mut self) -> Option<ToDesk> {
        self.connected.hear.recv().await
    }

    fn is_last(&mut self, told: &ToDesk) -> bool {
        if let ToDesk::State(state) = told {
            self.is_at_work = state.presence != "away";
        }
        matches!(told, ToDesk::Superseded)
    }

    async fn said(&mut self, _: &Seat, said: Result<FromDesk, String>) -> Option<ToDesk> {
        (self.connected.say)(said);
        None
    }

    fn is_at_work(&self) -> bool {
        self.is_at_work
    }

    fn knows(&mut self, person: &Person) {
        let profile = profile(person);
        if profile != self.known {
            self.known = profile.clone();
            (self.connected.know)(profile);
        }
    }

    fn sign_out(&mut self) {
        (self.connected.sign_out)();
    }
}
