use proptest::prelude::*;

use super::*;

fn lines(text: &str) -> Vec<String> {
    read(Lang::Zh, text).unwrap().passages.into_iter().map(|p| p.line).collect()
}

fn fault(text: &str) -> String {
    read(Lang::Zh, text).unwrap_err().to_string()
}

#[test]
fn a_text_that_is_no_markup_stays_as_it_is() {
    for text in ["", "您好", "a < b & c", "<b>", "<speaker>", "您好<speak>", "&lt;", "<", "&"] {
        let marked = read(Lang::Zh, text).unwrap();
        assert_eq!((marked.plain.as_str(), marked.passages[0].line.as_str()), (text, text));
        assert_eq!(plain_text(text), text);
    }
}

#[test]
fn tags_are_taken_out_and_words_remain() {
    let text =
        "<speak>您好，<emphasis>张先生</emphasis>。A &amp; B <sub alias=\"中国银行\">BOC</sub></speak>";
    assert_eq!(plain_text(text), "您好，张先生。A & B BOC");
    assert_eq!(lines(text), ["您好，张先生。A & B 中国银行"]);
    assert_eq!(plain_text(&format!("<speak>{}</speak>", escape("<a&\"'>"))), "<a&\"'>");
    assert_eq!(plain_text("<speak>1 < 2 & 3&nbsp;&#x5143;</speak>"), "1 < 2 & 3&nbsp;元");
}

#[test]
fn bytes_of_what_is_said_lead_to_the_plain_text() {
    let marked = read(
        Lang::Zh,
        "<speak>欠<say-as interpret-as=\"currency\">3250</say-as>，尾号<say-as interpret-as=\"digits\">4321\
         </say-as>的卡</speak>",
    )
    .unwrap();
    assert_eq!(marked.plain, "欠3250，尾号4321的卡");
    let p = &marked.passages[0];
    assert_eq!(p.line, "欠三千二百五十元，尾号四三二一的卡");
    let of = |word: &str| &marked.plain[p.byte_in_plain(p.line.find(word).unwrap())..];
    assert_eq!(
        (of("千"), of("尾"), of("三二一"), of("的")),
        ("3250，尾号4321的卡", "尾号4321的卡", "4321的卡", "的卡")
    );
}

#[test]
fn things_are_said_as_they_are_to_be() {
    let said = |lang, how: &str, words: &str| {
        let text = format!("<speak><say-as interpret-as='{how}'>{words}</say-as></speak>");
        read(lang, &text).unwrap().passages[0].line.clone()
    };
    for (how, words, zh) in [
        ("digits", "1024", "一零二四"),
        ("telephone", "+86 138-0013-8000", "幺三八零零幺三八零零零"),
        ("date", "2026-11-27", "二〇二六年十一月二十七日"),
        ("date", "20261127", "二〇二六年十一月二十七日"),
        ("date", "11/27", "十一月二十七日"),
        ("date", "今天", "今天"),
        ("date", "2026-13-45", "2026-13-45"),
        ("currency", "3,250.50", "三千二百五十元五角"),
        ("currency", "$20", "二十美元"),
        ("cardinal", "10,001", "一万零一"),
        ("cardinal", "-2.5", "负二点五"),
        ("cardinal", "none", "none"),
        ("characters", "A4b", "A 四 B"),
    ] {
        assert_eq!(said(Lang::Zh, how, words), zh, "{how} {words}");
    }
    assert_eq!(said(Lang::En, "digits", "42"), "four two");
    assert_eq!(said(Lang::En, "date", "2026-11-27"), "November twenty-seventh, twenty twenty-six");
    assert_eq!(said(Lang::En, "currency", "$3.50"), "three dollars and fifty cents");
    assert_eq!(said(Lang::En, "name", "Reed"), "Reed");
}

#[test]
fn breaks_and_paces_cut_and_emphasis_does_not() {
    let text = "<?xml version=\"1.0\"?>\n<speak>一<break time=\"300ms\"/><break strength='weak'/>二<!-- 注 -->三\
         <prosody rate=\"slow\" pitch=\"+1st\">四<prosody rate=\"50%\" volume=\"-6dB\">五</prosody></prosody>\
         <p>六</p><emphasis level=\"strong\">七</emphasis>八</speak>";
    let marked = read(Lang::Zh, text).unwrap();
    assert_eq!(marked.plain, "一二三四五六七八");
    let all: Vec<_> = marked.passages.iter().map(|p| (p.line.as_str(), p.rate, p.pitch, p.rest_ms)).collect();
    assert_eq!(
        all,
        [
            ("一", 1.0, 0.0, Some(500)),
            ("二三", 1.0, 0.0, None),
            ("四", 0.8, 1.0, None),
            ("五", 0.5, 1.0, None),
            ("六", 1.0, 0.0, Some(600)),
            ("七八", 1.0, 0.0, None)
        ]
    );
    assert_eq!(marked.passages[3].gains, [(12..15, -6.0)]);
    assert_eq!(marked.passages[5].gains, [(18..21, 4.0)]);
}

#[test]
fn what_is_known_stands_as_one_character_and_is_said_once() {
    let marked = read(
        Lang::Zh,
        "<speak><phoneme alphabet='pinyin' ph='shan4 hong2'>单<!-- -->红</phoneme>您好\
         <say-as interpret-as='name'>仇伟</say-as><phoneme alphabet='ipa' ph='viː'/></speak>",
    )
    .unwrap();
    let p = &marked.passages[0];
    assert_eq!((marked.plain.as_str(), p.line.as_str()), ("单红您好仇伟", "\u{e000}您好\u{e001}\u{e002}"));
    assert!(matches!(&p.known[0], Known::Syllables(s) if s.len() == 2));
    assert_eq!(p.known[1..], [Known::Name("仇伟".to_owned()), Known::Ipa("viː".to_owned())]);
    // A private character of the text's own stands for nothing.
    assert_eq!(lines("<speak>\u{e000}a</speak>"), ["\u{fffd}a"]);
}

#[test]
fn faults_say_where_and_what_to_do() {
    for (text, says) in [
        ("<speak>您好\n，<brake/></speak>", "2:2: <brake> is not known; there are speak, p, s, break"),
        ("<speak>您好", "1:10: <speak> is not ended: write </speak>"),
        ("<speak><s>好</p></speak>", "1:12: </p> ends nothing here: <s> is open"),
        ("<speak>a</speak>b", "1:17: something stands after </speak>"),
        ("<speak><break time=\"1h\"/></speak>", "time=\"1h\" cannot be read: it may be \"300ms\""),
        ("<speak><break time=\"11s\"/></speak>", "to 10 s"),
        ("<speak><break long=\"1s\"/></speak>", "<break> has no attribute \"long\""),
        ("<speak><break time=1s/></speak>", "this is no tag: write <name attribute=\"value\">"),
        ("<speak><break time=\"1s", "this tag has no `>`"),
        ("<speak><say-as>1</say-as></speak>", "<say-as> needs interpret-as"),
        ("<speak><say-as interpret-as='x'>1</say-as></speak>", "it may be digits, telephone"),
        ("<speak><phoneme alphabet='pinyin' ph='shan9'>单</phoneme></speak>", "syllables with tone digits"),
        ("<speak><sub alias='a'><s/></sub></speak>", "<s> cannot stand in <sub>"),
        ("<speak><speak></speak></speak>", "<speak> cannot stand in <speak>"),
    ] {
        let said = fault(text);
        assert!(said.contains(says), "{text}: {said}");
    }
    let pinyin = "<speak><phoneme alphabet='pinyin' ph='hao3'>a</phoneme></speak>";
    assert_eq!(read(Lang::En, pinyin).unwrap_err().fault, MarkupFault::PinyinElsewhere);
}

#[test]
fn limits_hold() {
    let deep = format!("<speak>{}</speak>", "<prosody>".repeat(100_000 / 10));
    assert!(fault(&deep).contains("more than 16 deep"));
    assert!(fault(&format!("<speak>{}</speak>", "好".repeat(40_000))).contains("longer than 100000 bytes"));
    assert!(fault(&format!("<speak>{}</speak>", "<s/>".repeat(3_000))).contains("more than 2000 elements"));
    assert!(fault(&format!("<speak>a{}</speak>", "<break time='10s'/>".repeat(7))).contains("over 60 s"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fall(
        parts in prop::collection::vec(
            prop_oneof![
                Just("<speak>".to_owned()), Just("</speak>".to_owned()), Just("<s>".to_owned()),
                Just("</s>".to_owned()), Just("<break time='1s'/>".to_owned()), Just("<prosody rate='".to_owned()),
                Just("<say-as interpret-as='date'>".to_owned()), Just("</say-as>".to_owned()),
                Just("<phoneme alphabet='pinyin' ph='".to_owned()), Just("'>".to_owned()), Just("<!--".to_owned()),
                Just("&#x".to_owned()), Just("<".to_owned()), Just("单".to_owned()), any::<String>(),
            ],
            0..24,
        ),
        begins in any::<bool>(),
    ) {
        let text = format!("{}{}", if begins { "<speak>" } else { "" }, parts.concat());
        for lang in Lang::ALL {
            if let Ok(marked) = read(lang, &text) {
                for p in &marked.passages {
                    for (at, _) in p.line.char_indices() {
                        prop_assert!(marked.plain.is_char_boundary(p.byte_in_plain(at)));
                    }
                }
            }
        }
        let _any = plain_text(&text);
    }

    #[test]
    fn escaped_words_come_through_whole(words in "[^\u{e000}-\u{f8ff}\n\r\t]{0,60}") {
        let text = format!("<speak>{}</speak>", escape(&words));
        prop_assert_eq!(plain_text(&text).into_owned(), words);
    }
}
