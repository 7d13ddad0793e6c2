-- Reports that are sent by themselves, one a period; kept as they were sent.
CREATE TABLE reports (
    report      TEXT COLLATE "C" NOT NULL,               -- its name in waihu.toml
    period      TEXT COLLATE "C" NOT NULL,               -- its first day
    made_at     BIGINT NOT NULL,
    html        TEXT COLLATE "C" NOT NULL,
    csv         TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    tries       BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,                         -- not before
    told        TEXT COLLATE "C" NOT NULL,               -- what went wrong last; empty where nothing did
    lease_until BIGINT NOT NULL,                         -- until then whoever took it sends it
    sent_at     BIGINT,
    PRIMARY KEY (report, period)
);
