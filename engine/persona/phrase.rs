//! What callees say, in several wordings and both languages, and what they mean by it.
//!
//! A wording's values are filled in as people name them (周五, "on Friday", 500块); what the bot makes of
//! them is found by the same rules as in a call (`waihu_nlu::extract`).

use jiff::civil::{Date, Time, Weekday};
use rust_decimal::Decimal;
use waihu_dialog::{MONTHS, Utterance};
use waihu_types::{Intent, Lang};

use crate::random::Random;

/// Something to say, with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub topic: Topic,
    /// The day named in it.
    pub date: Option<Date>,
    /// The sum.
    pub sum: Option<Decimal>,
    /// The number of parts.
    pub count: Option<u32>,
    /// The time of day.
    pub time: Option<Time>,
}

impl From<Topic> for Line {
    fn from(topic: Topic) -> Self {
        Self { topic, date: None, sum: None, count: None, time: None }
    }
}

impl Line {
    /// The same with a day.
    pub fn on(self, date: Date) -> Self {
        Self { date: Some(date), ..self }
    }

    /// The same with a sum.
    pub fn of(self, sum: Decimal) -> Self {
        Self { sum: Some(sum), ..self }
    }

    /// The words, and what they mean, as they leave the mouth.
    pub fn spoken(&self, lang: Lang, today: Date, random: &mut Random) -> Utterance {
        let (intent, zh, en) = self.topic.wordings();
        let wording = match lang {
            Lang::Zh => random.pick(zh),
            Lang::En => random.pick(en),
        };
        let mut text = (*wording).to_owned();
        let mut fill = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| text.contains(name)) {
                text = text.replace(name, &value);
            }
        };
        fill("{day}", self.date.map(|d| day(d, lang, today, random)));
        fill("{sum}", self.sum.map(|s| sum(s, lang, random)));
        fill("{count}", self.count.map(|c| c.to_string()));
        fill("{time}", self.time.map(|t| hour(t, lang)));
        let entities = waihu_nlu::extract(lang, &text, today);
        // Nobody is that sure of a few words over a telephone.
        let confidence = 0.72 + 0.26 * random.unit();
        Utterance { text, intent, confidence, entities, also: Vec::new() }
    }
}

/// A day as somebody names it, in a way that is understood rightly.
fn day(date: Date, lang: Lang, today: Date, random: &mut Random) -> String {
    let ahead = (date - today).get_days();
    let (month, number) = (date.month(), date.day());
    let mut ways = Vec::with_capacity(3);
    match (lang, ahead) {
        (Lang::Zh, 0) => ways.push("今天".to_owned()),
        (Lang::Zh, 1) => ways.push("明天".to_owned()),
        (Lang::Zh, 2) => ways.push("后天".to_owned()),
        (Lang::En, 0) => ways.push("today".to_owned()),
        (Lang::En, 1) => ways.push("tomorrow".to_owned()),
        _ => {}
    }
    if (2..7).contains(&ahead) {
        let (zh, en) = weekday(date.weekday());
        ways.push(match lang {
            Lang::Zh => format!("周{zh}"),
            Lang::En => format!("on {en}"),
        });
    }
    let whole = match lang {
        Lang::Zh => format!("{month}月{number}号"),
        Lang::En => format!("on {} {number}", MONTHS[usize::from(month.unsigned_abs()).clamp(1, 12) - 1]),
    };
    ways.push(whole);
    let at = random.between(0, i64::try_from(ways.len()).unwrap_or(1) - 1);
    let picked = ways.swap_remove(usize::try_from(at).unwrap_or(0));
    // 周五 said on a Saturday may be another's Friday: then the whole day is named.
    let plain = ways.pop();
    let understood = waihu_nlu::extract(lang, &picked, today).date == Some(date);
    if understood { picked } else { plain.unwrap_or(picked) }
}

fn weekday(day: Weekday) -> (&'static str, &'static str) {
    match day {
        Weekday::Monday => ("一", "Monday"),
        Weekday::Tuesday => ("二", "Tuesday"),
        Weekday::Wednesday => ("三", "Wednesday"),
        Weekday::Thursday => ("四", "Thursday"),
        Weekday::Friday => ("五", "Friday"),
        Weekday::Saturday => ("六", "Saturday"),
        Weekday::Sunday => ("日", "Sunday"),
    }
}

fn sum(sum: Decimal, lang: Lang, random: &mut Random) -> String {
    let sum = sum.normalize();
    match (lang, random.chance(0.5)) {
        (Lang::Zh, true) => format!("{sum}块"),
        (Lang::Zh, false) => format!("{sum}元"),
        (Lang::En, true) => format!("${sum}"),
        (Lang::En, false) => format!("{sum} dollars"),
    }
}

fn hour(time: Time, lang: Lang) -> String {
    waihu_dialog::clock(time, lang)
}

type Wordings = (Intent, &'static [&'static str], &'static [&'static str]);

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident $intent:ident [$($zh:literal),+] [$($en:literal),+])*) => {
        /// What can be said.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Topic { $($(#[$doc])* $topic,)* }

        impl Topic {
            /// Every topic.
            pub const ALL: &'static [Self] = &[$(Self::$topic),*];

            /// What is meant, and how it is said in Mandarin and in English.
            pub fn wordings(self) -> Wordings {
                match self { $(Self::$topic => (Intent::$intent, &[$($zh),+], &[$($en),+]),)* }
            }
        }
    };
}

topics! {
    /// Answers the telephone.
    Hello Greeting ["喂？", "喂，你好。"] ["Hello?", "Yes, hello?"]
    /// Is who was asked for.
    Me Affirm ["对，我就是。", "是我。", "嗯，我是。", "我就是，你说。"] ["Yes, speaking.", "Yes, that's me.", "This is me.", "Yeah, I am."]
    /// Is who was asked about.
    Myself Affirm ["我就是。", "我就是他本人。"] ["That's me.", "Well, that's me."]
    /// Is not, and says no more.
    NotMe Deny ["不是。", "不是我。"] ["No.", "No, it's not."]
    /// Yes.
    Yes Affirm ["对。", "好的。", "可以。", "行，没问题。", "对的，没错。"] ["Yes.", "Okay, yes.", "That's right.", "Sure, that's fine."]
    /// No.
    No Deny ["不用了。", "不行。", "不是这样的。", "不用。"] ["No.", "No, thanks.", "No, that won't work.", "No, I'd rather not."]
    /// Listens.
    Murmur Acknowledge ["嗯。", "哦。", "嗯嗯。"] ["Mm-hm.", "Uh-huh.", "Right."]
    /// A stranger has the number.
    Wrong WrongNumber ["你打错了。", "打错了，没这个人。", "我不认识他，打错了。"] ["Wrong number.", "You've got the wrong number.", "There's nobody by that name here."]
    /// Knows the person.
    Relative ThirdParty ["他不在，我是他爱人。", "我是他同事，他不在。", "他出去了，我是他妈妈。"] ["He's not here, I'm his wife.", "I'm a colleague, she's out.", "I'm his mother, he's not in."]
    /// And says when the person can be reached.
    RelativeWhen ThirdParty ["他不在，{time}再打吧。", "我是他家里人，你{time}打过来。"] ["He's out, try at {time}.", "I'm her husband, call back at {time}."]
    /// The person is in hospital.
    RelativeHospital ThirdParty ["他住院了，我是他女儿。", "他在医院，我是他家属。"] ["He's in hospital, I'm his daughter.", "She's in the hospital, I'm her son."]
    /// The person has died.
    Dead Deceased ["他已经去世了。", "人上个月走了，去世了。"] ["He passed away.", "She died last month."]
    /// Will pay the whole on a day.
    PayOn PromiseToPay ["我{day}还。", "{day}吧，{day}我还上。", "{day}可以还。"] ["I can pay {day}.", "I'll pay it {day}.", "{day} I'll pay."]
    /// Will pay a sum on a day.
    PartOn PartialPayment ["我{day}先还{sum}。", "先还{sum}行吗，{day}。"] ["I can pay {sum} {day}.", "How about {sum} {day} for now?"]
    /// Offers a part and no day.
    Part PartialPayment ["我最多能还{sum}。", "先还{sum}可以吗？"] ["The most I can do is {sum}.", "Could I pay {sum} first?"]
    /// Names a sum.
    Sum PartialPayment ["{sum}。", "{sum}吧。"] ["{sum}.", "About {sum}."]
    /// Will pay, and names no day.
    PayVague PromiseToPay ["我会还的。", "过几天就还。", "放心，会还的。"] ["I'll pay it.", "I'm going to pay, don't worry.", "I'll take care of it."]
    /// The day read back is wrong.
    OtherDay Deny ["不对，是{day}。", "不行，改成{day}吧。"] ["No, make it {day}.", "No, {day}."]
    /// The day and the sum read back are wrong.
    OtherTerms Deny ["不对，{day}还{sum}。", "不是，我说的是{day}还{sum}。"] ["No, {sum} {day}.", "No, I said {sum} {day}."]
    /// Has not paid yet.
    NotYet Deny ["还没有。", "还没呢。"] ["Not yet.", "No, not yet."]
    /// Has paid.
    Paid AlreadyPaid ["我已经还了。", "这笔我早就还过了。"] ["I already paid that.", "I've paid it already."]
    /// Will not pay.
    Refuse RefuseToPay ["我就是不还。", "不还，爱咋咋地。", "我不会还的。"] ["I'm not paying.", "I won't pay it.", "Forget it, I'm not going to pay."]
    /// Cannot pay.
    Hard Hardship ["我失业了，真没钱。", "最近手头特别紧，还不起。", "厂子倒闭了，没有收入。"] ["I lost my job, I can't pay.", "I really don't have the money.", "I have no income right now."]
    /// Cannot pay: is ill.
    Ill Hardship ["我住院了，现在没办法还。", "我刚做完手术，还在医院。"] ["I'm in hospital, I can't pay now.", "I just had surgery, I'm still in the hospital."]
    /// Wants more time.
    Later RequestExtension ["能不能晚几天？", "宽限几天行吗？", "这么早不行，来不及。"] ["Can I have a few more days?", "I need more time.", "That's too soon for me."]
    /// Wants to pay in parts.
    Parts RequestInstallments ["可以分{count}期吗？", "能不能分{count}个月还？"] ["Can I pay in {count} installments?", "Could I split it into {count} payments?"]
    /// Says how it will be paid.
    ByApp OutOfScope ["用手机银行。", "转账吧。", "自动扣款就行。"] ["In the app.", "By bank transfer.", "Automatic debit is fine."]
    /// Wants to pay less.
    Less RequestReduction ["利息能不能减一点？", "能不能少还点？"] ["Can you waive the fees?", "Can I settle for less?"]
    /// Disputes the debt.
    Wrongly DisputeDebt ["这个金额不对，我没欠这么多。", "我没借过这笔钱。"] ["That amount is wrong.", "I never borrowed that."]
    /// Asks how much.
    AskSum AskAmount ["一共多少钱？", "我欠多少？"] ["How much is it?", "What do I owe?"]
    /// Asks since when.
    AskDue AskDueDate ["什么时候到期的？", "还款日是哪天？"] ["When was it due?", "What was the due date?"]
    /// Asks how to pay.
    AskHow AskHowToPay ["怎么还？", "在哪里还款？"] ["How do I pay?", "Where can I pay it?"]
    /// Asks who is calling.
    AskWho AskIdentity ["你是哪里？", "你是谁啊？", "你怎么有我电话的？"] ["Who is this?", "Where are you calling from?", "How did you get this number?"]
    /// Asks whether it is a machine.
    AskMachine AskIfRobot ["你是机器人吧？", "你是真人吗？"] ["Are you a robot?", "Is this a machine?"]
    /// Asks what follows.
    AskElse AskConsequences ["不还会怎么样？", "会影响征信吗？"] ["What happens if I don't pay?", "Will this hurt my credit?"]
    /// Wants a person.
    Human RequestHuman ["转人工。", "我要跟真人说。", "叫你们主管来。"] ["Let me talk to a person.", "I want a real person.", "Get me your supervisor."]
    /// Wants to be called later.
    CallLater RequestCallback ["我在忙，晚点再打。", "现在不方便，回头再说。"] ["I'm busy, call me later.", "Not a good time, call back."]
    /// At a time.
    CallAt RequestCallback ["{time}再打给我吧。", "你{time}打过来。"] ["Call me at {time}.", "Try me again at {time}."]
    /// On a day, at a time.
    CallOn RequestCallback ["{day}{time}再打。"] ["Call me {day} at {time}."]
    /// Wants no more calls.
    NoMore StopCalling ["别再打了。", "以后不要再给我打电话。"] ["Stop calling me.", "Don't ever call this number again."]
    /// Complains.
    Complain Complaint ["我要投诉你们。", "我要去银保监会投诉。"] ["I'm going to file a complaint.", "I'll report you to the regulator."]
    /// Has a lawyer.
    MyLawyer LegalRepresentation ["找我律师说。", "有事法院见。"] ["Talk to my lawyer.", "I'm represented by an attorney."]
    /// Is in despair.
    Despair Distress ["我不想活了。", "活着没意思，我真撑不下去了。"] ["I don't want to live anymore.", "I just want to end it all."]
    /// Swears.
    Swear Abuse ["你有病吧！", "滚，烦死了！"] ["Go to hell!", "You people are scum!"]
    /// Did not hear.
    Again Repeat ["你说什么？", "没听清，再说一遍。"] ["What did you say?", "Sorry, say that again?"]
    /// Has to look.
    Hold Wait ["等一下。", "稍等，我看看。"] ["Hold on.", "One moment."]
    /// Goes.
    Bye Goodbye ["好，再见。", "先这样，挂了。"] ["Okay, bye.", "Goodbye."]
    /// Says what means nothing here.
    Aside OutOfScope ["再说吧。", "看情况吧。", "今天天气不错。"] ["We'll see.", "It depends.", "Nice weather today."]
    /// Reads four digits.
    FourDigits OutOfScope ["4 8 2 1", "7 3 0 5"] ["4 8 2 1", "7 3 0 5"]
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};

    use super::*;

    #[test]
    fn what_is_said_is_understood_with_its_values() {
        let mut random = Random::new(5);
        for lang in Lang::ALL {
            for topic in Topic::ALL {
                for n in 0..200_i64 {
                    let today = date(2026, 1, 1).saturating_add((n * 2).days());
                    let day = today.saturating_add((n % 30).days());
                    let sum = Decimal::from(100 + n * 10);
                    let time = jiff::civil::time(i8::try_from(9 + n % 11).unwrap(), 0, 0, 0);
                    let line =
                        Line { count: Some(6), time: Some(time), ..Line::from(*topic).on(day).of(sum) };
                    let said = line.spoken(lang, today, &mut random);
                    assert!(!said.text.contains('{'), "{}", said.text);
                    let (_, zh, en) = topic.wordings();
                    let wording = if lang == Lang::Zh { zh[0] } else { en[0] };
                    let e = &said.entities;
                    let about = format!("{} on {today}: {day} {sum} {time}", said.text);
                    if wording.contains("{day}") {
                        assert_eq!(e.date, Some(day), "{about}");
                    }
                    if wording.contains("{sum}") {
                        assert_eq!(e.amount, Some(sum), "{about}");
                    }
                    if wording.contains("{count}") {
                        assert_eq!(e.count, Some(6), "{about}");
                    }
                    if wording.contains("{time}") {
                        assert_eq!(e.time, Some(time), "{about}");
                    }
                }
            }
        }
    }
}
