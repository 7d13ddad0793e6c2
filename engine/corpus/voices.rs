//! Which voices speak the sets that train and which those that judge. A voice is never in both, so that a
//! model is judged on speakers whom it has not met.
//!
//! The names are Kokoro's. Mandarin has eight voices, of which two judge, one of a woman and one of a man;
//! English has 28, of which six judge, four American and two British. Piper's joe, the bot's own English
//! voice, trains.

use waihu_types::Lang;

/// What a set of sound is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Models learn from it.
    Train,
    /// Models are measured on it.
    Judge,
}

/// The voices of Mandarin that judge.
const JUDGE_ZH: &[&str] = &["zf_xiaoyi", "zm_yunyang"];
/// The voices of English that judge.
const JUDGE_EN: &[&str] = &["af_nova", "am_puck", "bf_emma", "bm_george", "af_sky", "am_eric"];

/// Every voice that judges in a language.
pub fn judges(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::Zh => JUDGE_ZH,
        Lang::En => JUDGE_EN,
    }
}

/// What the voice of that name is for: whatever is not among the judges trains.
pub fn purpose(lang: Lang, voice: &str) -> Purpose {
    if judges(lang).contains(&voice) { Purpose::Judge } else { Purpose::Train }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_on_one_side() {
        assert_eq!(purpose(Lang::Zh, "zm_yunyang"), Purpose::Judge);
        assert_eq!(purpose(Lang::Zh, "zf_xiaoxiao"), Purpose::Train);
        assert_eq!(purpose(Lang::En, "af_sky"), Purpose::Judge);
        assert_eq!(purpose(Lang::En, "joe"), Purpose::Train);
    }
}
