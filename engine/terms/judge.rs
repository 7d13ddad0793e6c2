//! Whether what the callee wants may be agreed, and what comes nearest to it where it may not.

use jiff::civil::Date;
use waihu_types::Money;

use crate::{
    authority::Authority,
    plan::{Plan, Shape, Window},
    wish::Wish,
};

/// What a wish comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Something must be asked first.
    Incomplete(Missing),
    /// It may be agreed, and this is how.
    Within(Plan),
    /// It may not; this may, and comes nearest.
    Counter(Plan),
    /// It may not, and nothing is left that was not offered: only the authority's approver can say
    /// more.
    Beyond,
}

/// What a wish lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// How much.
    Sum,
    /// When.
    Date,
    /// In how many parts.
    Count,
}

/// One debt, and what may be agreed about it.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) due: Money,
    pub(crate) authority: Authority,
    pub(crate) window: Window,
    /// The day of the first of our own offers.
    pub(crate) soon: Date,
}

impl Bounds {
    /// What `wish` comes to, before it is asked what was offered already.
    pub(crate) fn judge(&self, wish: &Wish, discount_offered: Money) -> Judgement {
        if wish.less {
            return self.judge_less(wish, discount_offered);
        }
        let shape = match self.shape(wish) {
            Ok(shape) => shape,
            Err(missing) => return Judgement::Incomplete(missing),
        };
        match (self.allowed(shape), wish.date) {
            (Some(_), None) => Judgement::Incomplete(Missing::Date),
            (Some(sums), Some(date)) if self.allows_first(date) => {
                let dates = self.window.monthly(date, shape.count(self.due));
                dates
                    .and_then(|dates| Plan::new(self.nothing(), &sums, &dates))
                    .map_or_else(|| self.nearest(shape, wish.date), Judgement::Within)
            }
            _ => self.nearest(shape, wish.date),
        }
    }

    pub(crate) fn nothing(&self) -> Money {
        Money::new(0.into(), self.due.currency()).unwrap_or(self.due)
    }

    fn allows_first(&self, date: Date) -> bool {
        (self.window.today..=self.window.first_by).contains(&date)
    }

    /// How the due is to be divided; what is missing where that is not said.
    fn shape(&self, wish: &Wish) -> Result<Shape, Missing> {
        // Who can pay all that is due, or more, can pay at once.
        let sum = wish.sum.filter(|s| s.amount() < self.due.amount());
        let rest = u32::from(wish.rest);
        match (sum, wish.count) {
            (Some(each), _) if wish.each => Ok(Shape::Each(each)),
            (Some(first), Some(count)) => Ok(Shape::First(first, count.saturating_add(rest).max(2))),
            (Some(first), None) => Ok(Shape::First(first, 2)),
            (None, _) if wish.sum.is_some() => Ok(Shape::Equal(1)),
            (None, Some(_)) if wish.rest => Err(Missing::Sum),
            (None, Some(count)) => Ok(Shape::Equal(count.max(1))),
            (None, None) if wish.part => Err(Missing::Sum),
            (None, None) if wish.parts => Err(Missing::Count),
            (None, None) => Ok(Shape::Equal(1)),
        }
    }

    /// The sums of a shape, where they may be agreed: not too many, and none below the least but
    /// what remains at the end.
    pub(crate) fn allowed(&self, shape: Shape) -> Option<Vec<Money>> {
        if shape.count(self.due) > u32::from(self.authority.max_parts) {
            return None;
        }
        let sums = shape.divide(self.due)?;
        let least = self.authority.least_part.amount();
        let (_, all_but_last) = sums.split_last()?;
        all_but_last.iter().all(|s| s.amount() >= least).then_some(sums)
    }

    /// What comes nearest to a shape from `date` on: its first sum where that is enough, and as many
    /// of its parts as may be.
    fn nearest(&self, shape: Shape, date: Option<Date>) -> Judgement {
        let count = shape.count(self.due);
        let most = count.min(u32::from(self.authority.max_parts));
        let least = self.authority.least_part;
        for n in (1..=most).rev() {
            let like = match shape {
                Shape::Each(sum) if n == count && sum.amount() >= least.amount() => shape,
                Shape::First(first, _) if first.amount() < least.amount() => Shape::First(least, n),
                Shape::First(first, _) => Shape::First(first, n),
                Shape::Equal(_) | Shape::Each(_) => Shape::Equal(n),
            };
            // Who cannot pay it at once is not helped by paying all of it on the same day.
            let date = match date {
                Some(date) if n > 1 || count == 1 => date,
                None if n > 1 => self.soon,
                _ => self.window.first_by,
            };
            let Some(sums) = self.allowed(like) else { continue };
            let dates = self.window.monthly(date, n).or_else(|| self.window.weekly(date, n));
            if let Some(plan) = dates.and_then(|dates| Plan::new(self.nothing(), &sums, &dates)) {
                return Judgement::Counter(plan);
            }
        }
        Judgement::Beyond
    }

    /// The next step of a discount after one that waives `offered`.
    pub(crate) fn next_discount(&self, offered: Money) -> Option<Money> {
        let steps = self.authority.discounts.iter().map(|step| Authority::waived(*step, self.due));
        steps.filter(|w| w.amount() < self.due.amount()).find(|w| w.amount() > offered.amount())
    }

    /// The due without `waived`, paid at once about `date`.
    pub(crate) fn settlement(&self, waived: Money, date: Date) -> Option<Plan> {
        let total = Money::new(self.due.amount() - waived.amount(), self.due.currency()).ok()?;
        Plan::new(waived, &[total], &[self.window.first(date)])
    }

    /// A wish to pay less: a sum that the largest step allows may be agreed; else the next step is
    /// offered, one at a time.
    fn judge_less(&self, wish: &Wish, offered: Money) -> Judgement {
        let sum = wish.sum.filter(|_| !wish.each).map(|s| s.amount().min(self.due.amount()));
        let most = self.authority.discounts.last().map(|step| Authority::waived(*step, self.due));
        let date = wish.date.unwrap_or(self.window.first_by);
        let asked = sum.map(|s| self.due.amount() - s);
        if let (Some(asked), Some(most)) = (asked, most)
            && asked <= most.amount()
            && let Ok(waived) = Money::new(asked, self.due.currency())
        {
            let plan = self.settlement(waived, date);
            return match (wish.date, plan) {
                (None, _) => Judgement::Incomplete(Missing::Date),
                (Some(day), Some(plan)) if self.allows_first(day) => Judgement::Within(plan),
                (_, plan) => plan.map_or(Judgement::Beyond, Judgement::Counter),
            };
        }
        let next = self.next_discount(offered).and_then(|waived| self.settlement(waived, date));
        next.map_or(Judgement::Beyond, Judgement::Counter)
    }
}
