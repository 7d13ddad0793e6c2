use std::sync::LazyLock;

use waihu_compliance::Profile;
use waihu_types::{CaseId, SplitMix64};

use super::*;
use crate::{
    Placement, Settings, Strategy,
    day::{Plan, Report, run, truth},
};

/// Simulated days, and the examples that their calls are.
static DAY: LazyLock<(Report, Vec<Example>)> = LazyLock::new(|| {
    let text = include_str!("../../../compliance/cn.toml");
    let profile = Profile::parse("compliance/cn.toml", text, |_| None).unwrap_or_else(|e| panic!("{e}"));
    let mut plan = Plan::typical(9_000, 11);
    (plan.days, plan.most_calls) = (5, 45_000);
    plan.campaigns.iter_mut().for_each(|campaign| campaign.cases *= 3);
    let report = run(&plan, &profile);
    let examples = report.examples();
    (report, examples)
});

fn weight(part: &Logistic, name: &str) -> f64 {
    part.weights
        .iter()
        .find(|w| w.name == name)
        .map(|w| w.weight / w.deviation)
        .unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn what_was_put_into_the_day_is_found_and_pays_on_later_calls() {
    let trained = train(DAY.1.clone(), "a simulated day").unwrap();
    let model = &trained.model;
    let answers = model.answers.as_ref().expect("something is found");
    // By the hour: what was found goes with what was put in.
    let hours: Vec<(f64, f64)> = (8..22)
        .filter(|hour| answers.weights.iter().any(|w| w.name == format!("hour={hour}")))
        .map(|hour| (truth::BY_HOUR[hour], weight(answers, &format!("hour={hour}"))))
        .collect();
    let mean = |of: fn(&(f64, f64)) -> f64| hours.iter().map(of).sum::<f64>() / hours.len() as f64;
    let (mx, my) = (mean(|h| h.0), mean(|h| h.1));
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| hours.iter().map(of).sum::<f64>();
    let together = sum(&|h| (h.0 - mx) * (h.1 - my))
        / (sum(&|h| (h.0 - mx).powi(2)) * sum(&|h| (h.1 - my).powi(2))).sqrt();
    assert!(together > 0.8, "{together} {hours:?}");
    let grades: Vec<f64> =
        truth::BY_GRADE.iter().map(|(g, _)| weight(answers, &format!("grade={g}"))).collect();
    assert!(grades.is_sorted_by(|a, b| a > b), "{grades:?}");
    assert!(weight(answers, "number=mobile") > weight(answers, "number=home"));
    let pays = model.pays.as_ref().expect("something is found");
    assert!(weight(pays, "days_past_due") < 0.0 && weight(pays, "grade=M1") > weight(pays, "grade=M4"));
    assert!(pays.weights.iter().all(|w| !w.name.starts_with("hour")), "an hour does not pay");
    for (judged, lift) in [(&model.answers_judged, 1.25), (&model.pays_judged, 1.25)] {
        assert!(judged.auc > 0.57 && judged.log_loss < judged.log_loss_base, "{judged:?}");
        assert!(judged.lift_10 > lift && judged.lift_10 > judged.lift_20 - 0.1, "{judged:?}");
        assert!(judged.calibration_error < 0.06, "{judged:?}");
    }
    assert!(trained.answers_gains[20] > 0.22 && trained.answers_gains[100] == 1.0);
    let json = serde_json::to_string(model).unwrap();
    let read = ContactModel::parse(&json).unwrap();
    for case in &DAY.0.cases[..50] {
        let asked = Asked {
            case,
            kind: PhoneKind::Mobile,
            past: &[],
            local: jiff::civil::datetime(2026, 12, 1, 9, 0, 0, 0),
        };
        assert!((read.pays(&asked).unwrap() - model.pays(&asked).unwrap()).abs() < 1e-9);
    }
    assert_eq!(
        ContactModel::parse(&json.replace("\"version\":1", "\"version\":9")),
        Err(InvalidModel::Version(9))
    );
    assert!(matches!(ContactModel::parse("{}"), Err(InvalidModel::Shape(_))));
    let zero = json.replacen("\"deviation\":0.", "\"deviation\":-0.", 1);
    assert!(matches!(ContactModel::parse(&zero), Err(InvalidModel::Weight(_))));
}

#[test]
fn in_noise_nothing_is_found() {
    for seed in 0..4 {
        let mut random = SplitMix64::new(seed);
        let mut examples = DAY.1.clone();
        for example in &mut examples {
            example.answered = random.next_u64() % 10 < 3;
            example.pays = example.answered.then(|| random.next_u64() % 10 < 4);
        }
        let model = train(examples, "noise").unwrap().model;
        assert!(
            model.answers.is_none() && model.pays.is_none(),
            "{:?} {:?}",
            model.answers_judged,
            model.pays_judged
        );
    }
    assert_eq!(train(DAY.1[..50].to_vec(), "few").unwrap_err(), NoModel::TooFew(50));
}

#[test]
fn an_example_knows_nothing_of_what_came_after_it() {
    let (report, _) = &*DAY;
    let mut by_case = std::collections::BTreeMap::<&CaseId, (usize, Vec<Past>)>::new();
    for call in &report.calls {
        by_case
            .entry(&report.cases[call.case].id)
            .or_insert((call.case, Vec::new()))
            .1
            .push(call.past.clone());
    }
    let several = by_case.values().filter(|(_, calls)| calls.len() >= 3).take(200);
    let mut compared = 0;
    for (case, calls) in several {
        let case = &report.cases[*case];
        let whole = examples(case, calls, false);
        for n in 1..calls.len() {
            let mut early = calls[..n].to_vec();
            early.reverse();
            assert_eq!(examples(case, &early, false), whole[..n], "with or without what came later");
            compared += 1;
        }
        assert_eq!(
            whole[0].features.iter().find(|(name, _)| name == "attempts"),
            Some(&("attempts".to_owned(), 0.0))
        );
        assert!(
            examples(case, calls, true).iter().filter_map(|e| e.pays).all(|pays| pays),
            "it has been paid since"
        );
    }
    assert!(compared > 300, "{compared}");
    // A call that was not over yet when the next one was dialled is not known of.
    let case = &report.cases[report.calls[0].case];
    let mut first = report.calls[0].past.clone();
    let second = Past { dialled_at: first.ended_at, ..first.clone() };
    first.ended_at = second.dialled_at.plus(std::time::Duration::from_secs(1));
    let both = examples(case, &[first, second], false);
    assert!(both[1].features.contains(&("last=none".to_owned(), 1.0)), "{:?}", both[1].features);
}

#[test]
fn a_strategy_ranks_by_the_model_and_waits_for_the_hour_in_which_its_debtor_answers() {
    let model = train(DAY.1.clone(), "a simulated day").unwrap().model;
    let text = "[rank]\npropensity = 1000\n[day]\nparts = [\"08:00-12:00\", \"12:00-21:00\"]\n\
        [best_time]\nlook_ahead = \"12 hours\"\ngain_percent = 120\n\
        [[rule]]\nid = \"all\"\nzh = \"全部\"\nen = \"all\"\nrank = 1\n";
    let plain = Strategy::parse("x", text).unwrap();
    let strategy = plain.clone().with_model(model.clone());
    let (report, _) = &*DAY;
    let graded = |grade: &str| {
        let cases = report.cases.iter();
        cases.filter(|case| case.dossier.risk_grade.as_deref() == Some(grade)).take(100).collect::<Vec<_>>()
    };
    let morning: WallTime = "2026-11-26T01:00:00Z".parse().unwrap();
    let mean =
        |grade| graded(grade).iter().filter_map(|case| strategy.rank(case, morning)).sum::<i64>() / 100;
    assert!(mean("M1") > mean("M4") + 50, "{} {}", mean("M1"), mean("M4"));
    let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
    let placed = |strategy: &Strategy| match strategy.place(&settings, graded("M2")[0], &[], morning) {
        Placement::Call(next) => next,
        Placement::Never { rule } => panic!("{rule}"),
    };
    assert_eq!(placed(&plain).due_at, morning);
    // A campaign keeps the model inside its strategy.
    let named = format!("propensity = \"models/contact/x.json\" # mine\n{text}");
    assert_eq!(Strategy::parse("x", &named).unwrap().propensity_path(), Some("models/contact/x.json"));
    let kept = Strategy::with_model_inside(&named, &model);
    let kept = Strategy::parse("x", &kept).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((placed(&kept), kept.propensity_path()), (placed(&strategy), None));
    let wrong = Strategy::parse("x", &named.replace("models/contact/x.json", "{}")).unwrap_err().to_string();
    assert!(wrong.starts_with("x:1: no contact model"), "{wrong}");
    let waits = placed(&strategy);
    let hour = (waits.due_at.unix_millis() / 3_600_000 + 8) % 24;
    assert!((11..=20).contains(&hour) && waits.why.ends_with("best_time"), "{waits:?}");
}
