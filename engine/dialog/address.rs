//! How a person is addressed once it is known who it is: 张先生, Mr Reed.
//!
//! Deliberately absent: guessing a title. Without one the whole name is said.

use waihu_types::Lang;

/// Family names of two characters that are still met; all others are taken to have one.
const COMPOUND: [&str; 16] = [
    "欧阳", "上官", "司马", "诸葛", "司徒", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文", "长孙", "夏侯",
    "端木", "东方", "独孤",
];

/// What may stand after an English family name.
const SUFFIXES: [&str; 6] = ["jr", "sr", "ii", "iii", "iv", "esq"];

/// The family name with the title; the whole name where the family name is not certain.
pub fn address(name: &str, title: &str, lang: Lang) -> String {
    let (name, title) = (name.trim(), title.trim());
    if title.is_empty() {
        return name.to_owned();
    }
    match lang {
        Lang::Zh => format!("{}{title}", family_name_zh(name).unwrap_or(name)),
        Lang::En => format!("{title} {}", family_name_en(name)),
    }
}

/// None for names of another build: 阿依古丽·买买提, names in letters, four characters without a
/// known family name of two.
pub(crate) fn family_name_zh(name: &str) -> Option<&str> {
    let count = name.chars().count();
    if !name.chars().all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) || count < 2 {
        return None;
    }
    let compound = COMPOUND.iter().find(|c| name.starts_with(*c) && count > 2);
    match compound {
        Some(family) if count <= 4 => name.get(..family.len()),
        None if count <= 3 => name.chars().next().and_then(|c| name.get(..c.len_utf8())),
        _ => None,
    }
}

fn family_name_en(name: &str) -> &str {
    let mut words = name.split_whitespace().rev();
    let is_suffix = |w: &&str| SUFFIXES.contains(&w.trim_end_matches(['.', ',']).to_lowercase().as_str());
    words.find(|w| !is_suffix(w)).map_or(name, |w| w.trim_end_matches(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mandarin_takes_the_family_name_and_the_title() {
        for (name, title, said) in [
            ("张伟", "先生", "张先生"),
            ("李小红", "女士", "李女士"),
            ("欧阳娜娜", "女士", "欧阳女士"),
            ("司马光", "先生", "司马先生"),
            ("欧阳", "先生", "欧先生"),
            ("张王美丽", "女士", "张王美丽女士"),
            ("阿依古丽·买买提", "女士", "阿依古丽·买买提女士"),
            ("Daniel Reed", "先生", "Daniel Reed先生"),
            ("张伟", "", "张伟"),
        ] {
            assert_eq!(address(name, title, Lang::Zh), said);
        }
    }

    #[test]
    fn english_takes_the_last_word_that_is_a_name() {
        for (name, title, said) in [
            ("Daniel Reed", "Mr", "Mr Reed"),
            ("Mary Ann O'Neil, Jr.", "Ms", "Ms O'Neil"),
            ("Cher", "Ms", "Ms Cher"),
            ("Daniel Reed", "", "Daniel Reed"),
            ("", "Mr", "Mr "),
        ] {
            assert_eq!(address(name, title, Lang::En), said);
        }
    }
}
