-- Strategies that people saved: each version stays as it was. Campaigns keep a copy of theirs.
CREATE TABLE strategies (
    name     TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL CHECK (revision > 0),
    content  TEXT COLLATE "C" NOT NULL,                  -- as in a file of strategies/
    saved_by TEXT COLLATE "C" NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (name, revision)
);
CREATE TRIGGER strategies_stay BEFORE UPDATE ON strategies FOR EACH ROW EXECUTE FUNCTION refuse('a saved strategy stays as it is');
CREATE TRIGGER strategies_are_kept BEFORE DELETE ON strategies FOR EACH ROW EXECUTE FUNCTION refuse('a saved strategy is kept');
CREATE TRIGGER strategies_are_not_emptied BEFORE TRUNCATE ON strategies EXECUTE FUNCTION refuse('a saved strategy is kept');
