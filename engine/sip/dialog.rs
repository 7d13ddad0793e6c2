//! Dialogs (RFC 3261 §12): identity, route set, CSeq, remote target, and requests within.

use bytes::Bytes;

use crate::{
    headers::{CSeq, Fields, Headers},
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    transport::{Hop, Transport},
    uri::{SipUri, Uri},
    via::Via,
};

/// What tells dialogs apart (§12). `Debug` is for tests: tags and Call-ID name nobody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Theirs; empty where an RFC 2543 element gave none.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that a request from the far end belongs to; `None` without a To tag.
    pub fn of_request(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        Some(Self {
            call_id: headers.call_id.clone(),
            local_tag: headers.to.tag()?.to_owned(),
            remote_tag: headers.from.tag().unwrap_or_default().to_owned(),
        })
    }

    /// The dialog that a request of ours belongs to.
    pub fn of_own_request(request: &Request) -> Self {
        let headers = &request.headers;
        Self {
            call_id: headers.call_id.clone(),
            local_tag: headers.from.tag().unwrap_or_default().to_owned(),
            remote_tag: headers.to.tag().unwrap_or_default().to_owned(),
        }
    }
}

/// The state of one dialog at one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// Its identity.
    pub id: DialogId,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    remote_target: Uri,
    route_set: Vec<NameAddr>,
    caller: bool,
}

impl Dialog {
    /// The caller's side, from its INVITE and a response with a To tag (§12.1.2). A response without
    /// a Contact leaves the target at the Request-URI.
    pub fn as_caller(invite: &Request, response: &Response) -> Self {
        let headers = &response.headers;
        let id = DialogId {
            call_id: headers.call_id.clone(),
            local_tag: invite.headers.from.tag().unwrap_or_default().to_owned(),
            remote_tag: headers.to.tag().unwrap_or_default().to_owned(),
        };
        Self {
            id,
            local: invite.headers.from.clone(),
            remote: headers.to.clone(),
            local_cseq: invite.headers.cseq.number,
            remote_cseq: None,
            remote_target: headers.contact.first().map_or_else(|| invite.uri.clone(), |c| c.uri.clone()),
            route_set: headers.record_route.iter().rev().cloned().collect(),
            caller: true,
        }
    }

    /// The callee's side, from an INVITE and the tag we gave ourselves (§12.1.1); `None` where the
    /// INVITE has no Contact to send requests to.
    pub fn as_callee(invite: &Request, local_tag: &str) -> Option<Self> {
        let headers = &invite.headers;
        let id = DialogId {
            call_id: headers.call_id.clone(),
            local_tag: local_tag.to_owned(),
            remote_tag: headers.from.tag().unwrap_or_default().to_owned(),
        };
        Some(Self {
            id,
            local: headers.to.clone().with_tag(local_tag),
            remote: headers.from.clone(),
            local_cseq: 0,
            remote_cseq: Some(headers.cseq.number),
            remote_target: match headers.contact.first() {
                Some(contact) => contact.uri.clone(),
                // An element of before RFC 3261, which knows no branches either, is called by its name.
                None if invite.branch().is_none() => headers.from.uri.clone(),
                None => return None,
            },
            route_set: headers.record_route.clone(),
            caller: false,
        })
    }

    /// Notes a request from the far end: false where its CSeq is not higher than the last (§12.2.2).
    /// A re-INVITE or UPDATE moves the remote target.
    pub fn accept(&mut self, request: &Request) -> bool {
        let number = request.headers.cseq.number;
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return false;
        }
        self.remote_cseq = Some(number);
        if let (Method::Invite | Method::Update, Some(contact)) =
            (&request.method, request.headers.contact.first())
        {
            self.remote_target = contact.uri.clone();
        }
        true
    }

    /// The number of the next request of ours (§12.2.1.1).
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// A request within the dialog with the next CSeq (§12.2.1.1).
    pub fn request(&mut self, method: Method, via: Via) -> Request {
        let cseq = self.next_cseq();
        self.build(method, via, cseq)
    }

    /// The ACK for the 2xx of an INVITE (§13.2.2.4): the INVITE's CSeq number, and its credentials (§22.1).
    pub fn ack(&self, via: Via, invite: &Request) -> Request {
        let mut ack = self.build(Method::Ack, via, invite.headers.cseq.number);
        for name in ["Authorization", "Proxy-Authorization"] {
            invite.headers.other.values(name).for_each(|v| ack.headers.other.push(name, v));
        }
        ack
    }

    fn build(&self, method: Method, via: Via, cseq: u32) -> Request {
        let mut route = self.route_set.clone();
        let mut uri = self.remote_target.clone().for_request_line();
        if route.first().is_some_and(|r| !r.uri.is_loose_router()) {
            // A strict router (RFC 2543) wants itself in the Request-URI and the target last.
            let strict = route.remove(0);
            route.push(NameAddr::new(None, std::mem::replace(&mut uri, strict.uri.for_request_line())));
        }
        let headers = Headers {
            via: vec![via],
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.id.call_id.clone(),
            cseq: CSeq { number: cseq, method: method.clone() },
            max_forwards: Some(70),
            contact: Vec::new(),
            route,
            record_route: Vec::new(),
            other: Fields::default(),
        };
        Request { method, uri, headers, body: Bytes::new() }
    }

    /// Where requests within the dialog go (§8.1.2): the first route, else the remote target, where
    /// that is an address; else `otherwise`, for this agent asks no name server. `otherwise` is where the
    /// dialog's first request went or came from: its transport is meant where none is named, and a stream
    /// that leads to the same machine is kept to. Of two ends of a WebSocket only one can be dialled, so an end
    /// that says that it is reached by one is reached by the one that there is, whatever address it makes up
    /// (RFC 7118 §5.2).
    pub fn next_hop(&self, otherwise: Hop) -> Hop {
        let target = self.remote_target.as_sip().and_then(SipUri::transport);
        if self.route_set.is_empty() && otherwise.transport.is_web() && target.is_some_and(Transport::is_web)
        {
            return otherwise;
        }
        let uri = self.route_set.first().map_or(&self.remote_target, |r| &r.uri);
        let Some((uri, mut hop)) = uri.as_sip().and_then(|uri| Some((uri, uri.hop()?))) else {
            return otherwise;
        };
        hop.transport = otherwise.transport.asked_by(uri.transport());
        hop.address.set_port(uri.port.unwrap_or(hop.transport.usual_port()));
        otherwise.towards(hop)
    }

    /// Notes the final answer to the INVITE of a dialog that was early: route set and target anew, the
    /// numbering of requests as it goes (§13.2.2.4).
    pub fn confirm(&mut self, response: &Response) {
        self.route_set = response.headers.record_route.iter().rev().cloned().collect();
        self.retarget(response);
    }

    /// Notes the target that a 2xx of the far end names (§12.2.1.2).
    pub fn retarget(&mut self, response: &Response) {
        if let Some(contact) = response.headers.contact.first() {
            self.remote_target = contact.uri.clone();
        }
    }

    /// Whether the Call-ID is ours: the one who made it waits longer after requests that crossed (§14.1).
    pub fn is_caller(&self) -> bool {
        self.caller
    }

    /// This end's name in the dialog: what Referred-By says.
    pub fn local(&self) -> &NameAddr {
        &self.local
    }

    /// The tag the far end gave itself.
    pub fn remote_tag(&self) -> &str {
        &self.id.remote_tag
    }
}
