-- What may not be removed, whatever the days of a profile say: for a court, an authority, a complaint.
CREATE TABLE holds (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL CHECK (kind IN ('call', 'case', 'debtor')),
    subject    TEXT NOT NULL,                            -- the attempt, the case or the debtor
    why        TEXT NOT NULL,
    person     TEXT NOT NULL,                            -- who placed it
    at         INTEGER NOT NULL,
    until      INTEGER,                                  -- null: until it is lifted
    lifted_at  INTEGER,
    lifted_by  TEXT,
    lifted_why TEXT
) STRICT;
CREATE INDEX holds_standing ON holds (kind, subject) WHERE lifted_at IS NULL;

-- Whose traces were removed on their wish: of who it was the SHA-256 of the lender's id alone.
CREATE TABLE erasures (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    debtor_sha256 TEXT NOT NULL,
    why           TEXT NOT NULL,
    person        TEXT NOT NULL,                         -- who did it
    at            INTEGER NOT NULL
) STRICT;

-- The calls of them: their files are removed by whatever node has them.
CREATE TABLE erased_calls (
    attempt TEXT PRIMARY KEY NOT NULL REFERENCES attempts (attempt),
    erasure INTEGER NOT NULL REFERENCES erasures (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_attempt ON messages (attempt);

-- When what an outcome told others of a person was emptied, and when the outcome itself was.
ALTER TABLE outcomes ADD COLUMN emptied_at INTEGER;
ALTER TABLE outcomes ADD COLUMN stripped_at INTEGER;

-- The days on which it was looked what is to be removed; `told` is what came of it, as JSON.
CREATE TABLE sweeps (
    day      TEXT PRIMARY KEY NOT NULL,
    begun_at INTEGER NOT NULL,                           -- by whoever has the turn
    done_at  INTEGER,
    told     TEXT
) STRICT, WITHOUT ROWID;

-- What was decided stays as it is, but for whose case it was about: that goes where a debtor is erased.
DROP TRIGGER compliance_decisions_stay;
CREATE TRIGGER compliance_decisions_stay BEFORE UPDATE ON compliance_decisions
WHEN NOT (NEW.case_id LIKE 'erased-%' AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.campaign IS OLD.campaign
    AND NEW.attempt IS OLD.attempt AND NEW.profile IS OLD.profile AND NEW.profile_sha256 IS OLD.profile_sha256
    AND NEW.verdict IS OLD.verdict AND NEW.rules IS OLD.rules AND NEW.next_at IS OLD.next_at
    AND NEW.evidence IS OLD.evidence AND NEW.despite IS OLD.despite)
BEGIN SELECT raise(ABORT, 'what was decided stays as it is'); END;
