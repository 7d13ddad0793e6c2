-- The audit is a chain: each row has the SHA-256 of the one before and of itself (`audit.rs` says of what), and none
-- is changed any more. How an act ended is a row of its own. Rows without a number are of before, or of an older
-- program that still runs: the next start numbers them.
ALTER TABLE audit ADD COLUMN seq BIGINT;                 -- 1, and one more with each row
ALTER TABLE audit ADD COLUMN ends BIGINT;                -- the number of the row of which it tells the end
ALTER TABLE audit ADD COLUMN before TEXT COLLATE "C";    -- `hash` of the row before; empty in the first
ALTER TABLE audit ADD COLUMN hash TEXT COLLATE "C";
CREATE UNIQUE INDEX audit_by_seq ON audit (seq);
CREATE INDEX audit_by_end ON audit (ends) WHERE ends IS NOT NULL;
CREATE INDEX audit_unnumbered ON audit (id) WHERE seq IS NULL;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit FOR EACH ROW WHEN (OLD.hash IS NOT NULL) EXECUTE FUNCTION refuse('what was written down stays as it is');
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse('what was written down is kept');
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuse('what was written down is kept');
