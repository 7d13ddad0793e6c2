-- What quotes calls may be sealed as their words are (0022). A row names its key, 0 where it is in clear; of a record the
-- words alone are taken out, and stand sealed beside it: `quotes.rs`. Older programs write theirs in clear, and read a
-- record without its words.
ALTER TABLE judgements ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;
-- The judged_at that it was sealed for: an older program that judges anew leaves these as they are.
ALTER TABLE judgements ADD COLUMN sealed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE judgements ADD COLUMN words TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE review_acts ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review_acts ADD COLUMN words TEXT COLLATE "C" NOT NULL DEFAULT '';
-- A text is sealed once it is sent no more.
ALTER TABLE messages ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;

-- What is to be sealed is looked for every ten minutes.
CREATE INDEX judgements_by_key ON judgements ((CASE WHEN sealed_at = judged_at THEN sealed ELSE 0 END), attempt);
CREATE INDEX review_acts_by_key ON review_acts (sealed);
CREATE INDEX messages_by_key ON messages (sealed, attempt)
    WHERE text <> '' AND state IN ('sent', 'delivered', 'failed', 'refused');
CREATE INDEX reviews_by_attempt ON reviews (attempt);

-- A review stays as it was written, but for what it is sealed with.
DROP TRIGGER review_acts_stay ON review_acts;
CREATE TRIGGER review_acts_stay BEFORE UPDATE ON review_acts FOR EACH ROW
WHEN (NOT (NEW.sealed <> OLD.sealed AND NEW.review = OLD.review AND NEW.stage = OLD.stage
    AND NEW.person = OLD.person AND NEW.at = OLD.at))
EXECUTE FUNCTION review_acts_stay();
