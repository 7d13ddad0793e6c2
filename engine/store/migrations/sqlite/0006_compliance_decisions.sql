-- Whether somebody might be called, each time that it was asked: what a profile said, and from what.
CREATE TABLE compliance_decisions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    at             INTEGER NOT NULL,                            -- the clock that it was decided by
    campaign       TEXT,                                        -- null for a call placed by hand
    case_id        TEXT NOT NULL,
    attempt        TEXT REFERENCES attempts (attempt),          -- null where none began with it
    profile        TEXT NOT NULL,
    profile_sha256 TEXT NOT NULL,                               -- of its file, and of that of its days off
    verdict        TEXT NOT NULL CHECK (verdict IN ('allowed', 'denied', 'despite')),
    rules          TEXT NOT NULL CHECK (json_valid(rules)),     -- ids: all that were asked, or those that denied it
    next_at        INTEGER,                                     -- the first moment at which it would be allowed
    evidence       TEXT NOT NULL CHECK (json_valid(evidence)),  -- no name, no number
    despite        TEXT,                                        -- who let it pass that was denied, and why
    CHECK ((verdict = 'denied') = (attempt IS NULL)),
    CHECK ((verdict = 'despite') = (despite IS NOT NULL))
) STRICT;
CREATE INDEX compliance_decisions_by_attempt ON compliance_decisions (attempt);
CREATE INDEX compliance_decisions_by_case ON compliance_decisions (case_id, at);

CREATE TRIGGER compliance_decisions_stay BEFORE UPDATE ON compliance_decisions BEGIN SELECT raise(ABORT, 'what was decided stays as it is'); END;
CREATE TRIGGER compliance_decisions_are_kept BEFORE DELETE ON compliance_decisions BEGIN SELECT raise(ABORT, 'what was decided is kept'); END;
