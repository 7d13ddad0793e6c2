-- What became of promises, as `promises.rs` works it out from what the lender has told of their cases since. The
-- database marks what is to be looked at and keeps what a case came to, so that what older programs write counts too. A
-- promise of before has no row: nothing tells when its case was paid. The view tells the state in a new column at its
-- end.
CREATE TABLE promises (
    attempt TEXT COLLATE "C" PRIMARY KEY REFERENCES outcomes (attempt),
    case_id TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL DEFAULT 'open'
            CHECK (state IN ('open', 'kept', 'kept_in_part', 'broken', 'replaced', 'unknown')),
    due_at  BIGINT,                                      -- when its last day is over, and the books'; null: not known yet
    due     BIGINT NOT NULL DEFAULT 0 CHECK (due IN (0, 1)), -- that has come, and it is known what became of it
    look_at BIGINT                                       -- when it is looked at next; null: when its case changes
);
CREATE INDEX promises_by_case ON promises (case_id);
CREATE INDEX promises_to_look_at ON promises (look_at) WHERE look_at IS NOT NULL;

-- What the lender has told of a case about which something was promised, as far as it tells of payments.
CREATE TABLE case_changes (
    case_id      TEXT COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,                        -- the case's, from this change on
    at           BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    due_before   TEXT COLLATE "C",                       -- null where it was in another currency, or is not known
    due          TEXT COLLATE "C",
    promise      TEXT COLLATE "C",                       -- the lender's word of the last promise, and its day
    promise_date TEXT COLLATE "C",
    PRIMARY KEY (case_id, revision)
);

CREATE FUNCTION promise_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.promise_date IS NULL THEN
        DELETE FROM promises WHERE attempt = NEW.attempt;
    ELSE
        INSERT INTO promises (attempt, case_id, look_at) VALUES (NEW.attempt, NEW.case_id, 0)
            ON CONFLICT (attempt) DO NOTHING;
        INSERT INTO case_changes (case_id, revision, at, state)
            SELECT c.case_id, c.revision, c.changed_at, c.state FROM cases AS c
            WHERE c.case_id = NEW.case_id AND c.state <> 'open'
            ON CONFLICT (case_id, revision) DO NOTHING;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        UPDATE promises SET look_at = 0 WHERE case_id = NEW.case_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER outcomes_promise AFTER INSERT ON outcomes FOR EACH ROW
WHEN (NEW.promise_date IS NOT NULL) EXECUTE FUNCTION promise_made();
-- An agent put one down, another one, or it is no longer known what was promised.
CREATE TRIGGER outcomes_promise_again AFTER UPDATE OF promise_date ON outcomes FOR EACH ROW
WHEN (OLD.promise_date IS NOT NULL OR NEW.promise_date IS NOT NULL) EXECUTE FUNCTION promise_made();

-- For 90 days after the last day of a promise: a lender's word of it may come late. That there is one is asked first of
-- all, since most cases have none.
CREATE FUNCTION case_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was    json;
    is_now json;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM promises AS p WHERE p.case_id = NEW.case_id
                     AND (p.due_at IS NULL OR p.due_at > NEW.changed_at - 7776000000))
    THEN
        RETURN NULL;
    END IF;
    was := OLD.record::json;
    is_now := NEW.record::json;
    IF OLD.state <> NEW.state
        OR (was ->> 'amount') IS DISTINCT FROM (is_now ->> 'amount')
        OR (was ->> 'currency') IS DISTINCT FROM (is_now ->> 'currency')
        OR (was ->> 'last_promise') IS DISTINCT FROM (is_now ->> 'last_promise')
        OR (was ->> 'last_promise_date') IS DISTINCT FROM (is_now ->> 'last_promise_date')
    THEN
        INSERT INTO case_changes (case_id, revision, at, state, due_before, due, promise, promise_date)
            VALUES (NEW.case_id, NEW.revision, NEW.changed_at, NEW.state,
                CASE WHEN (was ->> 'currency') IS NOT DISTINCT FROM (is_now ->> 'currency')
                     THEN was ->> 'amount' END,
                is_now ->> 'amount', is_now ->> 'last_promise', is_now ->> 'last_promise_date')
            ON CONFLICT (case_id, revision) DO NOTHING;
        UPDATE promises SET look_at = 0 WHERE case_id = NEW.case_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER cases_change AFTER UPDATE OF record, state ON cases FOR EACH ROW EXECUTE FUNCTION case_changed();

CREATE FUNCTION case_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM case_changes WHERE case_id = OLD.case_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER cases_go AFTER DELETE ON cases FOR EACH ROW EXECUTE FUNCTION case_gone();

CREATE OR REPLACE VIEW outcomes_v1 AS
SELECT
    o.attempt                                                      AS attempt,
    o.campaign                                                     AS campaign,
    o.case_id                                                      AS case_id,
    a.callee                                                       AS callee,
    iso8601(o.dialled_at)                                          AS dialled_at,
    iso8601(o.answered_at)                                         AS answered_at,
    iso8601(o.ended_at)                                            AS ended_at,
    CASE WHEN o.answered_at IS NULL THEN NULL
         ELSE (o.ended_at - o.answered_at) / 1000.0::double precision END                 AS talk_s,
    o.answered_by                                                  AS answered_by,
    o.identity                                                     AS identity,
    (o.record::json ->> 'debt_disclosed')::boolean::int            AS debt_disclosed,
    o.disposition                                                  AS disposition,
    o.promise_date                                                 AS promise_date,
    o.promise_amount                                               AS promise_amount,
    o.promise_currency                                             AS promise_currency,
    o.record::json -> 'callback' ->> 'date'                        AS callback_date,
    o.record::json -> 'callback' ->> 'time'                        AS callback_time,
    (o.record::json -> 'callback' ->> 'by_agent')::boolean::int    AS callback_by_agent,
    o.record::json ->> 'intents'                                   AS intents,
    o.record::json -> 'handover' ->> 'agent'                       AS handover_agent,
    o.handover_result                                              AS handover_result,
    o.record::json -> 'script' ->> 'name'                          AS script_name,
    o.record::json -> 'script' ->> 'lang'                          AS script_lang,
    o.record::json -> 'script' ->> 'sha256'                        AS script_sha256,
    o.record::json -> 'recording' ->> 'path'                       AS recording_path,
    o.record::json -> 'recording' ->> 'sha256'                     AS recording_sha256,
    (o.record::json -> 'recording' ->> 'duration_ms')::bigint      AS recording_duration_ms,
    o.record::json -> 'transcript' ->> 'path'                      AS transcript_path,
    o.record::json -> 'transcript' ->> 'sha256'                    AS transcript_sha256,
    o.sip_code                                                     AS sip_code,
    o.record::json -> 'sip' ->> 'reason'                           AS sip_reason,
    o.record::json ->> 'ended_by'                                  AS ended_by,
    o.fault                                                        AS fault,
    o.redial_verdict                                               AS redial_verdict,
    o.redial_rule                                                  AS redial_rule,
    iso8601(o.redial_not_before)                                   AS redial_not_before,
    o.recovered                                                    AS recovered,
    o.record                                                       AS record,
    o.record::json -> 'promise' ->> 'parts'                        AS promise_parts,
    o.record::json -> 'promise' -> 'discount' ->> 'amount'         AS promise_discount,
    o.record::json -> 'promise' ->> 'channel'                      AS promise_channel,
    o.effective                                                    AS effective_disposition,
    p.state                                                        AS promise_state
FROM outcomes AS o
JOIN attempts AS a ON a.attempt = o.attempt
LEFT JOIN promises AS p ON p.attempt = o.attempt;
