//! Words by which a listener learns that a call is about a debt.
//!
//! Short on purpose: a word belongs here when hardly anything else can be meant by it on such a
//! call. Deliberately absent: names of products and sums; those come in by placeholders, which are
//! known to tell.

use waihu_types::Lang;

const ZH: [&str; 28] = [
    "欠款",
    "欠费",
    "欠债",
    "拖欠",
    "欠您",
    "您欠",
    "债务",
    "债权",
    "催收",
    "催款",
    "逾期",
    "还款",
    "还钱",
    "还清",
    "还上",
    "应还",
    "贷款",
    "借款",
    "借贷",
    "账单",
    "信用卡",
    "分期",
    "利息",
    "本金",
    "违约",
    "征信",
    "信用记录",
    "付款",
];

/// Beginnings of words: `pay` is found in `payment`.
const EN: [&str; 17] = [
    "debt",
    "owe",
    "owing",
    "overdue",
    "past due",
    "pay",
    "repay",
    "loan",
    "credit card",
    "credit report",
    "collect",
    "arrears",
    "balance",
    "instalment",
    "installment",
    "delinquen",
    "late fee",
];

/// The first of the words in `text` by which a listener learns that it is about a debt.
pub fn first_in(text: &str, lang: Lang) -> Option<&'static str> {
    match lang {
        Lang::Zh => ZH.into_iter().find(|word| text.contains(word)),
        Lang::En => {
            let text = format!(" {}", text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " "));
            EN.into_iter().find(|word| text.contains(&format!(" {word}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_debt_are_found_and_others_left() {
        assert_eq!(first_in("您有一笔逾期", Lang::Zh), Some("逾期"));
        assert_eq!(first_in("您还在吗", Lang::Zh), None);
        assert_eq!(first_in("About your Payment.", Lang::En), Some("pay"));
        assert_eq!(first_in("It is past-due", Lang::En), Some("past due"));
        assert_eq!(first_in("However, we can display it", Lang::En), None);
    }
}
