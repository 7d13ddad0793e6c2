-- How an attempt ended for its case: as the agent who had it put it down, where one did; else as the call itself ended.
-- The view tells it in a new column at its end.
CREATE FUNCTION effective_disposition(record text, disposition text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(record::json -> 'handover' ->> 'disposition', disposition)
$$;
ALTER TABLE outcomes ADD COLUMN effective TEXT COLLATE "C"
    GENERATED ALWAYS AS (effective_disposition(record, disposition)) STORED;
DROP INDEX outcomes_by_disposition;
CREATE INDEX outcomes_by_effective ON outcomes (effective, ended_at);
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
    o.effective                                                    AS effective_disposition
FROM outcomes AS o
JOIN attempts AS a ON a.attempt = o.attempt;
