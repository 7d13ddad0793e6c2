//! Sums, days and digits as the bot says them in a prompt.

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_types::{Currency, Lang};

use crate::{english::number as en, mandarin::number as zh};

/// A sum: `3250.00` CNY is 三千二百五十元 and `three thousand two hundred fifty yuan`.
///
/// A currency without a name of its own here is said by its three letters. A minus sign is passed over:
/// a debt is said as a sum.
pub fn money(lang: Lang, amount: Decimal, currency: Currency) -> String {
    let text = amount.abs().round_dp(2).to_string();
    let (whole, fraction) = match text.split_once('.') {
        Some((w, f)) => (w, Some(f)),
        None => (text.as_str(), None),
    };
    match lang {
        Lang::Zh => {
            let code = currency.code().to_owned();
            let unit = match currency.code() {
                "CNY" => "元",
                "USD" => "美元",
                "EUR" => "欧元",
                "GBP" => "英镑",
                "HKD" => "港元",
                _ => code.as_str(),
            };
            zh::money(whole, fraction, unit)
        }
        Lang::En => match currency.code() {
            "USD" => en::money(whole, fraction, &en::DOLLAR),
            "GBP" => en::money(whole, fraction, &en::POUND),
            "EUR" => en::money(whole, fraction, &en::EURO),
            "CNY" => format!("{} yuan", en::decimal(whole, fraction)),
            code => format!("{} {code}", en::decimal(whole, fraction)),
        },
    }
}

/// A day, without its year where `today` is in the same year, and with 今天/明天 or today/tomorrow where
/// it is that.
pub fn date(lang: Lang, day: Date, today: Option<Date>) -> String {
    let near = today.and_then(|t| near(lang, day, t));
    let with_year = today.is_none_or(|t| t.year() != day.year());
    let (m, d) = (day.month().to_string(), day.day().to_string());
    match lang {
        Lang::Zh => {
            let mut out = near.unwrap_or("").to_owned();
            if with_year {
                out.push_str(&zh::year(&day.year().to_string()));
                out.push('年');
            }
            out.push_str(&format!("{}月{}日", zh::cardinal(&m, zh::Two::Er), zh::cardinal(&d, zh::Two::Er)));
            out
        }
        Lang::En => {
            let month = usize::try_from(day.month() - 1).ok().and_then(|m| en::MONTHS.get(m)).copied();
            let mut out = near.map(|n| format!("{n}, ")).unwrap_or_default();
            out.push_str(&format!("{} {}", month.unwrap_or(""), en::ordinal(&d)));
            if with_year {
                out.push_str(&format!(", {}", en::year(&day.year().to_string())));
            }
            out
        }
    }
}

fn near(lang: Lang, day: Date, today: Date) -> Option<&'static str> {
    let is = |d: Result<Date, jiff::Error>| d.is_ok_and(|d| d == day);
    Some(match lang {
        Lang::Zh if day == today => "今天",
        Lang::Zh if is(today.tomorrow()) => "明天",
        Lang::Zh if is(today.yesterday()) => "昨天",
        Lang::En if day == today => "today",
        Lang::En if is(today.tomorrow()) => "tomorrow",
        Lang::En if is(today.yesterday()) => "yesterday",
        _ => return None,
    })
}

/// Digits one by one, as the tail of a card or an identity number is read; all else is passed over.
pub fn digits(lang: Lang, text: &str) -> String {
    match lang {
        Lang::Zh => zh::one_by_one(text),
        Lang::En => en::one_by_one(text),
    }
}

/// A telephone number digit by digit, in Mandarin with 幺 for 1.
pub fn telephone(lang: Lang, text: &str) -> String {
    match lang {
        Lang::Zh => zh::telephone(text),
        Lang::En => en::one_by_one(text),
    }
}

/// A time of day: 17:30 is 下午五点半 and `five thirty p.m.`.
pub fn time(lang: Lang, time: jiff::civil::Time) -> String {
    let (h, m) = (u8::try_from(time.hour()).unwrap_or(0), u8::try_from(time.minute()).unwrap_or(0));
    match lang {
        Lang::Zh => zh::clock(h, m, true),
        Lang::En => en::clock(h, m, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as day;

    #[test]
    fn sums_are_said_in_their_currency() {
        let sum: Decimal = "3250.00".parse().unwrap();
        assert_eq!(money(Lang::Zh, sum, Currency::CNY), "三千二百五十元");
        assert_eq!(money(Lang::En, sum, Currency::USD), "three thousand two hundred fifty dollars");
        assert_eq!(money(Lang::En, sum, Currency::CNY), "three thousand two hundred fifty yuan");
        assert_eq!(money(Lang::Zh, "0.5".parse().unwrap(), Currency::CNY), "五角");
        assert_eq!(money(Lang::En, "12".parse().unwrap(), "JPY".parse().unwrap()), "twelve JPY");
    }

    #[test]
    fn days_are_said_as_near_as_they_are() {
        let today = Some(day(2026, 11, 24));
        assert_eq!(date(Lang::Zh, day(2026, 11, 27), None), "二〇二六年十一月二十七日");
        assert_eq!(date(Lang::Zh, day(2026, 11, 27), today), "十一月二十七日");
        assert_eq!(date(Lang::Zh, day(2026, 11, 25), today), "明天十一月二十五日");
        assert_eq!(date(Lang::En, day(2026, 11, 27), today), "November twenty-seventh");
        assert_eq!(date(Lang::En, day(2026, 11, 24), today), "today, November twenty-fourth");
        assert_eq!(date(Lang::En, day(2027, 1, 2), today), "January second, twenty twenty-seven");
    }

    #[test]
    fn digits_are_said_one_by_one() {
        assert_eq!(digits(Lang::Zh, "1024"), "一零二四");
        assert_eq!(digits(Lang::En, "10-24"), "one zero two four");
        assert_eq!(telephone(Lang::Zh, "110"), "幺幺零");
        assert_eq!(time(Lang::En, jiff::civil::time(17, 30, 0, 0)), "five thirty p.m.");
    }
}
