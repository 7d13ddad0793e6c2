-- What became of promises, as `promises.rs` works it out from what the lender has told of their cases since. The
-- database marks what is to be looked at and keeps what a case came to, so that what older programs write counts too. A
-- promise of before has no row: nothing tells when its case was paid. The view tells the state in a new column at its
-- end.
CREATE TABLE promises (
    attempt TEXT PRIMARY KEY NOT NULL REFERENCES outcomes (attempt),
    case_id TEXT NOT NULL,
    state   TEXT NOT NULL DEFAULT 'open'
            CHECK (state IN ('open', 'kept', 'kept_in_part', 'broken', 'replaced', 'unknown')),
    due_at  INTEGER,                                     -- when its last day is over, and the books'; null: not known yet
    due     INTEGER NOT NULL DEFAULT 0 CHECK (due IN (0, 1)), -- that has come, and it is known what became of it
    look_at INTEGER                                      -- when it is looked at next; null: when its case changes
) STRICT, WITHOUT ROWID;
CREATE INDEX promises_by_case ON promises (case_id);
CREATE INDEX promises_to_look_at ON promises (look_at) WHERE look_at IS NOT NULL;

-- What the lender has told of a case about which something was promised, as far as it tells of payments.
CREATE TABLE case_changes (
    case_id      TEXT NOT NULL,
    revision     INTEGER NOT NULL,                       -- the case's, from this change on
    at           INTEGER NOT NULL,
    state        TEXT NOT NULL,
    due_before   TEXT,                                   -- null where it was in another currency, or is not known
    due          TEXT,
    promise      TEXT,                                   -- the lender's word of the last promise, and its day
    promise_date TEXT,
    PRIMARY KEY (case_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outcomes_promise AFTER INSERT ON outcomes WHEN NEW.promise_date IS NOT NULL BEGIN
    INSERT INTO promises (attempt, case_id, look_at) VALUES (NEW.attempt, NEW.case_id, 0);
    INSERT INTO case_changes (case_id, revision, at, state)
        SELECT c.case_id, c.revision, c.changed_at, c.state FROM cases AS c
        WHERE c.case_id = NEW.case_id AND c.state <> 'open'
          AND NOT EXISTS (SELECT 1 FROM case_changes AS h WHERE h.case_id = c.case_id AND h.revision = c.revision);
END;
-- An agent put one down, another one, or it is no longer known what was promised.
CREATE TRIGGER outcomes_promise_again AFTER UPDATE OF promise_date ON outcomes
WHEN OLD.promise_date IS NOT NULL OR NEW.promise_date IS NOT NULL BEGIN
    DELETE FROM promises WHERE attempt = NEW.attempt AND NEW.promise_date IS NULL;
    INSERT INTO promises (attempt, case_id)
        SELECT NEW.attempt, NEW.case_id WHERE NEW.promise_date IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM promises AS p WHERE p.attempt = NEW.attempt);
    UPDATE promises SET look_at = 0 WHERE case_id = NEW.case_id;
    INSERT INTO case_changes (case_id, revision, at, state)
        SELECT c.case_id, c.revision, c.changed_at, c.state FROM cases AS c
        WHERE c.case_id = NEW.case_id AND c.state <> 'open' AND NEW.promise_date IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM case_changes AS h WHERE h.case_id = c.case_id AND h.revision = c.revision);
END;
-- For 90 days after the last day of a promise: a lender's word of it may come late.
CREATE TRIGGER cases_change AFTER UPDATE OF record, state ON cases
WHEN (OLD.state <> NEW.state
        OR json_extract(OLD.record, '$.amount') IS NOT json_extract(NEW.record, '$.amount')
        OR json_extract(OLD.record, '$.currency') IS NOT json_extract(NEW.record, '$.currency')
        OR json_extract(OLD.record, '$.last_promise') IS NOT json_extract(NEW.record, '$.last_promise')
        OR json_extract(OLD.record, '$.last_promise_date') IS NOT json_extract(NEW.record, '$.last_promise_date'))
    AND EXISTS (SELECT 1 FROM promises AS p WHERE p.case_id = NEW.case_id
                  AND (p.due_at IS NULL OR p.due_at > NEW.changed_at - 7776000000))
BEGIN
    INSERT INTO case_changes (case_id, revision, at, state, due_before, due, promise, promise_date)
        SELECT NEW.case_id, NEW.revision, NEW.changed_at, NEW.state,
            CASE WHEN json_extract(OLD.record, '$.currency') IS json_extract(NEW.record, '$.currency')
                 THEN json_extract(OLD.record, '$.amount') END,
            json_extract(NEW.record, '$.amount'), json_extract(NEW.record, '$.last_promise'),
            json_extract(NEW.record, '$.last_promise_date')
        WHERE NOT EXISTS (SELECT 1 FROM case_changes AS h
                          WHERE h.case_id = NEW.case_id AND h.revision = NEW.revision);
    UPDATE promises SET look_at = 0 WHERE case_id = NEW.case_id;
END;
CREATE TRIGGER cases_go AFTER DELETE ON cases BEGIN
    DELETE FROM case_changes WHERE case_id = OLD.case_id;
END;

DROP VIEW outcomes_v1;
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
    o.record                                                            AS record,
    json_extract(o.record, '$.promise.parts')                           AS promise_parts,
    json_extract(o.record, '$.promise.discount.amount')                 AS promise_discount,
    json_extract(o.record, '$.promise.channel')                         AS promise_channel,
    o.effective                                                         AS effective_disposition,
    p.state                                                             AS promise_state
FROM outcomes AS o
JOIN attempts AS a ON a.attempt = o.attempt
LEFT JOIN promises AS p ON p.attempt = o.attempt;
