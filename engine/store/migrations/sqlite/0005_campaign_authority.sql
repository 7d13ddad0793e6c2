-- What may be agreed in a campaign's calls where a case leaves it open; no row where it was begun without.
CREATE TABLE campaign_authority (
    campaign  TEXT PRIMARY KEY,
    authority TEXT NOT NULL CHECK (json_valid(authority)), -- the keys of a case's authority
    pinned_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER campaign_authority_stays BEFORE UPDATE ON campaign_authority BEGIN SELECT raise(ABORT, 'a campaign keeps its authority'); END;
CREATE TRIGGER campaign_authority_is_kept BEFORE DELETE ON campaign_authority BEGIN SELECT raise(ABORT, 'a campaign keeps its authority'); END;
