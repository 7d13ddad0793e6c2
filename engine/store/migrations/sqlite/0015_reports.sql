-- Reports that are sent by themselves, one a period; kept as they were sent.
CREATE TABLE reports (
    report      TEXT NOT NULL,                           -- its name in waihu.toml
    period      TEXT NOT NULL,                           -- its first day
    made_at     INTEGER NOT NULL,
    html        TEXT NOT NULL,
    csv         TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    tries       INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,                        -- not before
    told        TEXT NOT NULL,                           -- what went wrong last; empty where nothing did
    lease_until INTEGER NOT NULL,                        -- until then whoever took it sends it
    sent_at     INTEGER,
    PRIMARY KEY (report, period)
) STRICT, WITHOUT ROWID;
