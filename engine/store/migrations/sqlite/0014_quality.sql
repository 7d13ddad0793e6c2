-- What filed calls were judged to be: by the rules of that time, for the outcome's revision of that time.
CREATE TABLE judgements (
    attempt     TEXT PRIMARY KEY NOT NULL REFERENCES attempts (attempt),
    revision    INTEGER NOT NULL,                        -- of the outcome that was judged
    judged_at   INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,                        -- when the call was over
    campaign    TEXT,
    script      TEXT NOT NULL,
    agent       TEXT,                                    -- who had the call; null where it was the bot's alone
    disposition TEXT NOT NULL,
    distress    INTEGER NOT NULL,                        -- percent
    person      INTEGER NOT NULL CHECK (person IN (0, 1)),
    score       INTEGER,                                 -- percent; null where no check applies
    passed      INTEGER NOT NULL CHECK (passed IN (0, 1)),
    critical    INTEGER NOT NULL CHECK (critical IN (0, 1)),
    record      TEXT NOT NULL CHECK (json_valid(record)) -- checks with their evidence
) STRICT;
CREATE INDEX judgements_by_end ON judgements (ended_at, attempt);

-- The same by check.
CREATE TABLE judged_checks (
    attempt  TEXT NOT NULL REFERENCES judgements (attempt),
    check_id TEXT NOT NULL,
    verdict  TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'does_not_apply')),
    PRIMARY KEY (attempt, check_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX judged_checks_by_verdict ON judged_checks (check_id, verdict);

-- Which days were drawn by which sampling plan: once.
CREATE TABLE draws (
    plan     TEXT NOT NULL,
    day      TEXT NOT NULL,
    drawn_at INTEGER NOT NULL,
    calls    INTEGER NOT NULL,
    PRIMARY KEY (plan, day)
) STRICT, WITHOUT ROWID;

-- Calls that people look at.
CREATE TABLE reviews (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    plan       TEXT NOT NULL,
    day        TEXT NOT NULL,
    attempt    TEXT NOT NULL REFERENCES attempts (attempt),
    form       TEXT NOT NULL CHECK (json_valid(form)),   -- as it was when the call was drawn
    four_eyes  INTEGER NOT NULL CHECK (four_eyes IN (0, 1)),
    agents     TEXT NOT NULL CHECK (json_valid(agents)), -- who had the call, by all names: they do not judge it
    stage      TEXT CHECK (stage IN ('first', 'second', 'third')), -- whose turn it is; null where it is done
    score      INTEGER,
    opinion    TEXT CHECK (opinion IN ('right', 'wrong')),
    drawn_at   INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (plan, attempt)
) STRICT;
CREATE INDEX reviews_by_stage ON reviews (stage, id);

-- What reviewers did: nobody changes it.
CREATE TABLE review_acts (
    review INTEGER NOT NULL REFERENCES reviews (id),
    stage  TEXT NOT NULL CHECK (stage IN ('first', 'second', 'third')),
    person TEXT NOT NULL,
    at     INTEGER NOT NULL,
    record TEXT NOT NULL CHECK (json_valid(record)),
    PRIMARY KEY (review, stage)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER review_acts_stay BEFORE UPDATE ON review_acts BEGIN SELECT RAISE(ABORT, 'a review stays as it was written'); END;
