-- Strategies that people saved: each version stays as it was. Campaigns keep a copy of theirs.
CREATE TABLE strategies (
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0),
    content  TEXT NOT NULL,                              -- as in a file of strategies/
    saved_by TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (name, revision)
) STRICT;
CREATE TRIGGER strategies_stay BEFORE UPDATE ON strategies BEGIN SELECT raise(ABORT, 'a saved strategy stays as it is'); END;
CREATE TRIGGER strategies_are_kept BEFORE DELETE ON strategies BEGIN SELECT raise(ABORT, 'a saved strategy is kept'); END;
