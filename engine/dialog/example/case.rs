//! The case of a golden conversation: the keys of a case, as a lender writes them.

use serde::Deserialize;
use waihu_types::{Case, Lang};

use crate::{
    problem::{Place, Problems, nearest},
    reader::Table,
};

/// The keys of a case that an example may set.
const KEYS: [&str; 21] = [
    "name",
    "title",
    "creditor",
    "product",
    "amount",
    "currency",
    "due_date",
    "time_zone",
    "kind",
    "account_tail",
    "minimum_due",
    "total_balance",
    "installment_no",
    "collateral",
    "contact",
    "reply_number",
    "authority",
    "last_promise",
    "last_promise_date",
    "last_promise_amount",
    "broken_promises",
];

/// A case as it is written, before it is read; a conversation may change keys of its file's.
#[derive(Clone)]
pub(super) struct Written {
    at: Place,
    keys: toml::Table,
}

impl Written {
    pub(super) fn of(table: Table<'_>, problems: &mut Problems) -> Self {
        let at = table.at.clone();
        let keys = table.into_plain();
        for key in keys.keys().filter(|k| !KEYS.contains(&k.as_str())) {
            problems.add(&at, format!("unknown key {key:?}"), nearest(key, KEYS));
        }
        Self { at, keys }
    }

    /// The same with the keys of `other` in place of its own; an empty one is left out.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.keys.retain(|_, value| value.as_str() != Some(""));
        Self { at: other.at, ..self }
    }

    /// The case, which must be one that could be dialled.
    pub(super) fn read(mut self, lang: Lang, problems: &mut Problems) -> Option<Case> {
        for (key, value) in [("id", "example"), ("phone", "1001"), ("lang", lang.code())] {
            self.keys.insert(key.to_owned(), value.into());
        }
        let case = Case::deserialize(toml::Value::Table(self.keys)).map_err(|e| e.message().to_owned());
        match case.and_then(|case| case.check().map(|()| case).map_err(|e| e.to_string())) {
            Ok(case) => Some(case),
            Err(why) => {
                problems.add(&self.at, format!("this is no case: {why}"), "");
                None
            }
        }
    }
}
