-- Who may sign in. Of a password its argon2id hash is kept, nothing else.
CREATE TABLE people (
    login        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,                          -- for other people
    role         TEXT COLLATE "C" NOT NULL CHECK (role IN ('operations', 'compliance', 'agent', 'integrator', 'admin')),
    password     TEXT COLLATE "C" NOT NULL,                          -- in the PHC's string form
    skills       TEXT COLLATE "C" NOT NULL,                          -- JSON: skill to level, 1 to 5
    langs        TEXT COLLATE "C" NOT NULL,                          -- JSON: languages spoken; none for all
    made_at      BIGINT NOT NULL,
    disabled_at  BIGINT,
    failed       BIGINT NOT NULL DEFAULT 0,             -- wrong passwords since the last right one
    locked_until BIGINT
);

-- Who is signed in. The token itself is kept nowhere.
CREATE TABLE sessions (
    sha256   TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    login    TEXT COLLATE "C" NOT NULL REFERENCES people (login),
    made_at  BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    ends_at  BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX sessions_by_person ON sessions (login) WHERE ended_at IS NULL;

-- Which agent had which call, and what they wrote down of it.
CREATE TABLE talks (
    attempt     TEXT COLLATE "C" NOT NULL REFERENCES attempts (attempt),
    agent       TEXT COLLATE "C" NOT NULL,
    case_id     TEXT COLLATE "C" NOT NULL,
    debtor      TEXT COLLATE "C",
    joined_at   BIGINT NOT NULL,
    ended_at    BIGINT,
    disposition TEXT COLLATE "C",
    notes       TEXT COLLATE "C",
    promise     TEXT COLLATE "C",                                    -- JSON, as in an outcome
    wrapped_at  BIGINT,
    PRIMARY KEY (attempt, agent)
);
CREATE INDEX talks_by_case ON talks (case_id, joined_at);
CREATE INDEX talks_by_debtor ON talks (debtor, joined_at) WHERE debtor IS NOT NULL;
