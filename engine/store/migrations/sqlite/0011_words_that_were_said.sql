-- What was said in calls, to be searched: the lines of their transcripts, which stay the record.
CREATE TABLE utterances (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,           -- newer calls have higher ones
    attempt TEXT NOT NULL REFERENCES attempts (attempt),
    at_ms   INTEGER NOT NULL,                            -- from the beginning of the recording
    speaker TEXT NOT NULL CHECK (speaker IN ('callee', 'bot', 'agent')),
    text    TEXT NOT NULL
) STRICT;
CREATE INDEX utterances_by_attempt ON utterances (attempt);

-- Their words as they are looked up: `grams` of search.rs, by the utterance's id. The text itself is not kept twice.
CREATE VIRTUAL TABLE utterance_words USING fts5 (grams, content = '', contentless_delete = 1, tokenize = 'ascii');

-- Which transcripts were taken in, those without a word too.
CREATE TABLE searchable (attempt TEXT PRIMARY KEY REFERENCES attempts (attempt)) STRICT, WITHOUT ROWID;

