//! The columns of the file of cases, and one row of it as a [`Case`].

use std::str::FromStr;

use rust_decimal::Decimal;
use waihu_terms::Authority;
use waihu_types::{
    Case, CaseProblem, CaseVoice, Currency, GivenAuthority, InvalidTail, InvalidTerm, Lang, Money,
    Particulars, ProductKind, PromiseState,
};

use crate::cases::RowProblem;

/// The columns that are read. Those from `title` on may be absent.
const KNOWN: [&str; 32] = [
    "id",
    "phone",
    "name",
    "lang",
    "creditor",
    "product",
    "amount",
    "currency",
    "due_date",
    "title",
    "time_zone",
    "voice",
    "voice_speed",
    "kind",
    "account_tail",
    "minimum_due",
    "total_balance",
    "installment_no",
    "collateral",
    "contact",
    "reply_number",
    "last_promise",
    "last_promise_date",
    "last_promise_amount",
    "broken_promises",
    "authority_least_part",
    "authority_max_parts",
    "authority_max_delay_days",
    "authority_max_delay_broken_days",
    "authority_max_span_days",
    "authority_discounts",
    "authority_approver",
];
/// How many of [`KNOWN`] a file must have.
const NEEDED: usize = 9;

/// The longest unknown column name that is repeated in a message [characters]: a longer one is more
/// likely a cell of a file without a header.
const MAX_ECHOED_CHARS: usize = 32;

/// Where each column stands in a row.
pub(crate) struct Columns {
    /// The place of each of [`KNOWN`], by its index there.
    place: [Option<usize>; KNOWN.len()],
    /// How many fields a row has.
    width: usize,
}

impl Columns {
    /// Reads the header row. On success the problems are such as do not stop the rows.
    pub(crate) fn read(line: u64, names: &[String]) -> Result<(Self, Vec<RowProblem>), Vec<RowProblem>> {
        let mut place = [None; KNOWN.len()];
        let mut odd = Vec::new();
        let mut fatal = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            match KNOWN.iter().position(|k| *k == lower) {
                Some(k) if place[k].is_some() => {
                    fatal.push(RowProblem::column(
                        line,
                        KNOWN[k],
                        "this column stands twice in the header 列重复",
                    ));
                }
                Some(k) => place[k] = Some(at),
                None => odd.push(RowProblem::column(
                    line,
                    shown(name, at),
                    format!("unknown column, not read 未知列; the columns are 可用列: {}", KNOWN.join(", ")),
                )),
            }
        }
        if place.iter().all(Option::is_none) {
            let expected = KNOWN[..NEEDED].join(",");
            return Err(vec![RowProblem::row(
                line,
                format!("no header row 缺少表头: the first line must be 首行应为 {expected}"),
            )]);
        }
        for (k, name) in KNOWN.iter().enumerate().take(NEEDED) {
            if place[k].is_none() {
                fatal.push(RowProblem::column(line, *name, "this column is missing in the header 缺少该列"));
            }
        }
        if fatal.is_empty() {
            Ok((Self { place, width: names.len() }, odd))
        } else {
            fatal.append(&mut odd);
            Err(fatal)
        }
    }

    fn cell<'a>(&self, cells: &'a [String], name: &str) -> &'a str {
        let place = KNOWN.iter().position(|k| *k == name).and_then(|k| self.place[k]);
        place.and_then(|at| cells.get(at)).map_or("", String::as_str)
    }
}

/// An unknown column's name where it looks like one, else its place.
fn shown(name: &str, at: usize) -> String {
    let like_a_name = (1..=MAX_ECHOED_CHARS).contains(&name.chars().count())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-'));
    if like_a_name { name.to_owned() } else { format!("column {}", at + 1) }
}

/// Reads one row.
pub(crate) fn read(line: u64, columns: &Columns, cells: &[String]) -> Result<Case, RowProblem> {
    if cells.len() != columns.width {
        return Err(RowProblem::row(
            line,
            format!(
                "{} fields, the header has {}: a comma in a field needs quotes 字段数不符",
                cells.len(),
                columns.width
            ),
        ));
    }
    let cell = |name| columns.cell(cells, name);
    let bad = |name: &str, expected: &str| RowProblem::column(line, name, expected);
    let id = cell("id").parse().map_err(|_| {
        bad("id", "1 to 64 letters, digits, '-', '_' or '.', and no '.' first, are expected 编号格式有误")
    })?;
    let phone =
        cell("phone").parse().map_err(|e: waihu_types::InvalidPhoneNumber| bad("phone", &e.to_string()))?;
    let lang: Lang = cell("lang").parse().map_err(|_| bad("lang", "zh or en is expected 应为 zh 或 en"))?;
    for name in ["name", "title", "creditor", "product", "collateral", "contact", "authority_approver"] {
        if garbled(cell(name), lang) {
            return Err(bad(
                name,
                "garbled characters (GBK, as spreadsheets write it?): 乱码: save the file as 请另存为 \"CSV UTF-8\"",
            ));
        }
    }
    let currency: Currency = cell("currency")
        .parse()
        .map_err(|_| bad("currency", "three capital letters are expected, as CNY or USD 币种有误"))?;
    let due = Money::parse(cell("amount"), currency).map_err(|_| {
        bad("amount", "a number with at most two places is expected, as 3250.00 or 3,250.00 金额有误")
    })?;
    let due_date =
        date(cell("due_date")).ok_or_else(|| bad("due_date", "a day is expected, as 2026-11-15 日期有误"))?;
    let time_zone = match cell("time_zone") {
        "" => "Asia/Shanghai",
        named => named,
    };
    let particulars = particulars(&Row(columns, cells)).map_err(|(name, expected)| bad(name, &expected))?;
    let speed = Some(cell("voice_speed")).filter(|c| !c.is_empty());
    let speed = speed
        .map(|c| c.parse::<f32>().map_err(|_| bad("voice_speed", "a number as 0.95 is expected 应为数字")))
        .transpose()?;
    let voice = CaseVoice { name: Some(cell("voice").to_owned()).filter(|c| !c.is_empty()), speed };
    let case = Case {
        id,
        phone,
        name: cell("name").to_owned(),
        title: cell("title").to_owned(),
        lang,
        creditor: cell("creditor").to_owned(),
        product: cell("product").to_owned(),
        due,
        due_date,
        time_zone: time_zone.to_owned(),
        particulars,
        voice,
        dossier: Default::default(),
    };
    match case.check() {
        Ok(()) => match Authority::new(&case.particulars.authority, case.due) {
            Ok(_) => Ok(case),
            Err(problem) => Err(bad(&format!("authority_{}", problem.field()), &problem.to_string())),
        },
        Err(CaseProblem::Empty(field)) => Err(bad(field, "empty: it is spoken in the call 不能为空")),
        Err(e @ CaseProblem::TooLong { field, .. }) => Err(bad(field, &e.to_string())),
        Err(CaseProblem::TimeZone(_)) => {
            Err(bad("time_zone", "an IANA name is expected, as Asia/Shanghai 时区无效"))
        }
        Err(CaseProblem::Odd { field, expected }) => Err(bad(field, expected)),
        Err(CaseProblem::NothingDue) => Err(bad("amount", "zero: there is nothing to call about 金额为零")),
    }
}

/// A column that cannot be read, and what is expected there.
type Fault = (&'static str, String);

/// One row, for the cells of it that may be empty.
struct Row<'a>(&'a Columns, &'a [String]);

impl Row<'_> {
    fn text(&self, name: &str) -> Option<String> {
        Some(self.0.cell(self.1, name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn read<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let text = self.text(name);
        text.map(|t| read(&t).ok_or_else(|| (name, expected.to_owned()))).transpose()
    }

    fn parse<T: FromStr>(&self, name: &'static str, expected: &str) -> Result<Option<T>, Fault> {
        self.read(name, expected, |t| t.parse().ok())
    }

    /// The currency is the case's own; how a sum is written does not depend on it.
    fn sum(&self, name: &'static str) -> Result<Option<Decimal>, Fault> {
        let expected = "a number with at most two places is expected, as 3250.00, or nothing 金额有误";
        self.read(name, expected, |t| Money::parse(t, Currency::CNY).ok().map(|m| m.amount()))
    }

    fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Fault> {
        self.parse(name, "a whole number is expected, or nothing 应为整数")
    }
}

/// The columns that a lender may fill in.
fn particulars(row: &Row<'_>) -> Result<Particulars, Fault> {
    let kinds = ProductKind::ALL.map(ProductKind::label).join(", ");
    let states = PromiseState::ALL.map(PromiseState::label).join(", ");
    Ok(Particulars {
        kind: row
            .parse("kind", &format!("one of {kinds} is expected, or nothing 产品类别有误"))?
            .unwrap_or_default(),
        account_tail: row.parse("account_tail", &InvalidTail.to_string())?,
        minimum_due: row.sum("minimum_due")?,
        total_balance: row.sum("total_balance")?,
        installment_no: row.number("installment_no")?,
        collateral: row.text("collateral"),
        contact: row.text("contact"),
        reply_number: row.text("reply_number"),
        authority: authority(row)?,
        last_promise: row
            .parse("last_promise", &format!("one of {states} is expected, or nothing 承诺状态有误"))?,
        last_promise_date: row.read(
            "last_promise_date",
            "a day is expected, as 2026-11-15, or nothing 日期有误",
            date,
        )?,
        last_promise_amount: row.sum("last_promise_amount")?,
        broken_promises: row.number("broken_promises")?.unwrap_or_default(),
    })
}

fn authority(row: &Row<'_>) -> Result<GivenAuthority, Fault> {
    let steps = |text: &str| text.split([' ', ';', '|']).filter(|s| !s.is_empty()).map(str::parse).collect();
    Ok(GivenAuthority {
        least_part: row.parse("authority_least_part", &InvalidTerm::Least.to_string())?,
        max_parts: row.number("authority_max_parts")?,
        max_delay_days: row.number("authority_max_delay_days")?,
        max_delay_broken_days: row.number("authority_max_delay_broken_days")?,
        max_span_days: row.number("authority_max_span_days")?,
        discounts: row.read(
            "authority_discounts",
            "shares are expected, the smallest first, as 5% 10%, or nothing 应为百分比",
            |text| Result::<Vec<_>, InvalidTerm>::ok(steps(text)),
        )?,
        approver: row.text("authority_approver"),
    })
}

/// A day as `2026-11-15` or, as spreadsheets rewrite it, `2026/11/15` or `2026/11/5`.
fn date(text: &str) -> Option<jiff::civil::Date> {
    let mut parts = text.split(if text.contains('/') { '/' } else { '-' });
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |s: &str, max: usize| (1..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Whether text was read in the wrong encoding: replacement or control characters, the well-known
/// pair that GBK makes of replacement characters, or a Mandarin row whose letters beyond ASCII are
/// all Latin.
fn garbled(text: &str, lang: Lang) -> bool {
    let beyond: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    let latin = |c: &char| u32::from(*c) < 0x0250 || matches!(*c, '\u{2000}'..='\u{2122}');
    text.chars().any(|c| c == '\u{fffd}' || c.is_control())
        || text.contains("锟斤拷")
        || (lang == Lang::Zh && !beyond.is_empty() && beyond.iter().all(latin))
}
