-- The lender's cases, as they were last told.
CREATE TABLE cases (
    case_id    TEXT PRIMARY KEY,
    record     TEXT NOT NULL CHECK (json_valid(record)), -- a case, as JSON
    sha256     TEXT NOT NULL,                            -- of the record: the same case again changes nothing
    state      TEXT NOT NULL CHECK (state IN ('open', 'paid', 'withdrawn')),
    revision   INTEGER NOT NULL,                         -- 1, and one more with each change
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX cases_by_change ON cases (changed_at);

-- What is to be done with a set of cases, and whether it is being done.
CREATE TABLE campaigns (
    campaign   TEXT PRIMARY KEY,
    settings   TEXT NOT NULL CHECK (json_valid(settings)),
    strategy   TEXT NOT NULL,                            -- the content of its file, kept as it was at the start
    state      TEXT NOT NULL CHECK (state IN ('created', 'running', 'paused', 'stopped')),
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- Where each case stands in each of its campaigns.
CREATE TABLE queue (
    campaign    TEXT NOT NULL REFERENCES campaigns (campaign),
    case_id     TEXT NOT NULL REFERENCES cases (case_id),
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'leased', 'done')),
    rank        INTEGER NOT NULL,                        -- of those that are ready, the highest is called first
    due_at      INTEGER NOT NULL,                        -- from when a waiting case is ready
    why         TEXT NOT NULL,                           -- the rule that put it where it is
    node        TEXT,                                    -- who has leased it: until that node is dead
    PRIMARY KEY (campaign, case_id),
    CHECK ((state = 'leased') = (node IS NOT NULL))
) STRICT;
CREATE INDEX queue_ready ON queue (campaign, rank DESC, case_id) WHERE state = 'ready';
CREATE INDEX queue_waiting ON queue (campaign, due_at) WHERE state = 'waiting';
CREATE INDEX queue_leased ON queue (node) WHERE state = 'leased';
CREATE INDEX queue_by_case ON queue (case_id);

-- Whom nobody calls, whatever the case: asked for by a person at our side, beside what calls themselves forbid.
CREATE TABLE do_not_call (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber TEXT NOT NULL,                            -- the digits by which two numbers are compared
    reason     TEXT NOT NULL,
    person     TEXT NOT NULL,                            -- who entered it
    at         INTEGER NOT NULL,
    lifted_at  INTEGER,
    lifted_by  TEXT,
    lifted_why TEXT
) STRICT;
CREATE INDEX do_not_call_by_subscriber ON do_not_call (subscriber);

-- Whom calls themselves forbade, and a person has allowed again.
CREATE TABLE bars_lifted (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber TEXT NOT NULL,
    person     TEXT NOT NULL,
    why        TEXT NOT NULL,
    at         INTEGER NOT NULL                          -- outcomes of calls from before this moment bar no longer
) STRICT;
CREATE INDEX bars_lifted_by_subscriber ON bars_lifted (subscriber);

-- The processes that place calls.
CREATE TABLE nodes (
    node        TEXT PRIMARY KEY,
    name        TEXT NOT NULL,                           -- its machine and process, for people
    seen_at     INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,                        -- from then on it counts as dead
    draining    INTEGER NOT NULL                         -- 1: it places no further call
) STRICT;

-- What happened, for others: read in the order of seq, of which none is left out once a higher one is there.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,                       -- the same for a repeat: `attempt:revision`, `case:revision` …
    kind     TEXT NOT NULL,                              -- outcome, attempt, case, campaign, do_not_call, sms
    at       INTEGER NOT NULL,
    campaign TEXT,
    case_id  TEXT,
    attempt  TEXT,
    body     TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

-- Who reads events, and how far they are.
CREATE TABLE readers (
    reader      TEXT PRIMARY KEY,
    seq         INTEGER NOT NULL,                        -- delivered, or set aside, up to here
    tries       INTEGER NOT NULL,                        -- at the next one, so far
    since       INTEGER,                                 -- when the first of them was
    next_at     INTEGER NOT NULL,                        -- not before
    told        TEXT NOT NULL,                           -- what went wrong last; empty where nothing did
    node        TEXT,                                    -- who delivers to it
    lease_until INTEGER NOT NULL                         -- until then nobody else does
) STRICT;

-- Events that a reader would not take: set aside so that the others go on, and to be sent again.
CREATE TABLE dead_letters (
    reader  TEXT NOT NULL,
    seq     INTEGER NOT NULL REFERENCES events (seq),
    at      INTEGER NOT NULL,
    tries   INTEGER NOT NULL,
    told    TEXT NOT NULL,
    PRIMARY KEY (reader, seq)
) STRICT;

-- Who may ask for what over HTTP. The token itself is kept nowhere.
CREATE TABLE tokens (
    token      TEXT PRIMARY KEY,                         -- its name in lists and logs
    sha256     TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL CHECK (role IN ('operations', 'compliance', 'agent', 'integrator', 'admin')),
    person     TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- Answers that are given again to the same request.
CREATE TABLE idempotency (
    token   TEXT NOT NULL,
    key     TEXT NOT NULL,
    request TEXT NOT NULL,                               -- SHA-256 of method, path and body
    status  INTEGER NOT NULL,
    body    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (token, key)
) STRICT;

-- Messages that were sent, or are to be.
CREATE TABLE messages (
    message    TEXT PRIMARY KEY,
    attempt    TEXT NOT NULL REFERENCES attempts (attempt),
    case_id    TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    callee     TEXT NOT NULL,
    template   TEXT NOT NULL,
    text       TEXT NOT NULL,
    -- `sending` is written before it leaves; what is found so later is `unknown` and never sent again.
    state      TEXT NOT NULL
        CHECK (state IN ('waiting', 'sending', 'sent', 'delivered', 'failed', 'refused', 'unknown')),
    why        TEXT NOT NULL,
    made_at    INTEGER NOT NULL,                         -- the end of the call that left it
    due_at     INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    sent_at    INTEGER,                                  -- when it was last given to the gateway
    gateway_id TEXT                                      -- by which receipts name it
) STRICT;
CREATE INDEX messages_due ON messages (due_at) WHERE state = 'waiting';
CREATE INDEX messages_under_way ON messages (sent_at) WHERE state = 'sending';
CREATE INDEX messages_by_subscriber ON messages (subscriber, sent_at);
CREATE INDEX messages_by_gateway_id ON messages (gateway_id) WHERE gateway_id IS NOT NULL;

-- How often an outcome was told: an `unknown` gives way to the real one of a process that was only thought dead.
ALTER TABLE outcomes ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
