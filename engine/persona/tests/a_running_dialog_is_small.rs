//! What a running dialog holds beside the script that all calls share.

mod counting;
mod flows;

use flows::promise::{call, words};
use waihu_dialog::Interpreter;
use waihu_persona::Scene;
use waihu_types::Lang;

/// Ten thousand calls at once are 40 MB.
const MOST_BYTES: isize = 4_096;

#[test]
fn a_running_dialog_holds_less_than_four_kibibytes() {
    let script = flows::flow("reminder");
    for lang in Lang::ALL {
        let scene = Scene::new(lang, 1);
        let words = words(&scene);
        let before = counting::held();
        let mut most = 0;
        let (_, ended) = call(&script, &scene, &words, |_| most = most.max(counting::held() - before));
        assert_eq!(ended, "promise_to_pay");
        let most = most + size_of::<Interpreter>().cast_signed();
        assert!((1..MOST_BYTES).contains(&most), "{most} bytes");
    }
}
