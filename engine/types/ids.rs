use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest id kept: it becomes part of a file name.
const MAX_BYTES: usize = 64;

/// An id that cannot be part of a file name, or is empty or too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: 1 to 64 letters, digits, '-', '_' or '.', and no '.' first 编号格式有误")]
pub struct InvalidId(pub String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(s: &str) -> Result<Self, InvalidId> {
                let fits = (1..=MAX_BYTES).contains(&s.len())
                    && !s.starts_with('.')
                    && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                if fits { Ok(Self(s.to_owned())) } else { Err(InvalidId(s.to_owned())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(s: String) -> Result<Self, InvalidId> {
                s.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One case in the lender's books.
    CaseId
);
id!(
    /// One person who owes, whatever the cases.
    DebtorId
);
id!(
    /// One try to reach the callee of a case; names its recording, transcript and outcome.
    AttemptId
);
id!(
    /// One campaign.
    CampaignId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_as_a_file_name() {
        assert!("C-2026_001.a".parse::<CaseId>().is_ok());
        for bad in ["", ".hidden", "../etc", "a/b", "a b", "案件"] {
            assert!(bad.parse::<CaseId>().is_err(), "{bad}");
        }
    }
}
