use super::{MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, MAX_REST_MS};

/// What is wrong with a text's markup, and where. No message holds words of the text but names of tags
/// and values of attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkupError {
    /// From 1.
    pub line: usize,
    /// Characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: MarkupFault,
}

impl std::error::Error for MarkupError {}

impl std::fmt::Display for MarkupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.fault)
    }
}

/// What can be wrong with markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkupFault {
    /// More bytes than allowed.
    TooLong,
    /// Elements stand too deep in each other.
    TooDeep,
    /// More elements than allowed.
    TooMany,
    /// All rests together are too long.
    TooMuchRest,
    /// A tag without its `>`.
    UnfinishedTag,
    /// A tag that is not written as one.
    BadTag,
    /// An element that is not of this markup.
    UnknownElement(String),
    /// An attribute that the element does not have.
    UnknownAttribute {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: String,
    },
    /// An attribute that the element needs.
    MissingAttribute {
        /// The element.
        element: &'static str,
        /// What is needed.
        attribute: &'static str,
    },
    /// An attribute's value that cannot be read.
    BadValue {
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        may_be: &'static str,
    },
    /// An end that ends nothing, or something else.
    WrongEnd {
        /// What was ended.
        found: String,
        /// What was open.
        open: Option<&'static str>,
    },
    /// The text ends within an element.
    NotEnded(&'static str),
    /// Something after `</speak>`.
    AfterTheEnd,
    /// An element that must be empty, or hold no other element, and does not.
    NotAllowedIn {
        /// The element within.
        inner: &'static str,
        /// The element around.
        outer: &'static str,
    },
    /// Pinyin in a language that has none.
    PinyinElsewhere,
}

impl std::fmt::Display for MarkupFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "the text is longer than {MAX_BYTES} bytes: cut it"),
            Self::TooDeep => write!(f, "elements stand in each other more than {MAX_DEPTH} deep"),
            Self::TooMany => write!(f, "there are more than {MAX_ELEMENTS} elements: cut the text"),
            Self::TooMuchRest => {
                write!(f, "all rests together are over {} s: shorten them", MAX_REST_MS * 6 / 1_000)
            }
            Self::UnfinishedTag => f.write_str("this tag has no `>`; a `<` that begins no tag is written `&lt;`"),
            Self::BadTag => f.write_str(
                "this is no tag: write <name attribute=\"value\">; a `<` that begins no tag is written `&lt;`",
            ),
            Self::UnknownElement(name) => write!(
                f,
                "<{name}> is not known; there are speak, p, s, break, say-as, phoneme, emphasis, prosody, sub"
            ),
            Self::UnknownAttribute { element, attribute } => {
                write!(f, "<{element}> has no attribute {attribute:?}: take it out")
            }
            Self::MissingAttribute { element, attribute } => write!(f, "<{element}> needs {attribute}"),
            Self::BadValue { attribute, value, may_be } => {
                write!(f, "{attribute}={value:?} cannot be read: it may be {may_be}")
            }
            Self::WrongEnd { found, open: Some(open) } => {
                write!(f, "</{found}> ends nothing here: <{open}> is open, end it first")
            }
            Self::WrongEnd { found, open: None } => write!(f, "</{found}> ends nothing: take it out"),
            Self::NotEnded(open) => write!(f, "<{open}> is not ended: write </{open}>"),
            Self::AfterTheEnd => f.write_str("something stands after </speak>: put it before"),
            Self::NotAllowedIn { inner, outer } => {
                write!(f, "<{inner}> cannot stand in <{outer}>: end <{outer}> before it")
            }
            Self::PinyinElsewhere => f.write_str("pinyin is for Mandarin: write alphabet=\"ipa\""),
        }
    }
}
