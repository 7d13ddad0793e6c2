-- Of the cases that are due those of the highest rank, from an index alone: by the first where few are due, by the
-- second where many are. The first does all that `queue_waiting` did.
CREATE INDEX queue_due ON queue (campaign, due_at, rank DESC, case_id) WHERE state = 'waiting';
CREATE INDEX queue_due_by_rank ON queue (campaign, rank DESC, due_at, case_id) WHERE state = 'waiting';
DROP INDEX queue_waiting;
