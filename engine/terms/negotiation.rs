//! One negotiation: what was asked, what was offered, and what is on the table.
//!
//! It opens with all of it soon, and concedes in a fixed order: all of it at the latest day; a part
//! now and the rest later; equal parts, more from offer to offer; at last a discount, step by step.
//! What it offers only ever becomes easier ([`crate::Ease`]), so that nothing is offered twice and
//! the offers come to an end.

use jiff::{ToSpan, civil::Date};
use rust_decimal::{Decimal, RoundingStrategy};
use waihu_types::Money;

use crate::{
    authority::Authority,
    calendar::Calendar,
    judge::{Bounds, Judgement},
    plan::{Ease, Plan, Shape, Window},
    wish::{Said, Wish},
};

/// When the opening asks to be paid [days from the call]: a transfer to another bank, and the walk
/// to a counter, take no longer.
const SOON_DAYS: i32 = 3;

/// What was said and offered about one debt in one call.
#[derive(Clone, Debug)]
pub struct Negotiation {
    bounds: Bounds,
    wish: Wish,
    /// The last day that the callee named beyond the opening's: when there will be money.
    payday: Option<Date>,
    /// How easy the last offer was.
    offered: Option<Ease>,
    discount_offered: Money,
    table: Option<Plan>,
}

/// Days after `today`, or the last day that can be written.
pub(crate) fn after(today: Date, days: i32) -> Date {
    today.checked_add(days.days()).unwrap_or(Date::MAX)
}

impl Negotiation {
    /// About `due`, on the day that is `today` at the callee's place, with someone who has broken
    /// `broken` promises before.
    pub fn new(due: Money, today: Date, authority: Authority, calendar: Calendar, broken: u32) -> Self {
        let first_by = after(today, authority.delay_days(broken).into());
        let last_by = after(today, authority.max_span_days.into());
        let window = Window { calendar, today, first_by, last_by };
        let soon = window.first(after(today, SOON_DAYS));
        let bounds = Bounds { due, authority, window, soon };
        Self {
            discount_offered: bounds.nothing(),
            bounds,
            wish: Wish::default(),
            payday: None,
            offered: None,
            table: None,
        }
    }

    /// The authority within which it goes.
    pub fn authority(&self) -> &Authority {
        &self.bounds.authority
    }

    /// What the callee wants so far.
    pub fn wish(&self) -> Wish {
        self.wish
    }

    /// The plan that is talked about.
    pub fn table(&self) -> Option<&Plan> {
        self.table.as_ref()
    }

    /// Adds what was said to the wish.
    pub fn hear(&mut self, said: &Said) {
        self.wish = self.wish.with(said);
        self.payday = said.date.filter(|d| *d > self.bounds.soon).or(self.payday);
    }

    /// What a wish comes to. A counter is easier on the debtor than whatever was offered before it.
    pub fn judge(&self, wish: &Wish) -> Judgement {
        match self.bounds.judge(wish, self.discount_offered) {
            Judgement::Counter(plan) if !self.is_new(&plan) => {
                self.next_offer().map_or(Judgement::Beyond, Judgement::Counter)
            }
            judgement => judgement,
        }
    }

    /// Puts the callee's own plan on the table, where it may be agreed.
    pub fn take_plan(&mut self) -> Option<&Plan> {
        if let Judgement::Within(plan) = self.judge(&self.wish) {
            self.lay(plan);
            return self.table();
        }
        None
    }

    /// Puts on the table what comes nearest to the wish, where that itself may not be agreed.
    pub fn take_counter(&mut self) -> Option<&Plan> {
        if let Judgement::Counter(plan) = self.judge(&self.wish) {
            self.note_offer(&plan);
            self.lay(plan);
            return self.table();
        }
        None
    }

    /// Puts the next concession on the table; none where all was offered.
    pub fn take_offer(&mut self) -> Option<&Plan> {
        let plan = self.next_offer()?;
        self.note_offer(&plan);
        self.lay(plan);
        self.table()
    }

    /// Whether [`Self::take_offer`] has one more.
    pub fn has_more_to_offer(&self) -> bool {
        self.next_offer().is_some()
    }

    fn lay(&mut self, plan: Plan) {
        self.wish = Wish::of(&plan);
        self.table = Some(plan);
    }

    fn note_offer(&mut self, plan: &Plan) {
        self.offered = Some(plan.ease());
        self.discount_offered = plan.discount();
    }

    fn is_new(&self, plan: &Plan) -> bool {
        self.offered.is_none_or(|offered| plan.ease() > offered)
    }

    /// Whoever asks for parts is not offered one payment while there are parts to offer.
    fn next_offer(&self) -> Option<Plan> {
        let mut offers: Vec<Plan> = self.ladder().into_iter().filter(|plan| self.is_new(plan)).collect();
        let in_parts = |plan: &Plan| plan.parts().len() > 1;
        let wanted = self.wish.part || self.wish.parts;
        let at = if wanted { offers.iter().position(in_parts) } else { None };
        (!offers.is_empty()).then(|| offers.swap_remove(at.unwrap_or(0)))
    }

    /// Every offer there is, from the hardest to the easiest.
    fn ladder(&self) -> Vec<Plan> {
        let Bounds { due, authority, window, soon } = &self.bounds;
        let payday = self.payday.filter(|d| *d <= window.first_by);
        let mut offers = vec![
            self.parts(Shape::Equal(1), *soon),
            self.parts(Shape::Equal(1), window.first_by),
            self.parts(Shape::First(self.first_part(), 2), *soon),
        ];
        // Not every number: from three it doubles, so that few offers lead to the last.
        let most = authority.parts_at_most(*due);
        let doubling = std::iter::successors(Some(3_u32), |n| n.checked_mul(2)).take_while(|n| *n < most);
        let counts = doubling.chain((most > 1).then_some(most));
        offers.extend(counts.map(|n| self.parts(Shape::Equal(n), payday.unwrap_or(*soon))));
        // A step that was offered for one day is not offered again for a later one.
        let steps = authority.discounts.iter().map(|step| Authority::waived(*step, *due));
        let open = steps.filter(|waived| waived.amount() > self.discount_offered.amount());
        offers.extend(open.map(|waived| self.bounds.settlement(waived, window.first_by)));
        offers.into_iter().flatten().collect()
    }

    fn parts(&self, shape: Shape, date: Date) -> Option<Plan> {
        let sums = self.bounds.allowed(shape)?;
        let window = &self.bounds.window;
        let count = shape.count(self.bounds.due);
        let dates = window.monthly(date, count).or_else(|| window.weekly(date, count))?;
        Plan::new(self.bounds.nothing(), &sums, &dates)
    }

    /// What is asked for now where the rest may come later: what the callee said to have, else half,
    /// in whole units of the currency.
    fn first_part(&self) -> Money {
        let Bounds { due, authority, .. } = &self.bounds;
        let own = self.wish.sum.filter(|_| !self.wish.each && !self.wish.ours);
        let half = (due.amount() / Decimal::TWO).round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
        let first = own.map_or(half, |s| s.amount()).max(authority.least_part.amount());
        Money::new(first, due.currency()).unwrap_or(*due)
    }
}
