-- Times are milliseconds since 1970-01-01T00:00:00Z. Sums are text, exact, with two places.

-- "waih": so that no other program's database is taken for ours.
PRAGMA application_id = 0x77616968;

-- One row a dialled call, written before its INVITE leaves.
CREATE TABLE attempts (
    attempt     TEXT PRIMARY KEY NOT NULL,
    campaign    TEXT,                        -- null for a call placed by hand
    case_id     TEXT NOT NULL,
    callee      TEXT NOT NULL,
    script      TEXT NOT NULL,               -- JSON: name, lang, sha256
    models      TEXT NOT NULL,               -- JSON: job to name@version
    dialled_at  INTEGER NOT NULL,
    answered_at INTEGER,
    open        INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1)),
    owner       TEXT NOT NULL                -- whose lock file tells whether the process lives
) STRICT;

-- Nobody is called twice: one attempt at a time for a case of a campaign.
CREATE UNIQUE INDEX one_open_attempt_a_case ON attempts (campaign, case_id) WHERE open = 1;
CREATE INDEX attempts_by_case ON attempts (case_id, campaign);

-- One row an ended attempt. `record` is the whole, as of OUTCOME.md; the columns repeat what is
-- asked for.
CREATE TABLE outcomes (
    attempt          TEXT PRIMARY KEY NOT NULL REFERENCES attempts (attempt),
    version          INTEGER NOT NULL,
    campaign         TEXT,
    case_id          TEXT NOT NULL,
    disposition      TEXT NOT NULL,
    answered_by      TEXT NOT NULL,
    identity         TEXT NOT NULL,
    dialled_at       INTEGER NOT NULL,
    answered_at      INTEGER,
    ended_at         INTEGER NOT NULL,
    promise_date     TEXT,
    promise_amount   TEXT,
    promise_currency TEXT,
    handover_result  TEXT,
    sip_code         INTEGER,
    fault            TEXT,
    redial_verdict   TEXT NOT NULL,
    redial_rule      TEXT NOT NULL,
    redial_not_before INTEGER,
    recovered        INTEGER NOT NULL DEFAULT 0 CHECK (recovered IN (0, 1)), -- filed for a dead process
    record           TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE INDEX outcomes_by_time ON outcomes (ended_at, attempt);
CREATE INDEX outcomes_by_campaign ON outcomes (campaign, case_id, ended_at);
CREATE INDEX outcomes_by_disposition ON outcomes (disposition, ended_at);

-- What other programs read; its columns keep their names and meanings. See OUTCOME.md.
CREATE VIEW outcomes_v1 AS
SELECT
    o.attempt                                                           AS attempt,
    o.campaign                                                          AS campaign,
    o.case_id                                                           AS case_id,
    a.callee                                                            AS callee,
    strftime('%Y-%m-%dT%H:%M:%fZ', o.dialled_at / 1000.0, 'unixepoch')  AS dialled_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', o.answered_at / 1000.0, 'unixepoch') AS answered_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', o.ended_at / 1000.0, 'unixepoch')    AS ended_at,
    CASE WHEN o.answered_at IS NULL THEN NULL
         ELSE (o.ended_at - o.answered_at) / 1000.0 END                 AS talk_s,
    o.answered_by                                                       AS answered_by,
    o.identity                                                          AS identity,
    json_extract(o.record, '$.debt_disclosed')                          AS debt_disclosed,
    o.disposition                                                       AS disposition,
    o.promise_date                                                      AS promise_date,
    o.promise_amount                                                    AS promise_amount,
    o.promise_currency                                                  AS promise_currency,
    json_extract(o.record, '$.callback.date')                           AS callback_date,
    json_extract(o.record, '$.callback.time')                           AS callback_time,
    json_extract(o.record, '$.callback.by_agent')                       AS callback_by_agent,
    json_extract(o.record, '$.intents')                                 AS intents,
    json_extract(o.record, '$.handover.agent')                          AS handover_agent,
    o.handover_result                                                   AS handover_result,
    json_extract(o.record, '$.script.name')                             AS script_name,
    json_extract(o.record, '$.script.lang')                             AS script_lang,
    json_extract(o.record, '$.script.sha256')                           AS script_sha256,
    json_extract(o.record, '$.recording.path')                          AS recording_path,
    json_extract(o.record, '$.recording.sha256')                        AS recording_sha256,
    json_extract(o.record, '$.recording.duration_ms')                   AS recording_duration_ms,
    json_extract(o.record, '$.transcript.path')                         AS transcript_path,
    json_extract(o.record, '$.transcript.sha256')                       AS transcript_sha256,
    o.sip_code                                                          AS sip_code,
    json_extract(o.record, '$.sip.reason')                              AS sip_reason,
    json_extract(o.record, '$.ended_by')                                AS ended_by,
    o.fault                                                             AS fault,
    o.redial_verdict                                                    AS redial_verdict,
    o.redial_rule                                                       AS redial_rule,
    strftime('%Y-%m-%dT%H:%M:%fZ', o.redial_not_before / 1000.0, 'unixepoch') AS redial_not_before,
    o.recovered                                                         AS recovered,
    o.record                                                            AS record
FROM outcomes AS o
JOIN attempts AS a ON a.attempt = o.attempt;
