//! What an agent sees of a call before they answer, and of a case before its call.

use waihu_agents::desk;
use waihu_campaign::Past;
use waihu_types::{Intent, Mood};

use crate::{legs, plant::Order};

/// What an agent sees of a call before they answer, and of a case before its call.
pub(crate) fn card(
    order: &Order,
    so_far: waihu_dialog::SoFar,
    (reason, skills): (Option<Intent>, Vec<String>),
    mood: Option<Mood>,
) -> desk::Card {
    let case = &order.case;
    let authority = so_far.authority;
    desk::Card {
        campaign: order.campaign.clone(),
        case: case.id.clone(),
        name: case.name.clone(),
        title: case.title.clone(),
        lang: order.lang,
        creditor: case.creditor.clone(),
        product: case.product.clone(),
        due: case.due,
        due_date: case.due_date,
        time_zone: case.zone_of(&order.number).to_owned(),
        reason,
        skills,
        identity: so_far.identity,
        debt_disclosed: so_far.debt_disclosed,
        mood,
        intents: so_far.intents,
        table: so_far.table,
        offers: so_far.offers,
        authority: desk::Authority {
            least_part: authority.least_part,
            max_parts: authority.max_parts,
            max_delay_days: authority.delay_days(case.particulars.broken()),
            max_span_days: authority.max_span_days,
            discounts: authority.discounts.iter().map(ToString::to_string).collect(),
            approver: authority.approver,
        },
        history: order.history.iter().map(earlier).collect(),
        wanted_at: legs::wall_now(),
        asked_by: None,
    }
}

fn earlier(past: &Past) -> desk::Earlier {
    desk::Earlier { at: past.dialled_at, disposition: past.disposition, promised: past.promised }
}
