//! The same flow speaks of a card, a mortgage and a loan to a business each in its own words.

mod reminder;

use jiff::civil::date;
use waihu_dialog::Interpreter;
use waihu_types::{Lang, ProductKind};

#[test]
fn the_matter_is_told_in_the_products_words() {
    for lang in Lang::ALL {
        let told = |kind: ProductKind| {
            let mut case = reminder::case(lang);
            case.particulars.kind = kind;
            let bot = Interpreter::new(reminder::script(), lang, &case, date(2026, 11, 24));
            let matter = bot.prompts_to_prepare().into_iter();
            let told: Vec<String> =
                matter.filter(|t| t.contains("没有收到") || t.contains("received it")).collect();
            assert_eq!(told.len(), 1, "{told:?}");
            told.concat()
        };
        let general = told(ProductKind::Other);
        assert_eq!(general, told(ProductKind::PersonalLoan));
        let own = [ProductKind::Card, ProductKind::Mortgage, ProductKind::BusinessLoan].map(told);
        for (i, words) in own.iter().enumerate() {
            assert!(*words != general && own.iter().skip(i + 1).all(|other| other != words), "{words}");
        }
    }
}
