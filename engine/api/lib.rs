//! HTTP for others: REST, live events, metrics.
//!
//! Deliberately absent: SQL (`store`) and calls (`dialler`): whatever is asked for goes through the store.
