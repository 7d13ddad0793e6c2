//! The drawing of a flow holds all of it, and is well-formed.
#![allow(clippy::unwrap_used)]

mod reminder;

use waihu_types::Lang;

#[test]
fn every_state_and_every_way_of_the_shipped_flow_is_drawn() {
    let script = reminder::script();
    for lang in Lang::ALL {
        let svg = script.graph(lang);
        assert_eq!(svg.matches("class=\"name\"").count(), script.state_count() + 1, "{lang}: a box a state");
        for state in ["greet", "read_back", "transfer", "end_promise", "end_voicemail"] {
            assert!(svg.contains(&format!("{state}</text>")), "{lang}: {state}");
        }
        // From everywhere once, beside, and from the three where an agent is called: not from each state.
        assert_eq!(svg.matches("end_stop_calling</text>").count(), 5, "{lang}");
        assert!(svg.contains("promise_to_pay, affirm, out_of_scope") && svg.contains("same_promise"));
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
    assert!(script.graph(Lang::Zh).contains("您好") && script.graph(Lang::En).contains("Hello"));
}

#[test]
fn drawing_twice_gives_the_same() {
    let script = reminder::script();
    assert_eq!(script.graph(Lang::En), script.graph(Lang::En));
}
