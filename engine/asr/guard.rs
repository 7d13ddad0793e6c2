//! What Whisper says when nobody spoke.
//!
//! Trained on subtitles, it fills silence and noise with closing credits, thanks and its own prompt, and
//! now and then runs in circles. On a telephone each of these would be taken for an answer, so they are
//! recognized here, by the text, its confidence and how much was said in how little time.

use waihu_types::Lang;

/// Why an utterance has no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Too quiet to hold speech; the model was not run.
    Silence,
    /// The model itself holds it for no speech, and is unsure of its text.
    NoSpeech,
    /// A subtitle's credits, or a sound in brackets.
    Credits,
    /// The prompt, said again.
    Prompt,
    /// More words than fit into the time.
    TooFast,
    /// One or two characters over and over: noise.
    Loop,
    /// The model hardly believes its own words.
    Unsure,
}

/// Above the one and below the other at once it is no speech: noise has 0.48 and more, speech in babble at
/// 10 dB at most 0.09.
const NO_SPEECH_MIN: f32 = 0.35;
const LOGPROB_MAX: f32 = -0.5;

/// Below this the words are made up: what comes of noise lies between -1.2 and -3.5 (`examples/nothing.rs`),
/// what comes of speech above -0.9.
pub(crate) const UNSURE: f32 = -1.15;

/// Phrases of credits, in the spelling of [`plain`]. None of them belongs into a call about a loan.
const CREDITS: &[&str] = &[
    "字幕",
    "amaraorg",
    "请不吝点赞",
    "点赞订阅",
    "订阅转发",
    "打赏支持",
    "感谢观看",
    "谢谢观看",
    "谢谢收看",
    "感谢收看",
    "谢谢大家观看",
    "我们下期再见",
    "下集再见",
    "明镜与点点",
    "优优独播",
    "独播剧场",
    "yoyotelevision",
    "词曲",
    "编曲",
    "本集完",
    "thankyouforwatching",
    "thanksforwatching",
    "subtitlesby",
    "subtitledby",
    "captionsby",
    "captionedby",
    "transcribedby",
    "pleasesubscribe",
    "likeandsubscribe",
    "subscribetomychannel",
    "blankaudio",
    "copyrightaustralian",
];

/// Fastest speech taken for real, in characters a second, with the same once more for a short start.
/// Hurried Mandarin has 7 to 8 syllables a second, hurried English about 22 letters.
fn characters_per_second(lang: Lang) -> usize {
    match lang {
        Lang::Zh => 11,
        Lang::En => 28,
    }
}

/// Letters and digits in lower case: what is left to compare when punctuation goes.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a text is judged by besides its words.
pub(crate) struct Heard {
    pub audio_ms: u32,
    pub avg_logprob: f32,
    pub no_speech: f32,
}

/// The verdict on a text that the model gave.
pub(crate) fn judge(text: &str, prompt: &str, lang: Lang, heard: &Heard) -> Result<(), Rejected> {
    let said = plain(text);
    if heard.no_speech > NO_SPEECH_MIN && heard.avg_logprob < LOGPROB_MAX {
        return Err(Rejected::NoSpeech);
    }
    if heard.avg_logprob < UNSURE {
        return Err(Rejected::Unsure);
    }
    if said.is_empty() || bracketed(text) || CREDITS.iter().any(|c| said.contains(c)) {
        return Err(Rejected::Credits);
    }
    // A word of the prompt is what it is there for; a whole stretch of it, or several in a row, is an echo.
    let length = said.chars().count();
    let prompt = plain(prompt);
    let mut clauses = text.split(|c: char| !c.is_alphanumeric() && c != ' ').map(plain);
    if length >= 7 && (prompt.contains(&said) || clauses.all(|clause| prompt.contains(&clause))) {
        return Err(Rejected::Prompt);
    }
    if length > characters_per_second(lang) * (heard.audio_ms as usize + 1_000) / 1_000 {
        return Err(Rejected::TooFast);
    }
    Ok(())
}

/// `(music)`, `[BLANK_AUDIO]`, `（音乐）`, `*laughs*`: a description, no words.
fn bracketed(text: &str) -> bool {
    let text = text.trim();
    [('(', ')'), ('[', ']'), ('（', '）'), ('【', '】'), ('*', '*'), ('♪', '♪')]
        .iter()
        .any(|(open, close)| text.chars().count() > 1 && text.starts_with(*open) && text.ends_with(*close))
}

/// A phrase said over and over, once. Up to three times it stays: people do say 好好好 and "no, no, no".
pub(crate) fn unloop(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    for start in 0..chars.len() {
        // 30 characters: a loop that long has been cut off by the token limit before its fourth round.
        for unit in 1..=30.min((chars.len() - start) / 4) {
            let period = &chars[start..start + unit];
            let rounds = chars[start..].chunks(unit).take_while(|c| *c == period).count();
            if rounds >= 4 {
                let after = start + rounds * unit;
                // The last round is often cut off in the middle.
                let cut_off = chars[after..].iter().zip(period).take_while(|(a, b)| a == b).count();
                let rest = if after + cut_off == chars.len() { chars.len() } else { after };
                let kept: String = chars[..start + unit].iter().chain(&chars[rest..]).collect();
                return unloop(&kept);
            }
        }
    }
    said_once(&chars)
}

/// A line of this many bytes and more (six characters of Mandarin, four words of English) that comes twice, and
/// nothing else, was said once: the model begins again where a slow line leaves it room.
const TWICE_LEAST: usize = 18;

fn said_once(chars: &[char]) -> String {
    let whole: String = chars.iter().collect();
    let said = plain(&whole);
    let half = said.chars().count() / 2;
    let twice = said.len() >= 2 * TWICE_LEAST && said.chars().take(half).eq(said.chars().skip(half));
    if !twice {
        return whole;
    }
    let mut left = half;
    let first = |c: &&char| {
        let inside = left > 0;
        left -= usize::from(inside && c.is_alphanumeric());
        inside
    };
    chars.iter().take_while(first).collect()
}

/// Whether `raw` is nothing but the one or two characters that were left of it when its loop was cut. People
/// say 好好好好 (and it is cut to 好); six times and more is noise.
pub(crate) fn runs_in_circles(raw: &str, cut: &str) -> bool {
    let (raw, cut) = (plain(raw).chars().count(), plain(cut).chars().count());
    (1..=2).contains(&cut) && raw >= 6 * cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, lang: Lang, audio_ms: u32) -> Result<(), Rejected> {
        let heard = Heard { audio_ms, avg_logprob: -0.3, no_speech: 0.1 };
        judge(text, crate::default_prompt(lang), lang, &heard)
    }

    #[test]
    fn credits_and_described_sounds_are_thrown_away() {
        for text in [
            "字幕by索兰娅",
            "中文字幕志愿者 杨茜茜",
            "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
            "(音乐)",
            "。",
            "♪♪",
        ] {
            assert_eq!(verdict(text, Lang::Zh, 3_000), Err(Rejected::Credits), "{text}");
        }
        for text in
            ["Thanks for watching!", "[BLANK_AUDIO]", "*coughs*", "Subtitles by the Amara.org community"]
        {
            assert_eq!(verdict(text, Lang::En, 3_000), Err(Rejected::Credits), "{text}");
        }
    }

    #[test]
    fn answers_pass_even_short_and_with_the_prompts_words() {
        for text in ["喂", "账单", "还款", "逾期了", "什么时候", "谢谢", "好的，谢谢你", "我这个月还款"]
        {
            assert_eq!(verdict(text, Lang::Zh, 900), Ok(()), "{text}");
        }
        for text in ["No.", "Thank you.", "When?", "I can pay (maybe) next week"] {
            assert_eq!(verdict(text, Lang::En, 900), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_echo_of_the_prompt_is_no_answer() {
        assert_eq!(verdict(crate::default_prompt(Lang::Zh), Lang::Zh, 4_000), Err(Rejected::Prompt));
        assert_eq!(verdict("您的账单逾期了，", Lang::Zh, 4_000), Err(Rejected::Prompt));
        assert_eq!(verdict("Your loan payment is overdue", Lang::En, 4_000), Err(Rejected::Prompt));
    }

    #[test]
    fn the_prompt_in_pieces_is_an_echo_and_a_word_of_it_is_none() {
        assert_eq!(
            verdict("您的账单逾期了，什么时候还款，什么时候还款，", Lang::Zh, 2_000),
            Err(Rejected::Prompt)
        );
        assert_eq!(verdict("什么时候还款？我问你呢", Lang::Zh, 2_000), Ok(()));
        assert_eq!(
            verdict("Your loan payment is overdue. When can you pay?", Lang::En, 3_000),
            Err(Rejected::Prompt)
        );
        assert_eq!(verdict("My loan payment is not overdue.", Lang::En, 3_000), Ok(()));
    }

    #[test]
    fn more_words_than_fit_into_the_time_are_not_believed() {
        let text = "我先还一千五百块剩下的下个月十五号再还清行不行";
        assert_eq!(verdict(text, Lang::Zh, 400), Err(Rejected::TooFast));
        assert_eq!(verdict(text, Lang::Zh, 3_500), Ok(()));
    }

    #[test]
    fn no_speech_needs_both_signs() {
        let judge = |avg_logprob, no_speech| {
            judge("好的", "", Lang::Zh, &Heard { audio_ms: 2_000, avg_logprob, no_speech })
        };
        assert_eq!(judge(-1.4, 0.8), Err(Rejected::NoSpeech));
        assert_eq!(judge(-0.2, 0.8), Ok(()));
        assert_eq!(judge(-1.1, 0.2), Ok(()));
    }

    #[test]
    fn words_that_the_model_does_not_believe_are_not_told() {
        let judge = |avg_logprob| {
            judge("鸟鸟", "", Lang::Zh, &Heard { audio_ms: 2_000, avg_logprob, no_speech: 0.1 })
        };
        assert_eq!(judge(-1.23), Err(Rejected::Unsure));
        assert_eq!(judge(-0.87), Ok(()));
    }

    #[test]
    fn a_character_over_and_over_is_noise_and_a_sentence_over_and_over_is_not() {
        let circles = |raw: &str| runs_in_circles(raw, &unloop(raw));
        assert!(circles("鸿鸿鸿鸿鸿鸿鸿鸿鸿"));
        assert!(circles("嗯，嗯，嗯，嗯，嗯，嗯，嗯，嗯，"));
        assert!(!circles("好好好好"));
        assert!(!circles("我明天还我明天还我明天还我明天还我明天还我明天还"));
        assert!(!circles("好的"));
    }

    #[test]
    fn a_loop_is_said_once_and_emphasis_stays() {
        assert_eq!(unloop("我明天还我明天还我明天还我明天还我明"), "我明天还");
        assert_eq!(unloop("好吧 no no no no no"), "好吧 no");
        assert_eq!(unloop("对对对"), "对对对");
        assert_eq!(unloop("no, no, no"), "no, no, no");
        assert_eq!(unloop("三千二百五十元"), "三千二百五十元");
        assert_eq!(unloop(""), "");
    }

    #[test]
    fn a_line_that_comes_twice_was_said_once() {
        assert_eq!(unloop("这个利息算得不对吧。这个利息算得不对吧。"), "这个利息算得不对吧");
        assert_eq!(unloop("我明天还，我明天还"), "我明天还，我明天还", "short ones are said twice");
        assert_eq!(unloop("I paid it, I paid it"), "I paid it, I paid it");
        assert_eq!(
            unloop("I already paid it yesterday. I already paid it yesterday."),
            "I already paid it yesterday"
        );
        assert_eq!(unloop("这个利息算得不对吧，这个利息对吗"), "这个利息算得不对吧，这个利息对吗");
    }
}
