//! Reports: the plans, what was made of them and how that is getting on, one as it would be now.
use std::time::Duration;

use crate::common::{now, server_with_reports};
use serde_json::json;
use waihu_api::{ReportPlanned, Reports};
use waihu_store::{ByMail, Role, Sent};
use waihu_types::WallTime;

fn reports() -> Reports {
    let daily = ReportPlanned {
        name: "daily".into(),
        every: "day",
        hour: 8,
        zone: "Asia/Shanghai".into(),
        campaigns: Vec::new(),
        mail: vec!["ops@bank.example".into()],
        next_at: Some(WallTime::from_unix_millis(1_795_824_000_000)),
    };
    Reports {
        planned: Box::new(move |_| vec![daily.clone()]),
        preview: Box::new(|name| {
            let made = (name == "daily").then(|| ("2026-11-26".into(), "<p>".into(), "a,b".into()));
            Box::pin(async move { Ok(made) })
        }),
        mails: true,
    }
}

#[tokio::test]
async fn plans_are_told_and_one_is_made_to_look_at() {
    let server = server_with_reports(Some(reports())).await;
    let token = server.token(Role::Operations).await;
    let told = server.get(&token, "/v1/reports").await.body;
    assert_eq!(
        (&told["mails"], &told["items"][0]["next_at"]),
        (&json!(true), &json!("2026-11-28T00:00:00.000Z"))
    );
    let seen = server.get(&token, "/v1/reports/daily/preview").await.body;
    assert_eq!(seen, json!({"report": "daily", "period": "2026-11-26", "html": "<p>", "csv": "a,b"}));
    assert_eq!(server.get(&token, "/v1/reports/none/preview").await.status, 404);
    assert_eq!(server.get(&token, "/v1/reports/made").await.body["items"], json!([]), "nothing was kept");
    assert_eq!(server.get(&server.token(Role::Agent).await, "/v1/reports").await.status, 403);

    let without = server_with_reports(None).await;
    let token = without.token(Role::Operations).await;
    assert_eq!(without.get(&token, "/v1/reports").await.body, json!({"mails": false, "items": []}));
    assert_eq!(without.get(&token, "/v1/reports/daily/preview").await.status, 404);
}

#[tokio::test]
async fn what_was_made_is_read_by_pages_with_how_it_is_getting_on() {
    let server = server_with_reports(Some(reports())).await;
    let token = server.token(Role::Operations).await;
    let store = &server.store;
    let begun = now();
    for (day, by_mail) in
        ["23", "24", "25", "26"].iter().zip([ByMail::No, ByMail::Too, ByMail::Too, ByMail::Too])
    {
        let period = format!("2026-11-{day}");
        let at = begun.plus(Duration::from_secs(day.parse().unwrap()));
        assert!(store.keep_report(("daily", &period), ("<b>", "c,d"), by_mail, at).await.unwrap());
    }
    store.settle_report(("daily", "2026-11-24"), Sent::Taken, begun).await.unwrap();
    let later = Sent::Again { at: begun, told: "450 mailbox busy" };
    store.settle_report(("daily", "2026-11-25"), later, begun).await.unwrap();
    store.settle_report(("daily", "2026-11-26"), Sent::Failed { told: "550 no" }, begun).await.unwrap();

    let first = server.get(&token, "/v1/reports/made?limit=3").await.body;
    let of = |page: &serde_json::Value| -> Vec<(String, String)> {
        let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(|r| (text(&r["period"]), text(&r["state"]))).collect()
    };
    let expected = [("2026-11-26", "failed"), ("2026-11-25", "waiting"), ("2026-11-24", "sent")];
    assert_eq!(of(&first), expected.map(|(p, s)| (p.to_owned(), s.to_owned())));
    assert_eq!((&first["items"][0]["told"], &first["items"][0]["next_at"]), (&json!("550 no"), &json!(null)));
    assert_eq!(first["items"][1]["told"], "450 mailbox busy");
    let next = first["next"].as_str().unwrap();
    let rest = server.get(&token, &format!("/v1/reports/made?limit=3&cursor={next}")).await.body;
    assert_eq!(of(&rest), [("2026-11-23".to_owned(), "kept".to_owned())]);
    assert_eq!(rest["next"], json!(null));

    let one = server.get(&token, "/v1/reports/daily/2026-11-24").await.body;
    assert_eq!((&one["html"], &one["csv"]), (&json!("<b>"), &json!("c,d")));
    assert_eq!(server.get(&token, "/v1/reports/daily/2026-11-20").await.status, 404);
}
