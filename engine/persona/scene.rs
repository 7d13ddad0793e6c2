//! Cases made by a seed: products, sums and days as they are met, in both languages.

use jiff::{
    ToSpan,
    civil::{Date, date},
};
use rust_decimal::Decimal;
use serde::{Deserialize, de::value::MapDeserializer};
use waihu_types::{Case, Currency, GivenAuthority, Lang, Particulars, ProductKind, PromiseState};

use crate::random::Random;

/// A case, and the day on which it is called about.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The case.
    pub case: Case,
    /// The day of the call, at the callee's place.
    pub today: Date,
}

/// What the lender of a case lets be agreed, roughly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Allows {
    /// Nothing but the whole, within the usual days.
    #[default]
    Nothing,
    /// Several payments.
    Parts,
    /// Less, where it is paid at once.
    Less,
    /// Either of them.
    Both,
}

impl Allows {
    /// What an authority comes to.
    pub fn of(authority: &GivenAuthority) -> Self {
        let parts = authority.max_parts.is_some_and(|n| n > 1);
        let less = authority.discounts.as_ref().is_some_and(|steps| !steps.is_empty());
        match (parts, less) {
            (false, false) => Self::Nothing,
            (true, false) => Self::Parts,
            (false, true) => Self::Less,
            (true, true) => Self::Both,
        }
    }

    /// The name as figures have it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Parts => "parts",
            Self::Less => "less",
            Self::Both => "parts_or_less",
        }
    }

    /// The name in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Nothing => "无",
            Self::Parts => "分期",
            Self::Less => "减免",
            Self::Both => "分期或减免",
        }
    }
}

const NAMES_ZH: [(&str, &str); 10] = [
    ("张伟", "先生"),
    ("李娜", "女士"),
    ("王建国", "先生"),
    ("陈晓燕", "女士"),
    ("欧阳明", "先生"),
    ("赵磊", "先生"),
    ("孙婷婷", "女士"),
    ("周志强", "先生"),
    ("吴敏", ""),
    ("郑丽华", "女士"),
];
const NAMES_EN: [(&str, &str); 10] = [
    ("Daniel Reed", "Mr"),
    ("Susan Porter", "Ms"),
    ("Marcus Hale", "Mr"),
    ("Linda Okafor", "Mrs"),
    ("Peter Novak", "Mr"),
    ("Grace Tanaka", "Ms"),
    ("Omar Haddad", "Mr"),
    ("Emily Stone", "Ms"),
    ("Victor Alvarez", ""),
    ("Rachel Byrne", "Ms"),
];
/// A lender, a product and its kind, and the least and the most that is overdue on it.
type Product = (&'static str, &'static str, ProductKind, i64, i64);
const PRODUCTS_ZH: [Product; 5] = [
    ("安信银行", "信用卡", ProductKind::Card, 300, 30_000),
    ("安信银行", "个人贷款", ProductKind::PersonalLoan, 800, 20_000),
    ("闪贷金融", "小额贷款", ProductKind::MicroLoan, 100, 5_000),
    ("恒安银行", "房屋贷款", ProductKind::Mortgage, 2_000, 40_000),
    ("恒安银行", "经营贷款", ProductKind::BusinessLoan, 3_000, 90_000),
];
const PRODUCTS_EN: [Product; 5] = [
    ("Harbor Bank", "credit card", ProductKind::Card, 60, 6_000),
    ("Harbor Bank", "personal loan", ProductKind::PersonalLoan, 150, 5_000),
    ("QuickCash", "short-term loan", ProductKind::MicroLoan, 50, 1_000),
    ("Lakeside Bank", "mortgage", ProductKind::Mortgage, 600, 9_000),
    ("Lakeside Bank", "business loan", ProductKind::BusinessLoan, 900, 20_000),
];

/// How many days a debt of these simulated cases is overdue, at most.
const MOST_OVERDUE: i64 = 90;
/// One case in so many is called about before its day.
const AHEAD_OF_ITS_DAY: f32 = 0.1;

impl Scene {
    /// The case of a seed.
    pub fn new(lang: Lang, seed: u64) -> Self {
        let mut random = Random::nth(seed, 0x5CE4E);
        let (names, products, currency) = match lang {
            Lang::Zh => (&NAMES_ZH, &PRODUCTS_ZH, Currency::CNY),
            Lang::En => (&NAMES_EN, &PRODUCTS_EN, Currency::USD),
        };
        let (name, title) = *random.pick(names);
        let (creditor, product, kind, least, most) = *random.pick(products);
        // Sums are spread over the range by their order of size, as debts are.
        let share = f64::from(random.unit());
        let sum = least as f64 * (most as f64 / least as f64).powf(share);
        let cents = if random.chance(0.5) { 0 } else { random.between(0, 99) };
        let due = Decimal::new((sum as i64).saturating_mul(100).saturating_add(cents), 2);
        let today = date(2026, 1, 1).saturating_add(random.between(0, 364).days());
        let due_date = today.saturating_sub(random.between(1, MOST_OVERDUE).days());
        let (id, amount) = (format!("arena-{}", seed % 1_000_000), due.to_string());
        let (due_date, currency) = (due_date.to_string(), currency.to_string());
        // As a row of a file, so that what a case may leave out is left out.
        let fields = [
            ("id", id.as_str()),
            ("phone", "1001"),
            ("name", name),
            ("title", title),
            ("lang", lang.code()),
            ("creditor", creditor),
            ("product", product),
            ("amount", &amount),
            ("currency", &currency),
            ("due_date", &due_date),
        ];
        let case = Case::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter()));
        let mut case = case.unwrap_or_else(|e| unreachable!("a case of ours: {e}"));
        if random.chance(AHEAD_OF_ITS_DAY) {
            case.due_date = today.saturating_add(random.between(1, 5).days());
        }
        case.particulars = particulars(lang, kind, due, today, &mut random);
        Self { case, today }
    }
}

/// What a lender may tell beside: all that a flow may speak, a promise before in two of three cases, and
/// what may be agreed in about as many.
fn particulars(lang: Lang, kind: ProductKind, due: Decimal, today: Date, random: &mut Random) -> Particulars {
    let (contact, number, approver) = match lang {
        Lang::Zh => ("李经理", "95555", "客户经理"),
        Lang::En => ("Mary Cole", "1-800-555-0142", "a supervisor"),
    };
    let (last_promise, days) = match random.between(0, 8) {
        0..3 => (None, 0),
        3..5 => (Some(PromiseState::Open), random.between(0, 7)),
        5 => (Some(PromiseState::Kept), -random.between(20, 60)),
        _ => (Some(PromiseState::Broken), -random.between(1, 20)),
    };
    let broken = if last_promise == Some(PromiseState::Broken) { random.between(1, 3) } else { 0 };
    let sum = if random.chance(0.6) { due } else { (due / Decimal::TWO).ceil().min(due) };
    Particulars {
        kind,
        account_tail: "0421".parse().ok(),
        contact: Some(contact.to_owned()),
        reply_number: Some(number.to_owned()),
        authority: authority(approver, random),
        last_promise,
        last_promise_date: last_promise.map(|_| today.saturating_add(days.days())),
        last_promise_amount: last_promise.map(|_| sum),
        broken_promises: u16::try_from(broken).unwrap_or(0),
        ..Particulars::default()
    }
}

/// What a lender allows: nothing in a third of the cases.
fn authority(approver: &str, random: &mut Random) -> GivenAuthority {
    let (parts, less) = *random.pick(&[
        (false, false),
        (false, false),
        (true, false),
        (true, false),
        (false, true),
        (true, true),
    ]);
    if !parts && !less {
        return GivenAuthority::default();
    }
    let delay = *random.pick(&[7_u16, 14, 20, 31]);
    let steps = *random.pick(&["5%", "5% 10%", "10% 20% 30%"]);
    GivenAuthority {
        least_part: random.pick(&["10%", "20%", "100"]).parse().ok(),
        max_parts: parts.then(|| *random.pick(&[2_u8, 3, 6, 12])),
        max_delay_days: Some(delay),
        max_delay_broken_days: Some(delay / 2),
        max_span_days: None,
        discounts: less.then(|| steps.split(' ').filter_map(|step| step.parse().ok()).collect()),
        approver: random.chance(0.5).then(|| approver.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_makes_a_case_that_may_be_called_and_all_kinds_of_them_are_met() {
        use std::collections::BTreeSet;
        let (mut allowed, mut promised) = (BTreeSet::new(), BTreeSet::new());
        for lang in Lang::ALL {
            for seed in 0..500 {
                let Scene { case, today } = Scene::new(lang, seed);
                assert_eq!(case.check(), Ok(()));
                let p = &case.particulars;
                assert!(case.due_date != today && case.lang == lang);
                allowed.insert((Allows::of(&p.authority), case.due_date < today));
                promised.insert((p.last_promise, p.last_promise_date.map(|d| d < today)));
                assert_eq!(case, Scene::new(lang, seed).case);
            }
        }
        assert_eq!(allowed.len(), 8, "{allowed:?}");
        let of = |state, past| promised.contains(&(state, past));
        assert!(of(None, None) && of(Some(PromiseState::Open), Some(false)));
        assert!(of(Some(PromiseState::Broken), Some(true)) && of(Some(PromiseState::Kept), Some(true)));
    }
}
