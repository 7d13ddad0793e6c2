//! Names that a case tells, and the forms in which they are said.

use waihu_types::{Case, Lang};

/// What is known of a person beforehand.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Names and forms of address, the longest first.
    names: Vec<String>,
    /// Digits that are the person's, whatever they look like.
    numbers: Vec<String>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({} names, {} numbers)", self.names.len(), self.numbers.len())
    }
}

/// Surnames of two characters (of the hundred most frequent and the Hundred Family Surnames).
const COMPOUND: [&str; 12] =
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "端木"];

/// How people are addressed after their surname.
const TITLES_ZH: [&str; 6] = ["先生", "女士", "小姐", "太太", "师傅", "老师"];
const TITLES_EN: [&str; 5] = ["mr", "ms", "mrs", "miss", "dr"];

impl Known {
    /// What a case tells: the debtor's name in the forms in which it is said, who is in charge of it at the lender, the
    /// numbers it names.
    pub fn of(case: &Case) -> Self {
        let mut known = Self::default();
        known.name(&case.name, case.lang);
        if let Some(contact) = &case.particulars.contact {
            known.name(contact, case.lang);
        }
        known
            .numbers
            .extend(case.lines().map(|line| line.phone.subscriber().to_owned()).filter(|n| n.len() >= 4));
        known.names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        known
    }

    /// Adds a name in the forms in which it is said.
    pub fn name(&mut self, name: &str, lang: Lang) {
        let name = name.trim();
        if name.is_empty() {
            return;
        }
        self.names.push(name.to_owned());
        if name.is_ascii() || lang == Lang::En {
            let words: Vec<&str> = name.split_whitespace().collect();
            if let (Some(first), Some(last)) = (words.first(), words.last()) {
                self.names.extend(
                    TITLES_EN
                        .iter()
                        .flat_map(|title| [format!("{title} {last}"), format!("{title}. {last}")]),
                );
                // A first name of three letters and fewer may be any word.
                self.names.extend([*first, *last].iter().filter(|w| w.len() > 3).map(|w| (*w).to_owned()));
            }
        } else {
            let surname = COMPOUND.iter().find(|two| name.starts_with(**two)).copied();
            let surname = surname.map(str::to_owned).or_else(|| name.chars().next().map(String::from));
            if let Some(surname) = surname {
                self.names.extend(TITLES_ZH.iter().map(|title| format!("{surname}{title}")));
                // "小张", "老张" are said among acquaintances.
                self.names.extend([format!("老{surname}"), format!("小{surname}")]);
            }
        }
        self.names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    }

    /// Where names stand in a text [bytes].
    pub(crate) fn places(&self, text: &str) -> Vec<(usize, usize)> {
        // Letters outside ASCII keep their place.
        let lower = text.to_ascii_lowercase();
        let mut found: Vec<(usize, usize)> = Vec::new();
        for name in &self.names {
            let name = name.to_ascii_lowercase();
            for (from, _) in lower.match_indices(&name) {
                let to = from + name.len();
                let edge =
                    |c: Option<char>| !name.is_ascii() || !c.is_some_and(|c| c.is_ascii_alphanumeric());
                let whole = edge(lower[..from].chars().next_back()) && edge(lower[to..].chars().next());
                let free = found.iter().all(|(a, b)| to <= *a || *b <= from);
                if whole && free {
                    found.push((from, to));
                }
            }
        }
        found
    }

    /// Whether digits are a number that the case names, or its end.
    pub(crate) fn is_number(&self, digits: &str) -> bool {
        digits.len() >= 7
            && self.numbers.iter().any(|number| number.ends_with(digits) || digits.ends_with(number.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_the_forms_in_which_it_is_said() {
        let mut known = Known::default();
        known.name("张伟", Lang::Zh);
        known.name("欧阳文", Lang::Zh);
        known.name("Daniel Reed", Lang::En);
        let found = |text: &str| -> Vec<String> {
            let mut places = known.places(text);
            places.sort_unstable();
            places.into_iter().map(|(a, b)| text[a..b].to_owned()).collect()
        };
        assert_eq!(found("您好，张伟先生"), ["张伟"]);
        assert_eq!(found("谢谢您，张先生。欧阳先生呢"), ["张先生", "欧阳先生"]);
        assert_eq!(found("Is this Mr Reed, daniel reed?"), ["Mr Reed", "daniel reed"]);
        assert_eq!(found("I need to read it, greedily"), [] as [&str; 0]);
        assert!(!format!("{known:?}").contains("张"));
    }
}
