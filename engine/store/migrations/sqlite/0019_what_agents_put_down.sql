-- How an attempt ended for its case: as the agent who had it put it down, where one did; else as the call itself ended.
-- The view tells it in a new column at its end.
ALTER TABLE outcomes ADD COLUMN effective TEXT
    GENERATED ALWAYS AS (coalesce(json_extract(record, '$.handover.disposition'), disposition)) VIRTUAL;
DROP INDEX outcomes_by_disposition;
CREATE INDEX outcomes_by_effective ON outcomes (effective, ended_at);
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
    o.effective                                                         AS effective_disposition
FROM outcomes AS o
JOIN attempts AS a ON a.attempt = o.attempt;
