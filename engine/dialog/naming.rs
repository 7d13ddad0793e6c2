//! Whether somebody who answers gives a name, and whose it is: 我是李强, "this is Mike".
//!
//! "Yes" and another name in one breath is a no. Only what is said of oneself counts, and only what
//! looks like a name: to take a person for another costs one more question, and to take another
//! for the person tells a stranger of a debt. Deliberately absent: most nicknames that share no
//! letters, and names of other scripts than the case's. `dialogs/README.md` says what remains open.

mod en;
mod zh;

use waihu_types::Lang;

/// Who somebody says to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// No name, or none that could be told.
    None,
    /// Somebody else, by name.
    Another,
    /// The person of the case, by name or by "that's me".
    Same,
    /// Somebody of the person's: 张伟的爱人, "his wife".
    Related,
}

/// What `text` says about who speaks, beside a case's name and form of address.
pub(crate) fn naming(lang: Lang, text: &str, name: &str, title: &str) -> Naming {
    let (found, is_me) = match lang {
        Lang::Zh => (zh::naming(text, name, title), zh::is_me(text)),
        Lang::En => (en::naming(text, name, title), en::is_me(text)),
    };
    if found == Naming::None && is_me { Naming::Same } else { found }
}

/// Which sex a form of address names; none where it names none, or is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addressed {
    Man,
    Woman,
}

fn addressed(title: &str) -> Option<Addressed> {
    match title.trim_end_matches('.').to_lowercase().as_str() {
        "先生" | "mr" | "sir" | "mister" => Some(Addressed::Man),
        "女士" | "小姐" | "太太" | "夫人" | "mrs" | "ms" | "miss" | "madam" => Some(Addressed::Woman),
        _ => None,
    }
}

/// Whether two forms of address cannot be one person's.
fn apart(one: &str, other: &str) -> bool {
    matches!((addressed(one), addressed(other)), (Some(one), Some(other)) if one != other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_words_and_no_name_panic(
            text in "(我是|我姓|this is |i'm |[a-zßéÉ' .]{0,6}|[张伟李小的他欧阳，。]{0,4}|.{0,6}){0,8}",
            name in "([张伟欧阳·]{0,4}|[A-Za-zé' ]{0,12}|.{0,6})",
            title in "(先生|Mrs|.{0,3})",
        ) {
            for lang in Lang::ALL {
                naming(lang, &text, &name, &title);
            }
        }
    }
}
