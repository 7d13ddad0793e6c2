//! Attempts and outcomes to test with.

pub mod older;
pub mod postgres;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use sqlx::AnyPool;
use tempfile::TempDir;
use waihu_compliance::Gate;
use waihu_store::{Location, NewAttempt, Passage, Store};
use waihu_types::{
    AnsweredBy, CampaignId, Case, Currency, Disposition, Identity, Lang, Money, Outcome, PhoneNumber,
    Promise, Redial, ScriptVersion, WallTime,
};

/// Ten years: longer than any test's time.
const FOR_EVER: Duration = Duration::from_secs(315_360_000);

/// A database of a test's own, that several processes may have open.
pub struct Ground {
    address: String,
    folder: Option<TempDir>,
}

impl Ground {
    /// On a file.
    pub fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { address: folder.path().join("outcomes.db").display().to_string(), folder: Some(folder) }
    }

    /// On a server.
    pub async fn server() -> Self {
        Self { address: postgres::shared().database().await, folder: None }
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.folder.is_some()
    }

    /// What [`Store::connect`] opens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        assert!(self.folder.is_some());
        PathBuf::from(&self.address)
    }

    /// Opens it as a process that lives.
    pub async fn store(&self) -> Store {
        let store = Store::connect(&self.address).await.unwrap();
        if let Location::Server { .. } = store.location() {
            store.join("test", at(0), FOR_EVER).await.unwrap();
        }
        store
    }

    /// Opens it for statements of the test's own; an empty file where there is none yet.
    pub async fn raw(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        let address =
            if self.is_file() { format!("sqlite:{}?mode=rwc", self.address) } else { self.address.clone() };
        AnyPool::connect(&address).await.unwrap()
    }

    /// What a process's death leaves: on a server its lease is over some time.
    pub async fn die(&self, store: Store) {
        if let Location::Server { .. } = store.location() {
            self.seem_dead(&store).await;
        }
        drop(store);
    }

    /// Makes a process that lives look like a dead one: a person removed the lock files, or the server was out
    /// of its reach for as long as its lease.
    pub async fn seem_dead(&self, store: &Store) {
        match store.location() {
            Location::File(path) => {
                let _ = std::fs::remove_dir_all(format!("{}.locks", path.display()));
            }
            Location::Server { .. } => {
                store.renew(WallTime::from_unix_millis(0), Duration::from_secs(1)).await.unwrap();
            }
        }
    }
}

/// Runs each of these claims on a file and on a server.
macro_rules! on_both {
    ($($claim:ident),+ $(,)?) => { $(
        mod $claim {
            #[tokio::test]
            async fn on_sqlite() {
                super::$claim(crate::common::Ground::file()).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$claim(crate::common::Ground::server().await).await;
            }
        }
    )+ };
}
pub(crate) use on_both;

/// `s` seconds after the tests' beginning.
pub fn at(s: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000)
}

/// The way to machines of one's own.
pub fn free() -> Passage {
    Passage::new(Gate::laboratory(), "Asia/Shanghai")
}

pub fn campaign() -> CampaignId {
    "november".parse().unwrap()
}

fn script() -> ScriptVersion {
    ScriptVersion {
        name: "reminder".into(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    }
}

fn models() -> BTreeMap<String, String> {
    BTreeMap::from([("asr".into(), "whisper-base@1.0.0".into())])
}

/// A number of each case's own.
pub fn number(case: &str) -> PhoneNumber {
    let digits: String = case.chars().filter(char::is_ascii_digit).collect();
    format!("100{}", if digits.is_empty() { "1" } else { &digits }).parse().unwrap()
}

pub fn attempt(id: &str, case: &str, s: i64) -> NewAttempt {
    NewAttempt {
        attempt: id.parse().unwrap(),
        campaign: Some(campaign()),
        case: case.parse().unwrap(),
        callee: number(case),
        script: script(),
        models: models(),
        dialled_at: at(s),
        own_number: true,
    }
}

/// An outcome that goes with [`attempt`] at 0 s; answered where the disposition says so.
pub fn outcome(id: &str, case: &str, disposition: Disposition) -> Outcome {
    let answered = disposition == Disposition::PromiseToPay;
    Outcome {
        version: waihu_types::OUTCOME_VERSION,
        attempt: id.parse().unwrap(),
        campaign: Some(campaign()),
        case: case.parse().unwrap(),
        callee: number(case),
        dialled_at: at(0),
        answered_at: answered.then(|| at(5)),
        ended_at: at(40),
        answered_by: if answered { AnsweredBy::Human } else { AnsweredBy::Nobody },
        announcement: None,
        told: None,
        mood: None,
        identity: if answered { Identity::Confirmed } else { Identity::Unconfirmed },
        debt_disclosed: answered,
        disposition,
        promise: answered.then(|| {
            Promise::of(jiff::civil::date(2026, 11, 27), Money::parse("3250", Currency::CNY).unwrap())
        }),
        callback: None,
        follow_ups: Vec::new(),
        intents: vec![],
        handover: None,
        script: script(),
        models: models(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: waihu_campaign::redial(disposition, at(40), 1),
    }
}

pub fn redial_from(o: &Outcome) -> (String, WallTime) {
    match &o.redial {
        Redial::Allowed { rule, not_before } => (rule.clone(), *not_before),
        Redial::No { rule } => panic!("{rule}"),
    }
}

/// A case as a lender tells it.
pub fn case(id: &str) -> Case {
    serde_json::from_value(serde_json::json!({
        "id": id, "phone": "1001", "name": "张伟", "lang": "zh", "creditor": "安信银行", "product": "信用卡",
        "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15"
    }))
    .unwrap()
}
