//! Keys, and files that are sealed with them and opened again.
//!
//! A file is sealed as age writes it (age-encryption.org/v1: X25519, ChaCha20-Poly1305 in pieces of 64 KiB), so that a
//! reader can seek in it, a changed byte is told where it stands, and `age --decrypt` opens it without waihu. It lies
//! beside the name that it was recorded under, with `.age` behind: everybody goes on naming `a.wav`, and
//! [`Vault::open`] finds what is there, plain or sealed. Whoever only seals needs the public half of a key alone.
//!
//! [`Signer`] puts an Ed25519 signature under what goes out of the house. Keys come from a file, the environment or a
//! command ([`Reference`]); none is ever printed but by who makes it.
//!
//! A key of another room's is wrapped as a file is sealed ([`Vault::wrap_key`]): what it is for, that room knows.
//!
//! Absent: which files are kept and for how long (`keeping`), what seals the store's rows (`store`), and wiping: what
//! was plain before it was sealed is unlinked, and a disk may hold its bytes for a while longer.

mod age;
mod error;
mod files;
mod opened;
mod reference;
mod seal;
mod sign;

pub use error::VaultError;
pub use files::{Standing, remove, sealed_name, standing};
pub use opened::Opened;
pub use reference::Reference;
pub use seal::{Note, Vault, new_key};
pub use sign::{Signer, check_signature, new_signing_key};
