//! Which digits of a run are whose number.

use waihu_types::Lang;

use crate::{
    Kind,
    digits::{Digit, Run},
};

/// Digits of a run from here to there, and what they are.
pub(crate) type Found = (usize, usize, Kind);

/// So many digits in one go are somebody's number, whatever it is: no sum, no day and no plan has as many.
const LONG: usize = 12;

/// What is said before the number of an account, a card, an identity.
const ACCOUNT_WORDS: [&str; 14] = [
    "账号",
    "账户",
    "帐号",
    "卡号",
    "户号",
    "身份证",
    "证件号",
    "社保号",
    "合同号",
    "account",
    "card",
    "routing",
    "member",
    "licence",
];
/// What is said before something that nobody else may know.
const SECRET_WORDS: [&str; 15] = [
    "验证码",
    "密码",
    "安全码",
    "校验码",
    "背面",
    "后三位",
    "cvv",
    "cvc",
    "security code",
    "passcode",
    "password",
    "pin",
    "verification code",
    "one-time code",
    "code is",
];
/// What is said before a social security number.
const SOCIAL_WORDS: [&str; 4] = ["social security", "social", "ssn", "社会安全号"];
/// What is said before a telephone number.
const PHONE_WORDS: [&str; 12] = [
    "电话",
    "手机",
    "号码",
    "联系方式",
    "打到",
    "phone",
    "cell",
    "mobile",
    "reach me",
    "call me at",
    "number is",
    "telephone",
];

/// How far back a word before a number is looked for [characters].
const WORD_REACH: usize = 28;

/// The numbers in a run; `before` is the text before it.
pub(crate) fn of_run(run: &Run, before: &str, lang: Lang) -> Vec<Found> {
    let digits = &run.digits;
    let before = tail(before, WORD_REACH).to_lowercase();
    let said = |words: &[&str]| words.iter().any(|word| before.contains(word));
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < digits.len() {
        match best_at(digits, at, lang, said(&SOCIAL_WORDS)) {
            Some((length, kind)) => {
                found.push((at, at + length, kind));
                at += length;
            }
            None => at += 1,
        }
    }
    // Of a long run what is left over was said with the number in it, and is hidden with it.
    if digits.len() >= LONG {
        let has = |kind: Kind| found.iter().any(|f| f.2 == kind);
        let whole = found.iter().find(|(from, to, _)| (*from, *to) == (0, digits.len())).map(|f| f.2);
        let kind = [Kind::Identity, Kind::Card].into_iter().find(|kind| has(*kind)).or(whole);
        return vec![(0, digits.len(), kind.unwrap_or(Kind::Account))];
    }
    if found.is_empty() {
        let n = digits.len();
        if said(&SECRET_WORDS) && (3..=8).contains(&n) {
            found.push((0, n, Kind::Secret));
        } else if said(&ACCOUNT_WORDS) && n >= 6 {
            found.push((0, n, Kind::Account));
        } else if said(&SOCIAL_WORDS) && (4..=9).contains(&n) {
            found.push((0, n, Kind::SocialSecurity));
        } else if said(&PHONE_WORDS) && (7..=LONG).contains(&n) && !is_service(digits) {
            found.push((0, n, Kind::Phone));
        }
    }
    found
}

/// The longest number that begins at a digit.
fn best_at(digits: &[Digit], at: usize, lang: Lang, social: bool) -> Option<(usize, Kind)> {
    let rest = &digits[at..];
    if rest.get(..18).is_some_and(|d| is_identity(d.iter().map(|d| d.value))) {
        return Some((18, Kind::Identity));
    }
    // One in ten numbers passes Luhn by chance: what is looked at is the run as it was said, or of a longer one (with
    // the day on which a card ends, say) its parts.
    let lengths = (13..=19).rev().filter(|n| *n == digits.len() || digits.len() > 19);
    let card = lengths.filter_map(|n| rest.get(..n)).find(|d| is_card(d)).map(|d| (d.len(), Kind::Card));
    card.or_else(|| phone(rest, lang).map(|n| (n, Kind::Phone)))
        .or_else(|| is_social(rest, social).then_some((9, Kind::SocialSecurity)))
}

fn tail(text: &str, chars: usize) -> &str {
    let from = text.char_indices().rev().nth(chars.saturating_sub(1)).map_or(0, |(at, _)| at);
    &text[from..]
}

/// GB 11643-1999: a place, a day of birth, three digits, and a check by weights of 2^n modulo 11.
fn is_identity(values: impl Iterator<Item = u8>) -> bool {
    let values: Vec<u8> = values.collect();
    let Some((check, body)) = values.split_last() else { return false };
    if values.len() != 18 || body.contains(&b'X') || !(1..=8).contains(&body[0]) {
        return false;
    }
    let number =
        |from: usize, n: usize| body[from..from + n].iter().fold(0_i16, |sum, d| sum * 10 + i16::from(*d));
    let month = i8::try_from(number(10, 2)).unwrap_or(0);
    let day = i8::try_from(number(12, 2)).unwrap_or(0);
    if !(1900..2100).contains(&number(6, 4)) || jiff::civil::Date::new(number(6, 4), month, day).is_err() {
        return false;
    }
    // Weights from the right: 2^17 … 2^1 modulo 11.
    let mut weight = 1_u32;
    let mut sum = 0;
    for value in body.iter().rev() {
        weight = weight * 2 % 11;
        sum += weight * u32::from(*value);
    }
    let expected = (12 - sum % 11) % 11;
    if expected == 10 { *check == b'X' } else { u32::from(*check) == expected }
}

/// ISO/IEC 7812-1, annex B: every second digit from the right doubled.
fn is_card(digits: &[Digit]) -> bool {
    let known = matches!(digits.first().map(|d| d.value), Some(2..=6));
    let mut sum = 0;
    for (n, digit) in digits.iter().rev().enumerate() {
        if digit.value > 9 {
            return false;
        }
        let value = u32::from(digit.value) << (n % 2);
        sum += value / 10 + value % 10;
    }
    known && sum.is_multiple_of(10) && sum > 0
}

/// The length of a telephone number that begins here.
fn phone(digits: &[Digit], lang: Lang) -> Option<usize> {
    let at = |n: usize| digits.get(n).map(|d| d.value);
    if is_service(digits) {
        return None;
    }
    // With the code of the country before it.
    let skip = match (at(0), at(1), at(2), at(3)) {
        (Some(8), Some(6), Some(1), _) => 2,
        (Some(0), Some(0), Some(8), Some(6)) => 4,
        _ => 0,
    };
    let own = digits.get(skip..)?;
    let own_at = |n: usize| own.get(n).map(|d| d.value);
    if own.len() >= 11 && own_at(0) == Some(1) && matches!(own_at(1), Some(3..=9)) {
        return Some(skip + 11);
    }
    // A city, a dash, seven or eight digits.
    if at(0) == Some(0) && matches!(at(1), Some(1..=9)) && (10..=12).contains(&digits.len()) {
        return Some(digits.len());
    }
    // North America: an area and an exchange begin with 2 to 9.
    let skip = usize::from(at(0) == Some(1) && digits.len() == 11);
    let own = digits.get(skip..)?;
    let fits = |n: usize| own.get(n).is_some_and(|d| (2..=9).contains(&d.value));
    let whole = own.len() == 10 && fits(0) && fits(3);
    // Eight hundred is a company's.
    let company =
        own.first().map(|d| d.value) == Some(8) && own.get(1).map(|d| d.value) == own.get(2).map(|d| d.value);
    (whole && !company && (lang == Lang::En || own.iter().filter(|d| d.apart).count() == 2))
        .then_some(skip + 10)
}

/// Whether it is a number of a service, and nobody's own: 400, 800, 95xxx, 12xxx.
fn is_service(digits: &[Digit]) -> bool {
    let values: Vec<u8> = digits.iter().map(|d| d.value).collect();
    values.starts_with(&[4, 0, 0]) || values.starts_with(&[8, 0, 0]) || values.len() <= 6
}

/// Nine digits in groups of three, two and four, or after a word for it, of an area that is given out.
fn is_social(digits: &[Digit], said: bool) -> bool {
    let Some(nine) = digits.get(..9) else { return false };
    let number = |from: usize, n: usize| {
        nine[from..from + n].iter().fold(0_u32, |sum, d| sum * 10 + u32::from(d.value))
    };
    let given_out = !matches!(number(0, 3), 0 | 666 | 900..) && number(3, 2) != 0 && number(5, 4) != 0;
    let groups: Vec<usize> = (1..9).filter(|n| nine[*n].apart).collect();
    given_out && digits.len() == 9 && nine.iter().all(|d| d.value < 10) && (groups == [3, 5] || said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits::runs;

    fn first(text: &str) -> Option<Kind> {
        runs(text)
            .iter()
            .find_map(|run| of_run(run, &text[..run.digits[0].from], Lang::Zh).first().map(|f| f.2))
    }

    #[test]
    fn check_digits_tell_cards_and_identities() {
        // The standard's own example, and the usual test numbers of card networks.
        assert_eq!(first("11010519491231002X"), Some(Kind::Identity));
        assert_eq!(first("4111 1111 1111 1111"), Some(Kind::Card));
        assert_eq!(first("5500005555555559"), Some(Kind::Card));
        assert_eq!(first("4111 1111 1111 1112"), Some(Kind::Account), "too long for anything else");
        assert!(!is_identity("110105194912310021".bytes().map(|b| b - b'0')));
        assert!(!is_identity("110105194902310028".bytes().map(|b| b - b'0')), "there is no such day");
    }

    #[test]
    fn telephones_are_told_by_their_form_or_by_the_word_before() {
        assert_eq!(first("13800138000"), Some(Kind::Phone));
        assert_eq!(first("+86 138 0013 8000"), Some(Kind::Phone));
        assert_eq!(first("010-62345678"), Some(Kind::Phone));
        assert_eq!(first("我的电话62345678"), Some(Kind::Phone));
        assert_eq!(first("62345678"), None);
        assert_eq!(first("请拨打电话400-800-1234"), None, "a service's");
    }

    #[test]
    fn a_social_security_number_has_its_groups_or_its_word() {
        assert_eq!(first("078-05-1120"), Some(Kind::SocialSecurity));
        assert_eq!(first("my social is 078051120"), Some(Kind::SocialSecurity));
        assert_eq!(first("078051120"), None);
        assert_eq!(first("666-05-1120"), None);
        assert_eq!(first("cvv 123"), Some(Kind::Secret));
    }
}
