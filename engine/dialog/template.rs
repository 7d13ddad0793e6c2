//! Prompt templates: text with typed placeholders, and the written form in which money, days and
//! times are handed to speech synthesis.
//!
//! Deliberately absent: how a number is pronounced (the synthesizer's front end reads `3250.00元`).

use std::fmt;

use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use waihu_types::{Currency, Lang, Money};

macro_rules! placeholders {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// What a prompt can have filled in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Placeholder {
            $(#[doc = $meaning] $variant,)*
        }

        impl Placeholder {
            /// Every placeholder.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as it is written between braces.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

placeholders! {
    Name "name" "The debtor's name."
    Title "title" "How the debtor is addressed; may be empty."
    Address "address" "The family name with the title (张先生, Mr Reed); the whole name without a title."
    Creditor "creditor" "Whom the call is for."
    Product "product" "What is owed on. Tells of the debt."
    Amount "amount" "What is overdue. Tells of the debt."
    DueDate "due_date" "When it was due. Tells of the debt."
    LatestDate "latest_date" "The last day of a promise that needs no second question. Tells of the debt."
    PromiseDate "promise_date" "The day promised. Tells of the debt."
    PromiseAmount "promise_amount" "The sum promised: the whole due unless another was named. Tells of the debt."
    CallbackDate "callback_date" "The day of the call back."
    CallbackTime "callback_time" "The time of the call back."
    CallbackWhen "callback_when" "The day, the time or both of the call back."
    AccountTail "account_tail" "The last digits of the account. Tells of the debt."
    MinimumDue "minimum_due" "The least that must be paid now. Tells of the debt."
    TotalBalance "total_balance" "All that is owed on the loan. Tells of the debt."
    InstallmentNo "installment_no" "Which installment is overdue. Tells of the debt."
    Collateral "collateral" "What secures the loan. Tells of the debt."
    DaysPastDue "days_past_due" "For how many days it is overdue. Tells of the debt."
    Contact "contact" "Whom to ask for when calling back."
    ReplyNumber "reply_number" "The number to call back."
    LastPromiseDate "last_promise_date" "The day of the promise before. Tells of the debt."
    LastPromiseAmount "last_promise_amount" "Its sum. Tells of the debt."
    Plan "plan" "The plan on the table: all its days and sums. Tells of the debt."
    PlanTotal "plan_total" "What is paid by it in all. Tells of the debt."
    PlanDiscount "plan_discount" "What is waived by it. Tells of the debt."
    PlanParts "plan_parts" "In how many parts it is paid. Tells of the debt."
    PlanFirstAmount "plan_first_amount" "The sum of its first part. Tells of the debt."
    PlanFirstDate "plan_first_date" "The day of its first part. Tells of the debt."
    PlanLastDate "plan_last_date" "The day of its last part. Tells of the debt."
    Approver "approver" "Who may allow more: as the case names it, or a specialist. Tells of the debt."
    Agent "agent" "The agent who has taken the call."
    QueuePlace "queue_place" "The callee's place among those who wait for an agent, from 1."
    QueueWait "queue_wait" "How long the callee still waits for an agent, as it seems."
    AgentsBack "agents_back" "When agents are at work again, while by their hours they are not."
}

impl Placeholder {
    /// Whether a prompt with it speaks of the debt.
    pub fn tells_of_the_debt(self) -> bool {
        use Placeholder as P;
        !matches!(
            self,
            P::Name
                | P::Title
                | P::Address
                | P::Creditor
                | P::CallbackDate
                | P::CallbackTime
                | P::CallbackWhen
                | P::Contact
                | P::ReplyNumber
                | P::Agent
                | P::QueuePlace
                | P::QueueWait
                | P::AgentsBack
        )
    }

    /// Whether it is known of a callee who waits for an agent, and of nobody else.
    pub(crate) fn is_of_the_wait(self) -> bool {
        matches!(self, Self::QueuePlace | Self::QueueWait)
    }

    /// Whether only the callee can give the value, so that the text is not known before the call.
    pub fn comes_from_the_callee(self) -> bool {
        use Placeholder as P;
        matches!(
            self,
            P::PromiseDate | P::PromiseAmount | P::CallbackDate | P::CallbackTime | P::CallbackWhen
        ) || self.is_of_the_plan()
    }

    /// Whether it is of the plan on the table.
    pub(crate) fn is_of_the_plan(self) -> bool {
        use Placeholder as P;
        matches!(
            self,
            P::Plan
                | P::PlanTotal
                | P::PlanDiscount
                | P::PlanParts
                | P::PlanFirstAmount
                | P::PlanFirstDate
                | P::PlanLastDate
        )
    }

    /// Whether a case may lack it, and a flow that speaks it is then not for that case. What is of a
    /// promise before is left out: the check of a script proves that it is spoken where there was one.
    pub(crate) fn may_be_lacking(self) -> bool {
        use Placeholder as P;
        matches!(
            self,
            P::AccountTail
                | P::MinimumDue
                | P::TotalBalance
                | P::InstallmentNo
                | P::Collateral
                | P::DaysPastDue
                | P::Contact
                | P::ReplyNumber
        )
    }
}

/// One wording of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Fill(Placeholder),
}

/// What is wrong with a wording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name between braces that is no placeholder.
    #[error("unknown placeholder {{{0}}}")]
    Unknown(String),
    /// A brace without its partner.
    #[error("a brace is not closed, or not opened")]
    Brace,
    /// Nothing is said.
    #[error("a prompt without words")]
    Empty,
}

impl Template {
    /// Reads `text` with its placeholders.
    ///
    /// # Errors
    /// On an unknown placeholder, a lonely brace, or text that is blank.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            let found = Placeholder::ALL.iter().find(|p| p.name() == name);
            if before.contains('}') || name.contains('{') {
                return Err(TemplateError::Brace);
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Fill(*found.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?));
            rest = after;
        }
        if rest.contains('}') {
            return Err(TemplateError::Brace);
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.iter().filter_map(|p| match p {
            Piece::Fill(f) => Some(*f),
            Piece::Text(_) => None,
        })
    }

    /// Whether it tells when agents are at work again: then it is said while they are not, and never else.
    pub(crate) fn is_after_hours(&self) -> bool {
        self.placeholders().any(|p| p == Placeholder::AgentsBack)
    }

    /// The text without its values.
    pub(crate) fn fixed_text(&self) -> String {
        let piece = |p: &Piece| match p {
            Piece::Text(text) => text.clone(),
            // What stands before and after a value is not one word.
            Piece::Fill(_) => " ○ ".to_owned(),
        };
        self.0.iter().map(piece).collect()
    }

    /// The text and the placeholders, in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether it is SSML, and no plain words.
    pub(crate) fn is_markup(&self) -> bool {
        matches!(self.0.first(), Some(Piece::Text(text)) if text.starts_with("<"))
    }

    /// The first word in the fixed text that tells of a debt, if any.
    pub(crate) fn debt_word(&self, lang: Lang) -> Option<&'static str> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Text(text) => crate::debt_words::first_in(text, lang),
            Piece::Fill(_) => None,
        })
    }

    /// The words to speak; none while a value is missing.
    pub fn fill(&self, value: impl Fn(Placeholder) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => out.push_str(t),
                Piece::Fill(p) => out.push_str(&value(*p)?),
            }
        }
        Some(tidy(&out))
    }
}

/// As it is written in a prompts file.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Fill(placeholder) => write!(f, "{{{}}}", placeholder.name()),
        })
    }
}

/// Takes out the gap that an empty value leaves (`this is  Daniel`, ` ,`).
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() && !word.starts_with([',', '.', '?', '!', ';', ':']) {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// A sum as it is written for the synthesizer: `3250.00元`, `$3,250.00`.
pub fn money(sum: Money, lang: Lang) -> String {
    let code = sum.currency();
    let amount = sum.amount();
    match lang {
        Lang::Zh => format!("{amount}{}", zh_unit(code)),
        Lang::En => match code.code() {
            "USD" => format!("${}", grouped(amount)),
            "GBP" => format!("£{}", grouped(amount)),
            "EUR" => format!("€{}", grouped(amount)),
            "CNY" => format!("{} yuan", grouped(amount)),
            other => format!("{} {other}", grouped(amount)),
        },
    }
}

fn zh_unit(code: Currency) -> String {
    match code.code() {
        "CNY" => "元",
        "USD" => "美元",
        "EUR" => "欧元",
        "GBP" => "英镑",
        "HKD" => "港元",
        other => other,
    }
    .to_owned()
}

/// The exact decimal with commas between thousands.
fn grouped(amount: Decimal) -> String {
    let plain = amount.to_string();
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{out}.{cents}")
}

/// The months in English.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day as it is written for the synthesizer; with its year where that is not this year.
pub fn day(date: Date, today: Date, lang: Lang) -> String {
    let (month, day) = (date.month(), date.day());
    let this_year = date.year() == today.year();
    match lang {
        Lang::Zh if this_year => format!("{month}月{day}日"),
        Lang::Zh => format!("{}年{month}月{day}日", date.year()),
        Lang::En => {
            let month = MONTHS[usize::try_from(month - 1).unwrap_or(0).min(11)];
            if this_year { format!("{month} {day}") } else { format!("{month} {day}, {}", date.year()) }
        }
    }
}

/// A day with its weekday, for reading it back: a wrong week is heard at once.
pub fn day_of_week(date: Date, today: Date, lang: Lang) -> String {
    use jiff::civil::Weekday as W;
    let (zh, en) = match date.weekday() {
        W::Monday => ("一", "Monday"),
        W::Tuesday => ("二", "Tuesday"),
        W::Wednesday => ("三", "Wednesday"),
        W::Thursday => ("四", "Thursday"),
        W::Friday => ("五", "Friday"),
        W::Saturday => ("六", "Saturday"),
        W::Sunday => ("天", "Sunday"),
    };
    match lang {
        Lang::Zh => format!("{}星期{zh}", day(date, today, lang)),
        Lang::En => format!("{en}, {}", day(date, today, lang)),
    }
}

/// A time of day as it is written for the synthesizer: `下午3点半`, `3:30 PM`.
pub fn clock(time: Time, lang: Lang) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    match lang {
        Lang::Zh => {
            let part = match hour {
                0..=5 => "凌晨",
                6..=8 => "早上",
                9..=11 => "上午",
                12 => "中午",
                13..=17 => "下午",
                _ => "晚上",
            };
            let twelve = if hour == 0 { 0 } else { twelve };
            match minute {
                0 => format!("{part}{twelve}点"),
                30 => format!("{part}{twelve}点半"),
                1..=9 => format!("{part}{twelve}点零{minute}分"),
                _ => format!("{part}{twelve}点{minute}分"),
            }
        }
        Lang::En => {
            let half = if hour < 12 { "AM" } else { "PM" };
            if minute == 0 && hour == 12 {
                "noon".to_owned()
            } else if minute == 0 {
                format!("{twelve} {half}")
            } else {
                format!("{twelve}:{minute:02} {half}")
            }
        }
    }
}

/// A call back's day and time together; none when neither is known.
pub fn when(date: Option<Date>, time: Option<Time>, today: Date, lang: Lang) -> Option<String> {
    let date = date.map(|d| match ((d - today).get_days(), lang) {
        (0, Lang::Zh) => "今天".to_owned(),
        (0, Lang::En) => "today".to_owned(),
        (1, Lang::Zh) => "明天".to_owned(),
        (1, Lang::En) => "tomorrow".to_owned(),
        (2, Lang::Zh) => "后天".to_owned(),
        (_, Lang::Zh) => day_of_week(d, today, lang),
        (_, Lang::En) => format!("on {}", day_of_week(d, today, lang)),
    });
    let time = time.map(|t| match lang {
        Lang::Zh => clock(t, lang),
        Lang::En => format!("at {}", clock(t, lang)),
    });
    let gap = if lang == Lang::En { " " } else { "" };
    match (date, time) {
        (Some(d), Some(t)) => Some(format!("{d}{gap}{t}")),
        (d, t) => d.or(t),
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn sum(text: &str, currency: Currency) -> Money {
        Money::parse(text, currency).unwrap()
    }

    #[test]
    fn money_is_written_exactly_as_it_is_to_be_read() {
        assert_eq!(money(sum("3250", Currency::CNY), Lang::Zh), "3250.00元");
        assert_eq!(money(sum("3250", Currency::USD), Lang::En), "$3,250.00");
        assert_eq!(money(sum("1234567.8", Currency::USD), Lang::En), "$1,234,567.80");
        assert_eq!(money(sum("100", Currency::CNY), Lang::En), "100.00 yuan");
    }

    #[test]
    fn days_have_their_year_only_when_it_is_another() {
        let today = date(2026, 11, 24);
        assert_eq!(day(date(2026, 11, 27), today, Lang::Zh), "11月27日");
        assert_eq!(day(date(2026, 11, 27), today, Lang::En), "November 27");
        assert_eq!(day(date(2025, 1, 5), today, Lang::Zh), "2025年1月5日");
        assert_eq!(day(date(2027, 12, 5), today, Lang::En), "December 5, 2027");
    }

    #[test]
    fn a_day_is_read_back_with_its_weekday() {
        let today = date(2026, 11, 24);
        assert_eq!(day_of_week(date(2026, 11, 27), today, Lang::Zh), "11月27日星期五");
        assert_eq!(day_of_week(date(2026, 11, 29), today, Lang::Zh), "11月29日星期天");
        assert_eq!(day_of_week(date(2026, 11, 27), today, Lang::En), "Friday, November 27");
    }

    #[test]
    fn times_of_day_have_their_part_of_the_day() {
        let zh = |h, m| clock(time(h, m, 0, 0), Lang::Zh);
        let en = |h, m| clock(time(h, m, 0, 0), Lang::En);
        assert_eq!(
            [zh(15, 0), zh(9, 5), zh(12, 30), zh(0, 10), zh(19, 0), zh(8, 15)].join(" "),
            "下午3点 上午9点零5分 中午12点半 凌晨0点10分 晚上7点 早上8点15分"
        );
        assert_eq!(
            [en(15, 0), en(9, 5), en(12, 30), en(0, 0), en(12, 0)].join(" "),
            "3 PM 9:05 AM 12:30 PM 12 AM noon"
        );
    }

    #[test]
    fn a_call_back_is_told_as_people_tell_it() {
        let today = date(2026, 12, 31);
        let three = Some(time(15, 0, 0, 0));
        assert_eq!(when(Some(today), three, today, Lang::Zh).unwrap(), "今天下午3点");
        assert_eq!(when(Some(date(2027, 1, 1)), three, today, Lang::En).unwrap(), "tomorrow at 3 PM");
        assert_eq!(
            when(Some(date(2027, 1, 2)), None, today, Lang::En).unwrap(),
            "on Saturday, January 2, 2027"
        );
        assert_eq!(when(Some(date(2027, 1, 2)), None, today, Lang::Zh).unwrap(), "后天");
        assert_eq!(when(None, None, today, Lang::En), None);
    }

    #[test]
    fn an_empty_title_leaves_no_gap() {
        let t = Template::parse("Am I speaking with {title} {name}?").unwrap();
        let fill = |title: &str| {
            t.fill(|p| {
                Some(if p == Placeholder::Title { title.to_owned() } else { "Daniel Reed".to_owned() })
            })
            .unwrap()
        };
        assert_eq!(fill(""), "Am I speaking with Daniel Reed?");
        assert_eq!(fill("Mr"), "Am I speaking with Mr Daniel Reed?");
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        assert_eq!(Template::parse("{nmae}"), Err(TemplateError::Unknown("nmae".into())));
        assert_eq!(Template::parse("{name"), Err(TemplateError::Brace));
        assert_eq!(Template::parse("name}"), Err(TemplateError::Brace));
        assert_eq!(Template::parse("} {name}"), Err(TemplateError::Brace));
        assert_eq!(Template::parse("  "), Err(TemplateError::Empty));
        assert_eq!(Template::parse("{amount}").unwrap().fill(|_| None), None);
    }
}
