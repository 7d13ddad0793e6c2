-- Who may sign in. Of a password its argon2id hash is kept, nothing else.
CREATE TABLE people (
    login        TEXT PRIMARY KEY NOT NULL,
    name         TEXT NOT NULL,                          -- for other people
    role         TEXT NOT NULL CHECK (role IN ('operations', 'compliance', 'agent', 'integrator', 'admin')),
    password     TEXT NOT NULL,                          -- in the PHC's string form
    skills       TEXT NOT NULL,                          -- JSON: skill to level, 1 to 5
    langs        TEXT NOT NULL,                          -- JSON: languages spoken; none for all
    made_at      INTEGER NOT NULL,
    disabled_at  INTEGER,
    failed       INTEGER NOT NULL DEFAULT 0,             -- wrong passwords since the last right one
    locked_until INTEGER
) STRICT;

-- Who is signed in. The token itself is kept nowhere.
CREATE TABLE sessions (
    sha256   TEXT PRIMARY KEY NOT NULL,
    login    TEXT NOT NULL REFERENCES people (login),
    made_at  INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX sessions_by_person ON sessions (login) WHERE ended_at IS NULL;

-- Which agent had which call, and what they wrote down of it.
CREATE TABLE talks (
    attempt     TEXT NOT NULL REFERENCES attempts (attempt),
    agent       TEXT NOT NULL,
    case_id     TEXT NOT NULL,
    debtor      TEXT,
    joined_at   INTEGER NOT NULL,
    ended_at    INTEGER,
    disposition TEXT,
    notes       TEXT,
    promise     TEXT,                                    -- JSON, as in an outcome
    wrapped_at  INTEGER,
    PRIMARY KEY (attempt, agent)
) STRICT;
CREATE INDEX talks_by_case ON talks (case_id, joined_at);
CREATE INDEX talks_by_debtor ON talks (debtor, joined_at) WHERE debtor IS NOT NULL;
