-- What persons changed over HTTP: written before it is done, with how it ended after.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    token   TEXT NOT NULL,                               -- its name
    person  TEXT NOT NULL,
    act     TEXT NOT NULL,                               -- method and path
    request TEXT NOT NULL,                               -- SHA-256 of the body; empty where there was none
    status  INTEGER                                       -- of the answer
) STRICT;
