//! Why a message was refused. No reason repeats the message's own text: it may hold a name or a number.

use crate::uri::InvalidUri;

/// What is wrong with one header field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// A quoted string or an angle bracket that does not close.
    #[error("a quotation mark or angle bracket does not close")]
    Unbalanced,
    /// An unquoted display name with characters that need quotes.
    #[error("a display name that must be quoted")]
    DisplayName,
    /// A URI with `?` or `,` outside angle brackets.
    #[error("a URI with ? or , must stand in angle brackets")]
    Unbracketed,
    /// A parameter that is empty or malformed.
    #[error("a parameter is empty or malformed")]
    Parameter,
    /// More values or parameters than [`crate::uri::Params::MAX`] or [`crate::headers::MAX_FIELDS`].
    #[error("too many values or parameters")]
    TooMany,
    /// A number that is no number or out of its range.
    #[error("not a number within its range")]
    Number,
    /// Not of the form that the RFC gives.
    #[error("not of the form that the RFC gives")]
    Syntax,
    /// A date in another zone than GMT (RFC 3261 §20.17).
    #[error("a date that is not in GMT")]
    Zone,
    /// A URI that is none.
    #[error("{0}")]
    Uri(#[from] InvalidUri),
}

/// Why bytes are not a SIP message that may be acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Only line ends: a keep-alive (RFC 5626 §3.5.1), no message.
    #[error("a keep-alive of line ends, no message")]
    KeepAlive,
    /// Larger than [`crate::message::MAX_BYTES`].
    #[error("{0} bytes are more than a UDP datagram holds")]
    TooLarge(usize),
    /// More header lines than [`crate::headers::MAX_FIELDS`].
    #[error("more than 256 header fields")]
    TooManyFields,
    /// No empty line ends the head.
    #[error("no empty line ends the head: the message was cut short")]
    NoEndOfHead,
    /// The first line is neither a request line nor a status line.
    #[error("the first line is neither a request line nor a status line")]
    StartLine,
    /// The Request-URI is broken.
    #[error("Request-URI: {0}")]
    RequestUri(InvalidUri),
    /// Another version than SIP/2.0.
    #[error("the version is not SIP/2.0")]
    Version,
    /// A header line without a name or a colon.
    #[error("a header line without a name or a colon")]
    FieldLine,
    /// A header that this agent reads has a broken value.
    #[error("{name}: {fault}")]
    Field {
        /// The header's canonical name.
        name: &'static str,
        /// What is wrong with it.
        fault: FieldFault,
    },
    /// A header that every message must have is absent (RFC 3261 §8.1.1).
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A header that may stand once stands twice.
    #[error("{0} stands more than once")]
    Repeated(&'static str),
    /// The body is shorter than Content-Length says.
    #[error("Content-Length says {declared} bytes, {present} are there")]
    BodyCutShort {
        /// Content-Length [bytes].
        declared: usize,
        /// What is there [bytes].
        present: usize,
    },
    /// CSeq names another method than the request line (RFC 3261 §8.1.1.5).
    #[error("CSeq names another method than the request line")]
    MethodMismatch,
}
