//! Who was told: identity, others, disclosures.

use waihu_dialog::{Notice, debt_word};
use waihu_types::{AnsweredBy, Identity, Intent, Lang};

use super::{Found, Hearing, does_not_apply, fail, pass, shown, told, unless};
use crate::{Evidence, Speaker, rules::notices_of, timeline::Said};

/// By what it is heard that something is not the debtor's ear.
const OTHERS: &[Intent] = &[Intent::ThirdParty, Intent::WrongNumber, Intent::Deceased];

/// What agents hear where somebody says to be the person; their talks are not classified as the bot's are.
const YES_ZH: [&str; 6] = ["是我", "我是", "是的", "对", "嗯", "本人"];
const YES_EN: [&str; 6] = ["yes", "yeah", "speaking", "this is", "that's me", "i am"];

impl<'a> Hearing<'a> {
    /// The debt was told after a yes, and to who said it.
    pub(super) fn identity(&self) -> Found {
        let confirmed = self.confirmed_at();
        let mut failures = Vec::new();
        let mut first = None;
        for said in self.matter() {
            first = first.or(Some(said));
            let before = confirmed.is_some_and(|at| at < said.order) || self.said_yes_to_agent(said);
            if !before {
                failures.push(self.told_too_early(said));
            }
        }
        match first {
            None => does_not_apply(),
            Some(said) if failures.is_empty() => pass(Some(shown(
                said,
                "确认本人后首次说及债务",
                "first word of the debt, after the person was confirmed",
            ))),
            Some(_) => unless(failures),
        }
    }

    fn told_too_early(&self, said: &Said<'_>) -> Evidence {
        let word = self.tells(said).unwrap_or_default();
        shown(
            said,
            format!("未确认本人即说到“{word}”"),
            format!("{word:?} was said before the person was confirmed"),
        )
    }

    /// Whether the callee said yes to an agent before a line of the agent's.
    fn said_yes_to_agent(&self, matter: &Said<'_>) -> bool {
        let (words, lang) = match self.lang {
            Lang::Zh => (YES_ZH, Lang::Zh),
            Lang::En => (YES_EN, Lang::En),
        };
        let asked = self.timeline.by(Speaker::Agent).next().map(|said| said.order);
        matter.by == Speaker::Agent
            && self.call.outcome.identity != Identity::Denied
            && self.timeline.by(Speaker::Callee).any(|said| {
                let text = if lang == Lang::En { said.text.to_lowercase() } else { said.text.to_owned() };
                asked.is_some_and(|asked| asked < said.order)
                    && said.order < matter.order
                    && words.iter().any(|word| text.contains(word))
            })
    }

    /// Nobody else was told: no other person, no box, no assistant.
    pub(super) fn third_party(&self) -> Found {
        let by = self.call.outcome.answered_by;
        let machine = matches!(
            by,
            AnsweredBy::Voicemail
                | AnsweredBy::Ivr
                | AnsweredBy::Fax
                | AnsweredBy::Announcement
                | AnsweredBy::Screening
        );
        let screened = self.call.outcome.answered_by == AnsweredBy::Screening || self.assistant_asked();
        // From here on, and up to there, somebody else hears.
        let (from, to) = if screened {
            (0, self.put_through().unwrap_or(usize::MAX))
        } else if machine {
            (0, usize::MAX)
        } else {
            match self.meaning(OTHERS).next() {
                Some(said) => (said.order, self.yes_after(said.order)),
                None if self.call.outcome.identity == Identity::Denied => (0, usize::MAX),
                None => return does_not_apply(),
            }
        };
        let within = |said: &&Said<'_>| from <= said.order && said.order < to;
        let failure = |said: &Said<'_>| {
            let word = self.tells(said).unwrap_or_default();
            shown(
                said,
                format!("对他人或机器说到“{word}”"),
                format!("{word:?} was said to somebody else, or to a machine"),
            )
        };
        unless(self.matter().filter(within).map(failure).collect())
    }

    fn assistant_asked(&self) -> bool {
        self.timeline.notes.iter().any(|note| note.text.ends_with("an assistant asks who is calling"))
    }

    fn yes_after(&self, order: usize) -> usize {
        let yes = |said: &&Said<'_>| said.order > order && self.means(said, &[Intent::Affirm]);
        let confirmed = self.call.outcome.identity == Identity::Confirmed;
        let yes = self.timeline.by(Speaker::Callee).find(yes).filter(|_| confirmed);
        yes.map_or(usize::MAX, |said| said.order)
    }

    /// What has to be said was heard before the matter; where it never came to that, the greeting at least.
    pub(super) fn disclosures(&self) -> Found {
        if !self.talked() {
            return does_not_apply();
        }
        let matter = self.matter().find(|said| !self.is_notice_alone(said));
        let until = matter.map_or(usize::MAX, |said| said.order);
        let asked = notices_of(self.call.profile).notices();
        let mut failures = Vec::new();
        for notice in asked.iter().filter(|n| matter.is_some() || **n != Notice::Collector) {
            let given = self.timeline.ours().any(|said| said.order < until && self.gives(said, *notice));
            if !given {
                let (zh, en) = named(*notice);
                let (zh, en) = (format!("未告知：{zh}"), format!("not said, or not heard: {en}"));
                failures.push(match matter {
                    Some(said) => {
                        shown(said, format!("{zh}（此处已谈正事）"), format!("{en} (the matter begins here)"))
                    }
                    None => told(zh, en),
                });
            }
        }
        // Who hung up in the greeting cannot have heard it.
        if matter.is_none() && self.greeting_was_cut_by_callee() {
            return does_not_apply();
        }
        unless(failures)
    }

    /// Whether a line is the notice itself, which may speak of a debt ("an attempt to collect a debt").
    fn is_notice_alone(&self, said: &Said<'_>) -> bool {
        self.gives(said, Notice::Collector) && !said.text.chars().any(|c| c.is_ascii_digit())
    }

    fn greeting_was_cut_by_callee(&self) -> bool {
        let first = self.timeline.by(Speaker::Bot).next();
        let hung_up = self.timeline.noted("the callee hung up").is_some();
        hung_up
            && self.timeline.by(Speaker::Bot).count() <= 1
            && first.is_some_and(|said| said.stopped_ms.is_some())
    }

    /// Whether a line, as far as it was heard, says what a notice asks for.
    fn gives(&self, said: &Said<'_>, notice: Notice) -> bool {
        let text = said.text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match (notice, self.lang) {
            (Notice::WhoCalls, _) => match self.call.case {
                Some(case) => text.contains(&case.creditor.to_lowercase()),
                None => said.by == Speaker::Bot,
            },
            (Notice::Automated, Lang::Zh) => {
                has(&["智能语音", "语音助手", "自动语音", "机器人", "人工智能", "智能助手"])
            }
            (Notice::Automated, Lang::En) => {
                has(&["automated", "virtual assistant", "artificial", "a machine", "robot"])
            }
            (Notice::Recorded, Lang::Zh) => has(&["录音"]),
            (Notice::Recorded, Lang::En) => has(&["record"]),
            (Notice::Collector, Lang::Zh) => has(&["催收", "收取欠款", "收取债务"]),
            (Notice::Collector, Lang::En) => has(&["collect a debt", "debt collector", "collecting a debt"]),
        }
    }

    /// What was promised was read back: its day or its sum, and the callee agreed after that.
    pub(super) fn read_back(&self) -> Found {
        let outcome = self.call.outcome;
        let Some(promise) = &outcome.promise else { return does_not_apply() };
        // What an agent put down was agreed with the agent.
        if outcome.handover.as_ref().is_some_and(|h| h.joined_at.is_some()) {
            return does_not_apply();
        }
        let zone = self.call.case.map_or("Asia/Shanghai", |case| case.time_zone.as_str());
        let today = outcome.dialled_at.timestamp().in_tz(zone).map(|z| z.date());
        let today = today.unwrap_or(promise.date);
        let day = waihu_dialog::day(promise.date, today, self.lang);
        let sum = waihu_dialog::money(promise.sum, self.lang);
        let reads = |said: &&Said<'_>| {
            let said_day = said.text.contains(&day) || relative(promise.date, today, self.lang, said.text);
            said.by == Speaker::Bot && said_day
        };
        let Some(read) = self.timeline.said.iter().rfind(reads) else {
            return fail(told("承诺的日期没有复述", "the day of the promise was not read back"));
        };
        // Where the sum is another than what is due it has to be read, too.
        let whole = self.call.case.is_none_or(|case| case.due == promise.sum);
        let sum_read = whole || self.timeline.by(Speaker::Bot).any(|said| said.text.contains(&sum));
        if !sum_read {
            return fail(shown(read, "复述中没有承诺的金额", "the sum of the promise was not read back"));
        }
        let agreed = |said: &&Said<'_>| said.order > read.order && self.agrees(said);
        let key =
            self.timeline.notes.iter().any(|note| note.text == "key pressed" && note.order > read.order);
        // A line that reads back may follow its own yes: "好的，帮您记下了，11月28日".
        let earlier = self.timeline.by(Speaker::Bot).find(reads).filter(|first| first.order < read.order);
        let agreed_before = earlier.is_some_and(|first| {
            self.timeline.by(Speaker::Callee).any(|s| s.order > first.order && self.agrees(s))
        });
        if key || agreed_before || self.timeline.by(Speaker::Callee).any(|s| agreed(&s)) {
            return pass(Some(shown(read, "已复述并得到确认", "read back, and agreed to")));
        }
        fail(shown(read, "复述之后没有得到确认", "nobody agreed after it was read back"))
    }

    fn agrees(&self, said: &Said<'_>) -> bool {
        self.means(said, &[Intent::Affirm, Intent::PromiseToPay, Intent::Acknowledge])
    }
}

/// Whether a line names the day as one near today.
fn relative(date: jiff::civil::Date, today: jiff::civil::Date, lang: Lang, text: &str) -> bool {
    let days = today.until(date).map_or(-1, |span| span.get_days());
    let words: &[&str] = match (days, lang) {
        (0, Lang::Zh) => &["今天"],
        (1, Lang::Zh) => &["明天"],
        (2, Lang::Zh) => &["后天"],
        (0, Lang::En) => &["today"],
        (1, Lang::En) => &["tomorrow"],
        _ => &[],
    };
    // A day alone is no promise read back: it has to be about paying.
    words.iter().any(|word| text.to_lowercase().contains(word)) && debt_word(text, lang).is_some()
}

fn named(notice: Notice) -> (&'static str, &'static str) {
    match notice {
        Notice::WhoCalls => ("来电方", "who calls"),
        Notice::Automated => ("自动语音", "that a machine speaks"),
        Notice::Recorded => ("录音", "that the call is recorded"),
        Notice::Collector => ("催收目的", "that a debt is to be collected"),
    }
}
