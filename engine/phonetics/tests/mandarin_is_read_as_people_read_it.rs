//! Names, sums, dates, digits and words with more than one reading, as the front end reads them aloud.
#![allow(clippy::unwrap_used)]

use waihu_phonetics::mandarin::Mandarin;

#[test]
fn names_are_read_as_names_and_words_as_words() {
    let front = Mandarin::new();
    for (text, reading) in [
        ("请问是单晓红吗？", "shan4"),
        ("是单位吗？", "dan1wei4"),
        ("我姓仇。", "qiu2"),
        ("请问仇伟先生在吗？", "qiu2"),
        ("您好，尉迟女士。", "yu4chi2"),
        ("区先生您好", "ou1"),
        ("曾经的贷款", "ceng2jing1"),
        ("曾先生", "zeng1"),
        ("解决问题", "jie3jue2"),
        ("解女士", "xie4"),
    ] {
        let said = front.pinyin(text);
        assert!(said.contains(reading), "{text}: {said}");
    }
}

#[test]
fn a_character_takes_the_reading_of_its_word() {
    let front = Mandarin::new();
    for (text, reading) in [
        ("重复扣款", "chong2fu4"),
        ("调整计划", "tiao2zheng3"),
        ("银行行长", "hang2zhang3"),
        ("首都北京", "shou3du1"),
        ("理发店", "li3fa4"),
        ("供给不足", "gong1ji3"),
        ("冻结账户", "dong4jie2"),
        ("传记作家", "zhuan4ji4"),
        ("商量一下", "shang1liang2"),
        ("还款日", "huan2kuan3ri4"),
        ("您还没还款", "hai2"),
    ] {
        let said = front.pinyin(text).replace(' ', "");
        assert!(said.contains(reading), "{text}: {said}");
    }
}

#[test]
fn what_nobody_can_say_is_dropped_and_named() {
    let front = Mandarin::new();
    let made = front.phonemes("您好☃\u{e000}吗\u{fffd}？");
    assert_eq!(made.sentences.len(), 1);
    assert_eq!(made.dropped, ['☃', '\u{fffd}']);
    assert!(front.phonemes("☃☃").sentences.is_empty());
}

#[test]
fn words_begin_where_they_stand_in_the_text() {
    let front = Mandarin::new();
    let text = "您好。您尾号4321的VIP卡欠3250.00元，请还款。";
    let made = front.phonemes(text);
    let starts: Vec<&str> = made.sentences[1].words.iter().map(|w| &text[w.byte..]).collect();
    for word in ["您尾号", "4321", "VIP", "3250.00", "还款"] {
        assert!(starts.iter().any(|s| s.starts_with(word)), "{word}: {starts:?}");
    }
    assert!(made.sentences[1].words.windows(2).all(|w| w[0].symbol < w[1].symbol && w[0].byte < w[1].byte));
}
