use std::{io, path::PathBuf};

/// Why the spotter could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SpotterError {
    /// The file of weights could not be read.
    #[error("cannot read the spotter's weights {}: {source}", path.display())]
    File {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a whole file of weights.
    #[error("the spotter's weights are damaged: {what}; take the file from the repository again")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The weights are of another list of phrases.
    #[error(
        "the spotter's weights were trained for another list of phrases than models/spotter/phrases.tsv; train anew as models/spotter/README.md says"
    )]
    OtherPhrases,
}
