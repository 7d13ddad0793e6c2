//! The columns of a case, whatever it comes in, and where each stands in a row.

use crate::cases::RowProblem;

/// Names the plain columns: those of which there is one.
macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A column of which there is one.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Field {
            $($field,)*
        }

        impl Field {
            pub(crate) const ALL: &[Self] = &[$(Self::$field),*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }
        }
    };
}

fields! {
    Id = "id",
    Phone = "phone",
    Name = "name",
    Lang = "lang",
    Creditor = "creditor",
    Product = "product",
    Amount = "amount",
    Currency = "currency",
    DueDate = "due_date",
    Title = "title",
    TimeZone = "time_zone",
    Voice = "voice",
    VoiceSpeed = "voice_speed",
    Kind = "kind",
    AccountTail = "account_tail",
    MinimumDue = "minimum_due",
    TotalBalance = "total_balance",
    InstallmentNo = "installment_no",
    Collateral = "collateral",
    Contact = "contact",
    ReplyNumber = "reply_number",
    LastPromise = "last_promise",
    LastPromiseDate = "last_promise_date",
    LastPromiseAmount = "last_promise_amount",
    BrokenPromises = "broken_promises",
    KeptPromises = "kept_promises",
    LeastPart = "authority_least_part",
    MaxParts = "authority_max_parts",
    MaxDelayDays = "authority_max_delay_days",
    MaxDelayBrokenDays = "authority_max_delay_broken_days",
    MaxSpanDays = "authority_max_span_days",
    Discounts = "authority_discounts",
    Approver = "authority_approver",
    Debtor = "debtor",
    PhoneKind = "phone_kind",
    Consent = "consent",
    DaysPastDue = "days_past_due",
    RiskGrade = "risk_grade",
    Propensity = "propensity",
    BestTime = "best_time",
    Contacts = "contacts",
    DoNotCall = "do_not_call",
    Cease = "cease",
    Deceased = "deceased",
    Represented = "represented",
    RepresentedBy = "represented_by",
    Minor = "minor",
    Dispute = "dispute",
    Bankrupt = "bankrupt",
}

/// How many of [`Field::ALL`] a file must have.
const NEEDED: usize = 9;
/// Further numbers have columns of their own, `phone_2` to `phone_9`, each with these.
pub(crate) const OF_NUMBER: [&str; 5] = ["", "kind", "whose", "consent", "time_zone"];
/// How many of them there are.
pub(crate) const NUMBERS: usize = waihu_types::Dossier::MAX_NUMBERS;
/// How many columns there may be in all.
pub(crate) const COLUMNS: usize = Field::ALL.len() + NUMBERS * OF_NUMBER.len();

/// The longest unknown column name that is repeated in a message [characters]: a longer one is more
/// likely a cell of a file without a header.
const MAX_ECHOED_CHARS: usize = 32;

/// One column that can be read: its index among all [`COLUMNS`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column(usize);

impl From<Field> for Column {
    fn from(field: Field) -> Self {
        Self(field as usize)
    }
}

impl Column {
    /// A column of a further number, from 0; `part` is one of [`OF_NUMBER`] by its index.
    pub(crate) fn of_number(number: usize, part: usize) -> Self {
        Self(Field::ALL.len() + number * OF_NUMBER.len() + part)
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..COLUMNS).map(Self)
    }

    /// The column of a name, in small letters.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(field) = Field::ALL.iter().find(|f| f.name() == name) {
            return Some((*field).into());
        }
        let rest = name.strip_prefix("phone_")?;
        let (number, part) = match rest.split_once('_') {
            Some((number, part)) => (number, OF_NUMBER.iter().position(|p| *p == part && !part.is_empty())?),
            None => (rest, 0),
        };
        match number.as_bytes() {
            [digit @ b'2'..=b'9'] => Some(Self::of_number(usize::from(digit - b'2'), part)),
            _ => None,
        }
    }

    /// Its name in rows.
    pub(crate) fn name(self) -> String {
        match Field::ALL.get(self.0) {
            Some(field) => field.name().to_owned(),
            None => {
                let (number, part) = self.number_and_part();
                let part = OF_NUMBER[part];
                format!("phone_{}{}{part}", number + 2, if part.is_empty() { "" } else { "_" })
            }
        }
    }

    /// Its place in a JSON object.
    pub(crate) fn key(self) -> String {
        match Field::ALL.get(self.0) {
            Some(field) => match field.name().strip_prefix("authority_") {
                Some(of) => format!("authority.{of}"),
                None => field.name().to_owned(),
            },
            None => {
                let (number, part) = self.number_and_part();
                format!("numbers[{number}].{}", if part == 0 { "phone" } else { OF_NUMBER[part] })
            }
        }
    }

    fn number_and_part(self) -> (usize, usize) {
        let beyond = self.0.saturating_sub(Field::ALL.len());
        (beyond / OF_NUMBER.len(), beyond % OF_NUMBER.len())
    }
}

/// Where each column stands in a row.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    place: [Option<usize>; COLUMNS],
    /// How many fields a row has.
    pub(crate) width: usize,
    /// How many further numbers there are columns for.
    pub(crate) numbers: usize,
}

impl Columns {
    /// Every column, each at its own index.
    pub(crate) fn all() -> Self {
        Self { place: std::array::from_fn(Some), width: COLUMNS, numbers: NUMBERS }
    }

    /// Reads the header row. On success the problems are such as do not stop the rows.
    pub(crate) fn read<'n>(
        line: u64,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(Self, Vec<RowProblem>), Vec<RowProblem>> {
        let mut columns = Self { place: [None; COLUMNS], width: 0, numbers: 0 };
        let mut odd = Vec::new();
        let mut fatal = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            columns.width = at + 1;
            match Column::named(&name.to_ascii_lowercase()) {
                Some(column) if columns.place[column.0].is_some() => {
                    fatal.push(RowProblem::column(
                        line,
                        column.name(),
                        "this column stands twice in the header: leave one of them 列重复，请只保留一列",
                    ));
                }
                Some(column) => {
                    columns.place[column.0] = Some(at);
                    if column.0 >= Field::ALL.len() {
                        columns.numbers = columns.numbers.max(column.number_and_part().0 + 1);
                    }
                }
                None => odd.push(unknown(line, &shown(name, at))),
            }
        }
        if columns.place.iter().all(Option::is_none) {
            let needed: Vec<&str> = Field::ALL.iter().take(NEEDED).map(|f| f.name()).collect();
            return Err(vec![RowProblem::row(
                line,
                format!("no header row 缺少表头: the first line must be 首行应为 {}", needed.join(",")),
            )]);
        }
        for field in Field::ALL.iter().take(NEEDED) {
            if columns.place[*field as usize].is_none() {
                fatal.push(RowProblem::column(
                    line,
                    field.name(),
                    "this column is missing in the header: add it 缺少该列，请补上",
                ));
            }
        }
        if fatal.is_empty() {
            Ok((columns, odd))
        } else {
            fatal.append(&mut odd);
            Err(fatal)
        }
    }

    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.place[column.0]
    }
}

/// What is said of a column or a key that nobody knows.
pub(crate) fn unknown(line: u64, name: &str) -> RowProblem {
    let known: Vec<&str> = Field::ALL.iter().map(|f| f.name()).collect();
    RowProblem::column(
        line,
        name,
        format!(
            "unknown, and not read 未知，不读取; there are 可用: {}, phone_2 … phone_9",
            known.join(", ")
        ),
    )
}

/// An unknown column's name where it looks like one, else its place.
pub(crate) fn shown(name: &str, at: usize) -> String {
    let like_a_name = (1..=MAX_ECHOED_CHARS).contains(&name.chars().count())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-'));
    if like_a_name { name.to_owned() } else { format!("column {}", at + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for column in Column::all() {
            assert!(Column::named(&column.name()) == Some(column), "{}", column.name());
        }
        assert_eq!(Column::of_number(1, 1).name(), "phone_3_kind");
        assert_eq!(Column::of_number(1, 0).key(), "numbers[1].phone");
        assert_eq!(Column::from(Field::MaxParts).key(), "authority.max_parts");
        for none in ["phone_1", "phone_10", "phone_2_", "phone_2_owner", "phone_", "ID", ""] {
            assert!(Column::named(none).is_none(), "{none}");
        }
    }
}
