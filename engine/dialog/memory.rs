//! What is known in one call: the case, and what the callee has said.

use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use waihu_nlu::Entities;
use waihu_terms::{Negotiation, Plan};
use waihu_types::{Case, Intent, Lang, Money, Particulars, PaymentChannel, ProductKind, Promise};

use crate::{
    condition::{Facts, PromiseRules, Said, Slot, Who, latest_date},
    guard::Values,
    io::AgentsBack,
    naming::{Naming, naming},
    negotiating::{self, Bargain},
    template::{self, Placeholder, Template},
};

/// An utterance without its words: what is kept of it.
#[derive(Clone, Debug)]
pub(crate) struct Understood {
    pub(crate) intent: Intent,
    pub(crate) confidence: f32,
    pub(crate) entities: Entities,
    /// A yes with another's name: it counts as a no.
    pub(crate) another_name: bool,
    /// Whoever speaks says to be the person.
    pub(crate) the_person: bool,
    /// What else was meant, and how sure that is.
    pub(crate) also: Vec<(Intent, f32)>,
}

impl Understood {
    pub(crate) fn new(intent: Intent, confidence: f32, entities: Entities) -> Self {
        Self { intent, confidence, entities, another_name: false, the_person: false, also: Vec::new() }
    }
}

/// The values of one call.
#[derive(Clone)]
pub(crate) struct Memory {
    name: String,
    title: String,
    creditor: String,
    product: String,
    particulars: Particulars,
    due: Money,
    due_date: Date,
    today: Date,
    lang: Lang,
    rules: PromiseRules,
    pub(crate) identity: Who,
    promise_date: Option<Date>,
    promise_sum: Option<Money>,
    pub(crate) callback_date: Option<Date>,
    pub(crate) callback_time: Option<Time>,
    negotiation: Negotiation,
    channel: Option<PaymentChannel>,
    pub(crate) agents_back: AgentsBack,
}

impl Memory {
    pub(crate) fn new(case: &Case, lang: Lang, today: Date, rules: PromiseRules) -> Self {
        Self {
            name: case.name.clone(),
            title: case.title.clone(),
            creditor: case.creditor.clone(),
            product: case.product.clone(),
            particulars: case.particulars.clone(),
            due: case.due,
            due_date: case.due_date,
            today,
            lang,
            rules,
            identity: Who::Unconfirmed,
            promise_date: None,
            promise_sum: None,
            callback_date: None,
            callback_time: None,
            negotiation: negotiating::negotiation(case, today),
            channel: None,
            agents_back: None,
        }
    }

    /// An agent is to call back: no sooner than they are at work, and then where nothing else was said.
    pub(crate) fn wait_for_agents(&mut self) {
        let Some(back) = self.agents_back else { return };
        let date = self.callback_date.unwrap_or(back.date());
        let is_sooner = match self.callback_time {
            Some(time) => date.to_datetime(time) < back,
            None => date <= back.date(),
        };
        self.callback_date = Some(if is_sooner { back.date() } else { date });
        self.callback_time = if is_sooner { Some(back.time()) } else { self.callback_time };
    }

    /// What kind of product is owed on.
    pub(crate) fn kind(&self) -> ProductKind {
        self.particulars.kind
    }

    /// Who somebody says to be, beside the person of the case.
    pub(crate) fn naming(&self, text: &str) -> Naming {
        naming(self.lang, text, &self.name, &self.title)
    }

    /// The words of the case that may well be heard.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        [&self.name, &self.creditor, &self.product].into_iter().map(String::as_str).filter(|w| !w.is_empty())
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            identity: self.identity,
            promise_date: self.promise_date.is_some(),
            callback_date: self.callback_date.is_some(),
            callback_time: self.callback_time.is_some(),
            callback: self.callback_date.is_some() || self.callback_time.is_some(),
            plan: self.negotiation.table().is_some(),
            last_promise: self.last_promise().is_some(),
        }
    }

    /// Day and sum of the promise before.
    fn last_promise(&self) -> Option<(Date, Money)> {
        let p = &self.particulars;
        Some((p.last_promise_date?, self.sum(p.last_promise_amount)?))
    }

    /// A sum in the currency of the case.
    fn sum(&self, amount: Option<Decimal>) -> Option<Money> {
        Money::new(amount?, self.due.currency()).ok()
    }

    pub(crate) fn said<'u>(&'u self, utterance: &'u Understood) -> Said<'u> {
        let said = self.plainly(utterance);
        let of_paying = negotiating::of_paying(utterance, &said);
        let bargain = Bargain::new(&self.negotiation, of_paying, self.particulars.broken() > 0);
        said.in_negotiation(self.kind(), bargain)
    }

    /// What was said, without what it comes to in the negotiation.
    fn plainly<'u>(&self, utterance: &'u Understood) -> Said<'u> {
        let sum = self.promise_sum.unwrap_or(self.due);
        let said = Said::new(&utterance.entities, self.rules, self.due, self.today);
        let said = said.beside(self.promise_date, sum);
        said.who(utterance.another_name, utterance.the_person)
    }

    /// Takes down what an utterance has for `slots`; what it does not have stays as it was.
    pub(crate) fn take(&mut self, slots: &[Slot], utterance: &Understood) {
        let said = self.plainly(utterance);
        if slots.iter().any(|s| matches!(s, Slot::Wish | Slot::Plan | Slot::Counter | Slot::Offer)) {
            self.negotiation.hear(&negotiating::of_paying(utterance, &said));
        }
        for slot in slots {
            match slot {
                Slot::PromiseDate => self.promise_date = said.promise_date().or(self.promise_date),
                Slot::PromiseAmount => self.promise_sum = said.sum.or(self.promise_sum),
                Slot::Callback => {
                    // A new day or time is a new agreement: half of an old one would be nobody's word.
                    if said.date().is_some() || said.entities.time.is_some() {
                        self.callback_date = said.date();
                        self.callback_time = said.entities.time;
                    }
                }
                Slot::Wish => {}
                Slot::Plan => {
                    self.negotiation.take_plan();
                }
                Slot::Counter => {
                    self.negotiation.take_counter();
                }
                Slot::Offer => {
                    self.negotiation.take_offer();
                }
                Slot::LastPromiseDate => self.promise_date = self.last_promise().map(|p| p.0),
                Slot::LastPromiseAmount => {
                    // Part of it may have come in since: no more than what is due is promised.
                    let sum = self.last_promise().map(|p| p.1.amount().min(self.due.amount()));
                    self.promise_sum = self.sum(sum).or(self.promise_sum);
                }
                Slot::Channel => self.channel = said.entities.channel.or(self.channel),
            }
        }
    }

    /// What guards see of an utterance, in the callee's `turn`th turn.
    pub(crate) fn values(&self, said: &Said<'_>, turn: u32) -> Values {
        let ahead = |date: Option<Date>| date.map_or(-1, |d| i64::from((d - self.today).get_days()));
        Values {
            due: self.due.amount(),
            days_past_due: i64::from((self.today - self.due_date).get_days()),
            turn: turn.into(),
            sum: said.sum.map(|s| s.amount()).unwrap_or_default(),
            days: ahead(said.date()),
            count: said.entities.count.map(Into::into).unwrap_or_default(),
            promised_sum: self.promise_sum.unwrap_or(self.due).amount(),
            promised_days: ahead(self.promise_date),
            last_promise_days: ahead(self.last_promise().map(|p| p.0)),
            broken_promises: self.particulars.broken().into(),
        }
    }

    /// The promise as it was taken down: the plan on the table, or else day and sum.
    pub(crate) fn promise(&self) -> Option<Promise> {
        Some(Promise { channel: self.channel, ..self.payments()? })
    }

    /// What was said of paying, and what was offered.
    pub(crate) fn negotiation(&self) -> &Negotiation {
        &self.negotiation
    }

    /// The same without the way it will be paid.
    pub(crate) fn payments(&self) -> Option<Promise> {
        Some(match self.negotiation.table() {
            Some(plan) => negotiating::promise(plan),
            None => Promise::of(self.promise_date?, self.promise_sum.unwrap_or(self.due)),
        })
    }

    /// A wording with its values; none while one is missing.
    pub(crate) fn fill(&self, wording: &Template) -> Option<String> {
        wording.fill(|p| self.value(p))
    }

    /// What a placeholder stands for; none while it is not known.
    pub(crate) fn value(&self, p: Placeholder) -> Option<String> {
        let day = |d: Date| template::day(d, self.today, self.lang);
        let with_weekday = |d: Date| template::day_of_week(d, self.today, self.lang);
        let money = |m: Money| template::money(m, self.lang);
        match p {
            Placeholder::Name => Some(self.name.clone()),
            Placeholder::Title => Some(self.title.clone()),
            Placeholder::Address => Some(crate::address::address(&self.name, &self.title, self.lang)),
            Placeholder::Creditor => Some(self.creditor.clone()),
            Placeholder::Product => Some(self.product.clone()),
            Placeholder::Amount => Some(money(self.due)),
            Placeholder::DueDate => Some(day(self.due_date)),
            Placeholder::LatestDate => Some(with_weekday(latest_date(self.today, self.rules))),
            Placeholder::PromiseDate => self.promise_date.map(with_weekday),
            Placeholder::PromiseAmount => Some(money(self.promise_sum.unwrap_or(self.due))),
            Placeholder::CallbackDate => self.callback_date.map(with_weekday),
            Placeholder::CallbackTime => self.callback_time.map(|t| template::clock(t, self.lang)),
            Placeholder::CallbackWhen => {
                template::when(self.callback_date, self.callback_time, self.today, self.lang)
            }
            Placeholder::AccountTail => {
                self.particulars.account_tail.as_ref().map(|tail| tail.as_str().to_owned())
            }
            Placeholder::MinimumDue => self.sum(self.particulars.minimum_due).map(money),
            Placeholder::TotalBalance => self.sum(self.particulars.total_balance).map(money),
            Placeholder::InstallmentNo => self.particulars.installment_no.map(|n| n.to_string()),
            Placeholder::Collateral => self.particulars.collateral.clone(),
            Placeholder::DaysPastDue => {
                let days = (self.today - self.due_date).get_days();
                (days > 0).then(|| days.to_string())
            }
            Placeholder::Contact => self.particulars.contact.clone(),
            Placeholder::ReplyNumber => self.particulars.reply_number.clone(),
            Placeholder::LastPromiseDate => self.last_promise().map(|p| day(p.0)),
            Placeholder::LastPromiseAmount => self.last_promise().map(|p| money(p.1)),
            Placeholder::Approver => Some(self.approver()),
            Placeholder::AgentsBack => self
                .agents_back
                .and_then(|back| template::when(Some(back.date()), Some(back.time()), self.today, self.lang)),
            // They are filled in where an agent is sought.
            Placeholder::Agent | Placeholder::QueuePlace | Placeholder::QueueWait => None,
            _ => self.of_the_plan(p, self.negotiation.table()?),
        }
    }

    /// Who may allow more than the authority does.
    fn approver(&self) -> String {
        let whoever = match self.lang {
            Lang::Zh => "专员",
            Lang::En => "a specialist",
        };
        self.negotiation.authority().approver.clone().unwrap_or_else(|| whoever.to_owned())
    }

    fn of_the_plan(&self, p: Placeholder, plan: &Plan) -> Option<String> {
        let day = |d: Date| template::day_of_week(d, self.today, self.lang);
        let money = |m: Money| template::money(m, self.lang);
        match p {
            Placeholder::Plan => Some(negotiating::plan(plan, self.today, self.lang)),
            Placeholder::PlanTotal => Some(money(plan.total())),
            Placeholder::PlanDiscount => Some(money(plan.discount())),
            Placeholder::PlanParts => Some(negotiating::count(plan.parts().len(), self.lang)),
            Placeholder::PlanFirstAmount => Some(money(plan.first().sum)),
            Placeholder::PlanFirstDate => Some(day(plan.first().date)),
            Placeholder::PlanLastDate => Some(day(plan.last().date)),
            _ => None,
        }
    }
}
