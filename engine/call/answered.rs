//! Whether the words that answered are those of a machine.
//!
//! Only phrases that no person says on picking up. Tones are told by the speech workers.

use waihu_types::Lang;

/// True where `text` is a voicemail greeting.
pub(crate) fn is_voicemail_greeting(lang: Lang, text: &str) -> bool {
    const ZH: [&str; 8] =
        ["留言", "滴声", "嘀声", "嘟声", "提示音后", "语音信箱", "暂时无法接听", "无法接听您的电话"];
    const EN: [&str; 8] = [
        "leave a message",
        "leave your message",
        "leave me a message",
        "after the beep",
        "after the tone",
        "voicemail",
        "voice mail",
        "can't come to the phone",
    ];
    match lang {
        Lang::Zh => ZH.iter().any(|p| text.contains(p)),
        Lang::En => {
            let lower = text.to_lowercase();
            EN.iter().any(|p| lower.contains(p))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_hello_is_no_voicemail() {
        for (lang, text) in
            [(Lang::Zh, "喂，你好"), (Lang::Zh, "我现在不方便接听"), (Lang::En, "Hello? Who is this?")]
        {
            assert!(!is_voicemail_greeting(lang, text), "{text}");
        }
    }

    #[test]
    fn greetings_of_boxes_are() {
        for (lang, text) in [
            (Lang::Zh, "您好，我现在无法接听，请在滴声后留言"),
            (Lang::En, "Hi, please leave a message after the beep."),
            (Lang::En, "You have reached the VOICEMAIL of"),
        ] {
            assert!(is_voicemail_greeting(lang, text), "{text}");
        }
    }
}
