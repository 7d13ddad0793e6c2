//! Who is no stranger: those who may call us, and the carrier's machines as the DNS has them by now.

use std::{
    net::IpAddr,
    sync::{PoisonError, RwLock},
};

use crate::{network::Network, socket::Callers};

pub(crate) struct Known {
    callers: Callers,
    carried: RwLock<Vec<Network>>,
}

impl Known {
    pub(crate) fn new(callers: Callers) -> Self {
        Self { callers, carried: RwLock::default() }
    }

    /// The carrier's networks from here on.
    pub(crate) fn carried(&self, networks: Vec<Network>) {
        *self.carried.write().unwrap_or_else(PoisonError::into_inner) = networks;
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let Callers::Of(networks) = &self.callers else { return true };
        let carried = self.carried.read().unwrap_or_else(PoisonError::into_inner);
        networks.iter().chain(carried.iter()).any(|network| network.contains(address))
    }
}
