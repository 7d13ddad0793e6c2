-- What quotes calls may be sealed as their words are (0022). A row names its key, 0 where it is in clear; of a record the
-- words alone are taken out, and stand sealed beside it: `quotes.rs`. Older programs write theirs in clear, and read a
-- record without its words.
ALTER TABLE judgements ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
-- The judged_at that it was sealed for: an older program that judges anew leaves these as they are.
ALTER TABLE judgements ADD COLUMN sealed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE judgements ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE review_acts ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE review_acts ADD COLUMN words TEXT NOT NULL DEFAULT '';
-- A text is sealed once it is sent no more.
ALTER TABLE messages ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;

-- What is to be sealed is looked for every ten minutes.
CREATE INDEX judgements_by_key ON judgements ((CASE WHEN sealed_at = judged_at THEN sealed ELSE 0 END), attempt);
CREATE INDEX review_acts_by_key ON review_acts (sealed);
CREATE INDEX messages_by_key ON messages (sealed, attempt)
    WHERE text <> '' AND state IN ('sent', 'delivered', 'failed', 'refused');
CREATE INDEX reviews_by_attempt ON reviews (attempt);

-- A review stays as it was written, but for what it is sealed with.
DROP TRIGGER review_acts_stay;
CREATE TRIGGER review_acts_stay BEFORE UPDATE ON review_acts
WHEN NOT (NEW.sealed <> OLD.sealed AND NEW.review IS OLD.review AND NEW.stage IS OLD.stage
    AND NEW.person IS OLD.person AND NEW.at IS OLD.at)
BEGIN SELECT RAISE(ABORT, 'a review stays as it was written'); END;
