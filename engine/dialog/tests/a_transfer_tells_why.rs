//! An agent is told why they are sought by what the callee said, not by the yes to being put through.
#![allow(clippy::unwrap_used)]

mod reminder;

use reminder::Talk;
use waihu_types::{Intent, Lang};

/// What an agent is sought for, once the person is confirmed and has said all this; none where nobody is.
fn wanted_for(lang: Lang, said: &[Intent]) -> Option<Intent> {
    let mut talk = Talk::answered(lang);
    talk.all_done(6_000);
    for intent in [Intent::Affirm].iter().chain(said) {
        talk.says(*intent);
        talk.all_done(2_000);
    }
    talk.bot.agent_wanted().map(|wanted| wanted.0)
}

#[test]
fn each_reason_leads_to_a_person_who_is_told_it() {
    use Intent as I;
    for lang in Lang::ALL {
        for (said, why) in [
            (&[I::RequestHuman][..], I::RequestHuman),
            (&[I::Distress], I::Distress),
            (&[I::Complaint, I::Affirm], I::Complaint),
            (&[I::Complaint, I::RequestHuman], I::Complaint),
            (&[I::RequestInstallments, I::Affirm], I::RequestInstallments),
            (&[I::Hardship, I::Affirm], I::Hardship),
            (&[I::DisputeDebt, I::Affirm], I::DisputeDebt),
            (&[I::RefuseToPay, I::Affirm], I::RefuseToPay),
            // Three times something that nobody could answer, and a yes to a person.
            (&[I::OutOfScope, I::OutOfScope, I::OutOfScope, I::Affirm], I::OutOfScope),
            (&[I::Hardship, I::Distress], I::Distress),
        ] {
            assert_eq!(wanted_for(lang, said), Some(why), "{lang}: {said:?}");
        }
        assert_eq!(wanted_for(lang, &[I::Complaint, I::Deny]), None, "no person is wanted");
    }
}
