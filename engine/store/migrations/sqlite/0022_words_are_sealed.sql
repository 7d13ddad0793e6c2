-- Words of calls may be sealed: each row names its key, 0 where it is in clear. Older programs write theirs in clear, and
-- find none that is sealed.
ALTER TABLE utterances ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
-- By which key all words of a transcript are sealed.
ALTER TABLE searchable ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;

-- What words are sealed with, wrapped for those who open files: `seal.rs`.
CREATE TABLE sealing_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    shared     INTEGER NOT NULL CHECK (shared IN (0, 1)), -- 1: of all nodes, which find by it; 0: no longer, or of one that finds nothing
    wrapped    TEXT NOT NULL,
    sealed_for TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX sealing_keys_shared ON sealing_keys (shared) WHERE shared = 1;
