//! The oldest program that may run beside today's, as far as it writes: what it said to its store, word for word.
//!
//! These are the statements of the first program whose migrations are what they are today. They are never changed to
//! fit a new schema: it is the schema that has to fit them.

use serde_json::json;
use sqlx::{Any, AnyPool, any::AnyArguments, migrate::Migrator, query::Query};

use super::{Ground, at, number};

/// The newest migration that it knows.
pub const OLDEST: i64 = 8;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Today's migrations, for SQLite and for PostgreSQL.
pub fn all() -> [&'static Migrator; 2] {
    [&SQLITE, &POSTGRES]
}

/// Today's migrations for such a database.
pub fn shipped(ground: &Ground) -> &'static Migrator {
    if ground.is_file() { &SQLITE } else { &POSTGRES }
}

const NODE: &str = "INSERT INTO nodes (node, name, seen_at, lease_until, draining) VALUES ($1, $2, $3, $4, 0)
    ON CONFLICT (node) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at,
    lease_until = excluded.lease_until";

const CAMPAIGN: &str =
    "INSERT INTO campaigns (campaign, settings, strategy, state, revision, created_at, changed_at)
    VALUES ($1, $2, $3, 'created', 1, $4, $4)";

const CAMPAIGN_STATE: &str = "UPDATE campaigns SET state = $2, revision = $3, changed_at = $4
    WHERE campaign = $1 AND revision = $3 - 1";

const IMPORT: &str = "INSERT INTO cases (case_id, record, sha256, state, revision, changed_at)
    SELECT column1, column2, column3, 'open', 1, $1 FROM (VALUES ($2, $3, $4)) AS told WHERE true
    ON CONFLICT (case_id) DO UPDATE SET record = excluded.record, sha256 = excluded.sha256,
    revision = cases.revision + 1, changed_at = excluded.changed_at
    WHERE cases.sha256 <> excluded.sha256
    RETURNING case_id, revision, state";

const ENQUEUE: &str = "INSERT INTO queue (campaign, case_id, state, rank, due_at, why, node)
    SELECT $1, c.case_id, CASE WHEN c.state = 'open' THEN 'waiting' ELSE 'done' END, column2,
       column3, CASE WHEN c.state = 'open' THEN column4 ELSE c.state END, NULL
    FROM (VALUES ($2, $3, $4, $5)) AS told JOIN cases AS c ON c.case_id = column1 WHERE true
    ON CONFLICT (campaign, case_id) DO UPDATE SET rank = excluded.rank
       WHERE queue.state IN ('waiting', 'ready')";

const SWEEP: &str = "UPDATE queue SET state = 'ready' WHERE campaign = $1 AND case_id IN (
    SELECT case_id FROM queue WHERE campaign = $1 AND state = 'waiting' AND due_at <= $2
    ORDER BY due_at LIMIT $3) AND state = 'waiting'";

const PICK: &str =
    "UPDATE queue SET state = 'leased', node = $2 WHERE campaign = $1 AND state = 'ready' AND case_id IN (
    SELECT case_id FROM queue WHERE campaign = $1 AND state = 'ready'
    ORDER BY rank DESC, case_id LIMIT $3)
    RETURNING case_id, rank, why";

const QUEUED: &str = "SELECT p.state, q.node, c.state FROM campaigns AS p
    LEFT JOIN queue AS q ON q.campaign = p.campaign AND q.case_id = $2
    LEFT JOIN cases AS c ON c.case_id = $2
    WHERE p.campaign = $1";

const STANDING: &str = "SELECT a.case_id AS case_id, max(a.open) AS open,
       max(CASE WHEN a.answered_at IS NULL THEN 0 ELSE 1 END) AS answered,
       o.redial_rule AS rule, o.redial_verdict AS verdict, o.redial_not_before AS not_before
    FROM attempts AS a
    LEFT JOIN outcomes AS o ON o.attempt = (
    SELECT l.attempt FROM outcomes AS l
    WHERE l.campaign = a.campaign AND l.case_id = a.case_id ORDER BY l.ended_at DESC, l.attempt DESC LIMIT 1)
    WHERE a.campaign = $1 AND ($2 IS NULL OR a.case_id = $2)
    GROUP BY a.case_id, o.attempt";

const ATTEMPT: &str =
    "INSERT INTO attempts (attempt, campaign, case_id, callee, script, models, dialled_at, owner,
       subscriber)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const DECISION: &str =
    "INSERT INTO compliance_decisions (at, campaign, case_id, attempt, profile, profile_sha256, verdict,
       rules, next_at, evidence, despite)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const EVENT: &str = "INSERT INTO events (key, kind, at, campaign, case_id, attempt, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING";

const ANSWERED: &str = "UPDATE attempts SET answered_at = coalesce(answered_at, $2) WHERE attempt = $1
    RETURNING campaign, case_id";

const OUTCOME: &str = "INSERT INTO outcomes (attempt, version, campaign, case_id, disposition, answered_by,
       identity, dialled_at, answered_at, ended_at, promise_date, promise_amount, promise_currency,
       handover_result, sip_code, fault, redial_verdict, redial_rule, redial_not_before, recovered,
       record, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
       $20, $21, $22)
    ON CONFLICT (attempt) DO UPDATE SET version = excluded.version, campaign = excluded.campaign, case_id = excluded.case_id,
       disposition = excluded.disposition, answered_by = excluded.answered_by, identity =
       excluded.identity, dialled_at = excluded.dialled_at, answered_at = excluded.answered_at,
       ended_at = excluded.ended_at, promise_date = excluded.promise_date, promise_amount =
       excluded.promise_amount, promise_currency = excluded.promise_currency, handover_result =
       excluded.handover_result, sip_code = excluded.sip_code, fault = excluded.fault,
       redial_verdict = excluded.redial_verdict, redial_rule = excluded.redial_rule,
       redial_not_before = excluded.redial_not_before, recovered = excluded.recovered, record =
       excluded.record, revision = excluded.revision";

const CLOSED: &str =
    "UPDATE attempts SET open = 0, answered_at = coalesce(answered_at, $2) WHERE attempt = $1";

const MOVED: &str = "UPDATE queue SET node = NULL, state = $3, due_at = coalesce($4, due_at), why = $5
    WHERE campaign = $1 AND case_id = $2
      AND NOT EXISTS (SELECT 1 FROM attempts AS a
                      WHERE a.campaign = $1 AND a.case_id = $2 AND a.open = 1)
      AND EXISTS (SELECT 1 FROM cases AS c WHERE c.case_id = $2 AND c.state = 'open')";

const MESSAGE: &str =
    "INSERT INTO messages (message, attempt, case_id, subscriber, callee, template, text, state, why,
       made_at, due_at, tries)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', '', $8, $8, 0) ON CONFLICT (message) DO NOTHING";

const SENDING: &str = "UPDATE messages SET state = 'sending', why = '', tries = tries + 1, sent_at = $2
    WHERE message = $1 AND state = 'waiting'";

const READER: &str = "INSERT INTO readers (reader, seq, tries, since, next_at, told, node, lease_until)
    VALUES ($1, 0, 0, NULL, 0, '', $2, $3)
    ON CONFLICT (reader) DO UPDATE SET node = $2, lease_until = $3
       WHERE readers.node IS NULL OR readers.node = $2 OR readers.lease_until <= $4
    RETURNING reader, seq, tries, since, next_at, told";

const READ: &str =
    "UPDATE readers SET seq = $4, tries = $5, since = $6, next_at = $7, told = $8, lease_until = $9
    WHERE reader = $1 AND node = $2 AND seq = $3";

const AUDIT: &str =
    "INSERT INTO audit (at, token, person, act, request) VALUES ($1, $2, $3, $4, $5) RETURNING id";

const AUDIT_END: &str = "UPDATE audit SET status = $2 WHERE id = $1";

const FORBID: &str =
    "INSERT INTO do_not_call (subscriber, reason, person, at) VALUES ($1, $2, $3, $4) RETURNING id";

const SCRIPT: &str =
    "INSERT INTO script_versions (flow, sha256, files) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const SCRIPT_ACT: &str =
    "INSERT INTO script_acts (flow, sha256, act, person, at) VALUES ($1, $2, $3, $4, $5)";

const PIN: &str = "INSERT INTO campaign_scripts (campaign, variant, flow, sha256, share, pinned_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Its campaign, the one of [`super::campaign`].
const NOVEMBER: &str = "november";

/// Its node.
const ME: &str = "older";

/// Later than any test.
const FOR_EVER: i64 = 4_000_000_000_000;

/// How a case stands for it: an open attempt, one that was answered, the last verdict.
pub type Standing = (String, i64, i64, Option<String>, Option<String>, Option<i64>);

type Statement<'q> = Query<'q, Any, AnyArguments>;

/// The program, as a node.
pub struct Older {
    pool: AnyPool,
}

impl Older {
    /// It joins, and begins its campaign with a script.
    pub async fn begin(pool: AnyPool) -> Self {
        let older = Self { pool };
        let now = at(0).unix_millis();
        older.does(sqlx::query(NODE).bind(ME).bind("host:1").bind(now).bind(FOR_EVER)).await;
        older.does(sqlx::query(SCRIPT).bind("reminder").bind("ab").bind("[]")).await;
        let act =
            sqlx::query(SCRIPT_ACT).bind("reminder").bind("ab").bind("submitted").bind("Li Na").bind(now);
        older.does(act).await;
        older.does(sqlx::query(CAMPAIGN).bind(NOVEMBER).bind("{}").bind("").bind(now)).await;
        let pin = sqlx::query(PIN).bind(NOVEMBER).bind("").bind("reminder").bind("ab").bind(1_i64).bind(now);
        older.does(pin).await;
        let run = sqlx::query(CAMPAIGN_STATE).bind(NOVEMBER).bind("running").bind(2_i64).bind(now);
        older.does(run).await;
        older
    }

    /// A statement that changes one row.
    async fn does(&self, statement: Statement<'_>) {
        assert_eq!(statement.execute(&self.pool).await.unwrap().rows_affected(), 1);
    }

    /// It imports a case, and puts it into the queue.
    pub async fn enqueue(&self, case: &str) {
        let now = at(0).unix_millis();
        let record = json!({
            "id": case, "phone": number(case).as_str(), "name": "张伟", "title": "", "lang": "zh",
            "creditor": "安信银行", "product": "信用卡", "amount": "3250.00", "currency": "CNY",
            "due_date": "2026-11-15", "time_zone": "Asia/Shanghai"
        });
        let imported: (String, i64, String) = sqlx::query_as(IMPORT)
            .bind(now)
            .bind(case)
            .bind(record.to_string())
            .bind("cd")
            .fetch_one(&self.pool)
            .await
            .unwrap();
        assert_eq!(imported, (case.to_owned(), 1, "open".to_owned()));
        self.does(sqlx::query(ENQUEUE).bind(NOVEMBER).bind(case).bind(1_i64).bind(now).bind("new")).await;
    }

    /// It makes ready what is due: how many cases were.
    pub async fn sweep(&self) -> u64 {
        let sweep = sqlx::query(SWEEP).bind(NOVEMBER).bind(at(0).unix_millis()).bind(9_i64);
        sweep.execute(&self.pool).await.unwrap().rows_affected()
    }

    /// It leases the next case.
    pub async fn pick(&self) -> String {
        let picked: (String, i64, String) =
            sqlx::query_as(PICK).bind(NOVEMBER).bind(ME).bind(1_i64).fetch_one(&self.pool).await.unwrap();
        picked.0
    }

    /// It calls about a case that it has leased: it writes the attempt down, the answer, the outcome, and what goes
    /// with them.
    pub async fn call(&self, case: &str) {
        self.dial(case).await;
        self.file(case).await;
        self.tell_others(case).await;
    }

    async fn dial(&self, case: &str) {
        let now = at(0).unix_millis();
        let queued: (String, Option<String>, Option<String>) =
            sqlx::query_as(QUEUED).bind(NOVEMBER).bind(case).fetch_one(&self.pool).await.unwrap();
        assert_eq!(queued, ("running".to_owned(), Some(ME.to_owned()), Some("open".to_owned())));
        assert_eq!(self.standing(case).await, None);
        let script = json!({"name": "reminder", "lang": "zh", "sha256": "ab"}).to_string();
        let begin = sqlx::query(ATTEMPT)
            .bind(case)
            .bind(NOVEMBER)
            .bind(case)
            .bind(number(case).as_str().to_owned())
            .bind(script)
            .bind("{}")
            .bind(now)
            .bind(ME)
            .bind(number(case).subscriber().to_owned());
        self.does(begin).await;
        let decided = sqlx::query(DECISION)
            .bind(now)
            .bind(NOVEMBER)
            .bind(case)
            .bind(case)
            .bind("cn")
            .bind("ef")
            .bind("allowed")
            .bind("[]")
            .bind(None::<i64>)
            .bind("{}")
            .bind(None::<&str>);
        self.does(decided).await;
        self.event(case, "attempt", &format!("{case}:dialled"), "{\"state\":\"dialled\"}").await;
        let answered: (Option<String>, String) = sqlx::query_as(ANSWERED)
            .bind(case)
            .bind(at(5).unix_millis())
            .fetch_one(&self.pool)
            .await
            .unwrap();
        assert_eq!(answered, (Some(NOVEMBER.to_owned()), case.to_owned()));
    }

    async fn file(&self, case: &str) {
        let record = json!({
            "version": 1, "attempt": case, "campaign": NOVEMBER, "case": case, "callee": number(case).as_str(),
            "dialled_at": at(0), "answered_at": at(5), "ended_at": at(40), "answered_by": "human",
            "identity": "confirmed", "debt_disclosed": true, "disposition": "promise_to_pay",
            "promise": {"date": "2026-11-27", "amount": "3250.00", "currency": "CNY"}, "callback": null,
            "intents": ["promise_to_pay"], "handover": null,
            "script": {"name": "reminder", "lang": "zh", "sha256": "ab"}, "models": {}, "recording": null,
            "transcript": null, "sound": null, "sip": {"code": 200, "reason": "OK"}, "ended_by": "callee",
            "fault": null, "redial": {"verdict": "no", "rule": "promised"}
        });
        let filed = sqlx::query(OUTCOME)
            .bind(case)
            .bind(1_i64)
            .bind(NOVEMBER)
            .bind(case)
            .bind("promise_to_pay")
            .bind("human")
            .bind("confirmed")
            .bind(at(0).unix_millis())
            .bind(at(5).unix_millis())
            .bind(at(40).unix_millis())
            .bind("2026-11-27")
            .bind("3250.00")
            .bind("CNY")
            .bind(None::<&str>)
            .bind(200_i64)
            .bind(None::<&str>)
            .bind("no")
            .bind("promised")
            .bind(None::<i64>)
            .bind(0_i64)
            .bind(record.to_string())
            .bind(1_i64);
        self.does(filed).await;
        self.does(sqlx::query(CLOSED).bind(case).bind(at(5).unix_millis())).await;
        let moved =
            sqlx::query(MOVED).bind(NOVEMBER).bind(case).bind("done").bind(None::<i64>).bind("promised");
        self.does(moved).await;
        let body = json!({"outcome": record, "revision": 1}).to_string();
        self.event(case, "outcome", &format!("{case}:1"), &body).await;
    }

    async fn event(&self, case: &str, kind: &str, key: &str, body: &str) {
        let told = sqlx::query(EVENT)
            .bind(key)
            .bind(kind)
            .bind(at(40).unix_millis())
            .bind(NOVEMBER)
            .bind(case)
            .bind(case)
            .bind(body);
        self.does(told).await;
    }

    /// A message, a reader that moves on by one event, an act of the audit, an entry of the do-not-call list.
    async fn tell_others(&self, case: &str) {
        let now = at(40).unix_millis();
        let message = format!("{case}:sms:1");
        let written = sqlx::query(MESSAGE)
            .bind(message.clone())
            .bind(case)
            .bind(case)
            .bind(number(case).subscriber().to_owned())
            .bind(number(case).as_str().to_owned())
            .bind("paid")
            .bind("OK")
            .bind(now);
        self.does(written).await;
        self.does(sqlx::query(SENDING).bind(message).bind(now)).await;
        let place: (String, i64, i64, Option<i64>, i64, String) = sqlx::query_as(READER)
            .bind("crm")
            .bind(ME)
            .bind(FOR_EVER)
            .bind(now)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        let read = sqlx::query(READ)
            .bind("crm")
            .bind(ME)
            .bind(place.1)
            .bind(place.1 + 1)
            .bind(0_i64)
            .bind(None::<i64>)
            .bind(0_i64)
            .bind("")
            .bind(FOR_EVER);
        self.does(read).await;
        let act: i64 = sqlx::query_scalar(AUDIT)
            .bind(now)
            .bind("crm")
            .bind("Li Na")
            .bind("POST /v1/do-not-call")
            .bind("")
            .fetch_one(&self.pool)
            .await
            .unwrap();
        let _entry: i64 = sqlx::query_scalar(FORBID)
            .bind(number("C9990").subscriber().to_owned())
            .bind("letter")
            .bind("Li Na")
            .bind(now)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        self.does(sqlx::query(AUDIT_END).bind(act).bind(200_i64)).await;
    }

    /// How a case stands for it.
    pub async fn standing(&self, case: &str) -> Option<Standing> {
        sqlx::query_as(STANDING).bind(NOVEMBER).bind(case).fetch_optional(&self.pool).await.unwrap()
    }
}
