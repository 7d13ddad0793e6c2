//! How a conversation stands, for a person who goes on with it.

use waihu_terms::Authority;
use waihu_types::{Identity, Intent, Promise};

use super::Interpreter;
use crate::negotiating::promise;

/// The most offers that are suggested: a person chooses among a few.
const OFFERS: usize = 4;

/// How a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoFar {
    /// Whether the person is who was asked for.
    pub identity: Identity,
    /// Whether any word of the debt was spoken.
    pub debt_disclosed: bool,
    /// Intents met, in the order of the utterances.
    pub intents: Vec<Intent>,
    /// What was offered or asked for last, as it could be promised.
    pub table: Option<Promise>,
    /// What may be offered next, each easier than the one before.
    pub offers: Vec<Promise>,
    /// What may be agreed at all.
    pub authority: Authority,
}

impl Interpreter {
    /// How the conversation stands.
    pub fn so_far(&self) -> SoFar {
        let negotiation = self.memory.negotiation();
        let mut ahead = negotiation.clone();
        SoFar {
            identity: self.identity(),
            debt_disclosed: self.disclosed,
            intents: self.intents.clone(),
            table: negotiation.table().map(promise),
            offers: std::iter::from_fn(|| ahead.take_offer().map(promise)).take(OFFERS).collect(),
            authority: negotiation.authority().clone(),
        }
    }
}
