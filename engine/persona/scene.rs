//! Cases made by a seed: products, sums and days as they are met, in both languages.

use jiff::{
    ToSpan,
    civil::{Date, date},
};
use rust_decimal::Decimal;
use serde::{Deserialize, de::value::MapDeserializer};
use waihu_types::{Case, Currency, Lang};

use crate::random::Random;

/// A case, and the day on which it is called about.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The case.
    pub case: Case,
    /// The day of the call, at the callee's place.
    pub today: Date,
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
/// A lender, a product, and the least and the most that is overdue on it.
type Product = (&'static str, &'static str, i64, i64);
const PRODUCTS_ZH: [Product; 5] = [
    ("安信银行", "信用卡", 300, 30_000),
    ("安信银行", "个人贷款", 800, 20_000),
    ("闪贷金融", "小额贷款", 100, 5_000),
    ("恒安银行", "房屋贷款", 2_000, 40_000),
    ("恒安银行", "经营贷款", 3_000, 90_000),
];
const PRODUCTS_EN: [Product; 5] = [
    ("Harbor Bank", "credit card", 60, 6_000),
    ("Harbor Bank", "personal loan", 150, 5_000),
    ("QuickCash", "short-term loan", 50, 1_000),
    ("Lakeside Bank", "mortgage", 600, 9_000),
    ("Lakeside Bank", "business loan", 900, 20_000),
];

/// How many days a debt of these simulated cases is overdue, at most.
const MOST_OVERDUE: i64 = 90;

impl Scene {
    /// The case of a seed.
    pub fn new(lang: Lang, seed: u64) -> Self {
        let mut random = Random::nth(seed, 0x5CE4E);
        let (names, products, currency) = match lang {
            Lang::Zh => (&NAMES_ZH, &PRODUCTS_ZH, Currency::CNY),
            Lang::En => (&NAMES_EN, &PRODUCTS_EN, Currency::USD),
        };
        let (name, title) = *random.pick(names);
        let (creditor, product, least, most) = *random.pick(products);
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
        let case = case.unwrap_or_else(|e| unreachable!("a case of ours: {e}"));
        Self { case, today }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_makes_a_case_that_may_be_called() {
        for lang in Lang::ALL {
            for seed in 0..500 {
                let scene = Scene::new(lang, seed);
                assert_eq!(scene.case.check(), Ok(()));
                assert!(scene.case.due_date < scene.today && scene.case.lang == lang);
                assert_eq!(scene.case, Scene::new(lang, seed).case);
            }
        }
    }
}
