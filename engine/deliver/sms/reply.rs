//! What a callee answers by text message: whether it asks for no more of them. Pure.
//!
//! 47 CFR 64.1200(a)(10) names the words that take consent back by themselves, "stop", "quit", "end", "revoke",
//! "opt out", "cancel" and "unsubscribe", for robotexts and robocalls alike; carriers (CTIA, Messaging Principles and
//! Best Practices, 5.1.3) want STOPALL too, and gateways in China 退订, T and TD. Only a whole message counts, whatever
//! its case, its width, and the spaces and signs in it. Deliberately absent: what else a callee may write, which is
//! for people to read at the gateway.

/// Whole messages by which somebody asks for no more, as [`plain`] leaves them.
const STOP: &[&str] = &[
    "STOP",
    "STOPALL",
    "STOPPLEASE",
    "PLEASESTOP",
    "STOPTEXTING",
    "STOPTEXTINGME",
    "STOPCALLING",
    "STOPCALLINGME",
    "STOPCONTACTINGME",
    "UNSUBSCRIBE",
    "UNSUBSCRIBEME",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "T",
    "TD",
    "TT",
    "退",
    "退订",
    "我要退订",
    "取消",
    "取消订阅",
    "停止",
    "拒收",
    "回T退订",
    "回TD退订",
    "回复T退订",
    "回复TD退订",
    "不要再发",
    "不要再发了",
    "别再发了",
    "勿扰",
];

/// More of a message is not looked at [characters]: whatever is longer is none of these.
const MOST: usize = 200;

/// Whether a message asks for no more of them.
pub(crate) fn asks_to_stop(text: &str) -> bool {
    let plain = plain(text);
    STOP.contains(&plain.as_str())
}

/// The letters and digits of a message, in capitals, each as wide as in ASCII.
fn plain(text: &str) -> String {
    text.chars().take(MOST).map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// A wide form (U+FF01 to U+FF5E) as the ASCII character that it stands for.
fn narrow(c: char) -> char {
    match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_that_says_stop_is_heard_however_it_is_written() {
        for text in [
            "STOP",
            " stop\r\n",
            "Stop.",
            "\"STOP\"",
            "Stop 🛑",
            "stop all",
            "Opt-Out",
            "opt out!",
            "unsubscribe",
            "Cancel",
            "end",
            "QUIT",
            "revoke",
            "Please stop",
            "T",
            "td",
            "ＴＤ",
            "【退订】",
            "退订。",
            "\u{feff}退订",
            "回T退订",
        ] {
            assert!(asks_to_stop(text), "{text:?}");
        }
        for text in [
            "",
            " ",
            "👍",
            "ok",
            "好的",
            "I'll pay on Friday, don't stop me",
            "When does this end?",
            "Can I cancel the plan?",
            "我不退订",
            "t1",
            "STOPPED",
        ] {
            assert!(!asks_to_stop(text), "{text:?}");
        }
        assert!(!asks_to_stop(&format!("{}STOP", "好".repeat(300))));
        assert!(!asks_to_stop(&format!("STOP{}", "好".repeat(300))));
    }
}
