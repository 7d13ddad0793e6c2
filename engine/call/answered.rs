//! Whether the words that answered are those of a machine.
//!
//! Announcements are counted, clause by clause: one that no person says on picking up is enough, of
//! those that a person might say it takes two. A question is a person's, and so is what is said of
//! somebody else ("he can't come to the phone"). Tones are told by the speech workers.

use waihu_types::Lang;

/// What the words of one language give away.
struct Signs {
    /// Only machines say it.
    sure: &'static [&'static str],
    /// Machines say it, and people now and then.
    likely: &'static [&'static str],
    /// A clause with one of these is a person's.
    person: &'static [&'static str],
}

const ZH: Signs = Signs {
    sure: &[
        "滴声",
        "嘀声",
        "嘟声",
        "哔声",
        "提示音后",
        "语音信箱",
        "留言信箱",
        "语音留言",
        "请留言",
        "请您留言",
        "您拨打的",
        "您所拨打",
        "您拨叫的",
        "无法接通",
        "无法接听您的电话",
        "已关机",
        "是空号",
        "已停机",
        "请稍后再拨",
        "您呼叫的",
    ],
    likely: &[
        "留言",
        "无法接听",
        "不方便接",
        "不能接听",
        "尽快回复",
        "尽快回电",
        "尽快给您回",
        "尽快与您联系",
        "欢迎致电",
    ],
    person: &["他", "她", "吗", "要不要", "您哪位", "你哪位", "什么事"],
};

const EN: Signs = Signs {
    sure: &[
        "after the beep",
        "after the tone",
        "at the tone",
        "at the beep",
        "voicemail",
        "voice mail",
        "voice mailbox",
        "leave a message",
        "leave a brief message",
        "leave your message",
        "leave me a message",
        "leave us a message",
        "leave a detailed message",
        "leave your name",
        "record your message",
        "answering machine",
        "the person you are calling",
        "the person you are trying",
        "the party you are",
        "the number you have dialed",
        "the number you have called",
        "the number you are calling",
        "the subscriber you",
        "the customer you",
        "cannot take your call",
        "can't take your call",
        "unable to take your call",
        "mailbox is full",
    ],
    likely: &[
        "can't come to the phone",
        "cannot come to the phone",
        "unable to come to the phone",
        "you have reached",
        "you've reached",
        "not available",
        "unavailable",
        "get back to you as soon",
        "return your call",
        "forwarded to",
        "not able to answer",
        "sorry i missed",
        "thank you for calling",
    ],
    person: &[
        " he ",
        " she ",
        " him ",
        " her ",
        " his ",
        "he's",
        "she's",
        "do you",
        "would you",
        "could you",
        "can i",
        "may i",
        "shall i",
        "should i",
        "want me to",
        "with me",
        "who is",
        "who's",
        "can you",
        "how can",
        "how may",
    ],
};

/// How many likely signs are as good as a sure one.
const LIKELY_ENOUGH: usize = 2;

/// True where `text` is a voicemail greeting, or an announcement of the network.
pub(crate) fn is_voicemail_greeting(lang: Lang, text: &str) -> bool {
    let signs = match lang {
        Lang::Zh => ZH,
        Lang::En => EN,
    };
    let text = text.to_lowercase().replace('’', "'");
    let mut likely = 0;
    for clause in text.split_inclusive(['。', '！', '？', '，', '；', '.', '!', '?', ',', ';']) {
        // One blank on either side, so that a word is found as one.
        let plain = format!(" {} ", clause.trim_end_matches(|c: char| !c.is_alphanumeric()).trim());
        let asks = clause.ends_with(['？', '?']);
        if asks || signs.person.iter().any(|p| plain.contains(p)) {
            continue;
        }
        if signs.sure.iter().any(|p| plain.contains(p)) {
            return true;
        }
        likely += signs.likely.iter().filter(|p| plain.contains(**p)).count();
    }
    likely >= LIKELY_ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_is_no_voicemail() {
        for (lang, text) in [
            (Lang::Zh, "喂，你好"),
            (Lang::Zh, "我现在不方便接听"),
            (Lang::Zh, "他不在，您要留言吗"),
            (Lang::Zh, "他不在您要留言吗"),
            (Lang::Zh, "张伟不在，要不要给他留言？"),
            (Lang::Zh, "我刚才无法接听，你说吧"),
            (Lang::En, "Hello? Who is this?"),
            (Lang::En, "He can't come to the phone right now."),
            (Lang::En, "He can't come to the phone right now, do you want to leave a message?"),
            (Lang::En, "Daniel can't come to the phone right now, who's calling?"),
            (Lang::En, "Do you want to leave a message?"),
            (Lang::En, "You've reached Daniel's office, how can I help you?"),
            (Lang::En, "I'm not available right now, I'll call you back."),
            (Lang::En, "She's not available, you can leave a message with me"),
            (Lang::En, "Yes, speaking."),
            (Lang::En, ""),
        ] {
            assert!(!is_voicemail_greeting(lang, text), "{text}");
        }
    }

    #[test]
    fn greetings_of_boxes_and_announcements_are() {
        for (lang, text) in [
            (Lang::Zh, "您好，我现在无法接听，请在滴声后留言"),
            (Lang::Zh, "您好，您拨打的电话暂时无法接通，请稍后再拨。"),
            (Lang::Zh, "暂时无法接通"),
            (Lang::Zh, "您所拨打的用户已关机"),
            (Lang::Zh, "我现在不方便接电话，有事请留言"),
            (Lang::Zh, "您好我现在无法接听我会尽快给您回电"),
            (Lang::En, "Hi, please leave a message after the beep."),
            (Lang::En, "You have reached the VOICEMAIL of"),
            (Lang::En, "Please leave your name and number."),
            (Lang::En, "The person you are calling is not available."),
            (Lang::En, "Daniel Reed is not available. Please record your message."),
            (Lang::En, "Hi, you've reached Daniel. I can't come to the phone right now."),
            (Lang::En, "I can’t take your call right now"),
            (Lang::En, "Sorry I missed your call, I'll get back to you as soon as I can."),
        ] {
            assert!(is_voicemail_greeting(lang, text), "{text}");
        }
    }
}
