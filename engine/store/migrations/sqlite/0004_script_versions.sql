-- The content of a flow, by its hash; what is stored stays as it is.
CREATE TABLE script_versions (
    flow   TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    files  TEXT NOT NULL CHECK (json_valid(files)), -- [[name, text], …]
    PRIMARY KEY (flow, sha256)
) STRICT;

-- Who did what with a version, and when; one row an act, in the order in which it was done.
CREATE TABLE script_acts (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    flow   TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    act    TEXT NOT NULL CHECK (act IN ('submitted', 'approved', 'withdrawn')),
    person TEXT NOT NULL,
    at     INTEGER NOT NULL,
    FOREIGN KEY (flow, sha256) REFERENCES script_versions (flow, sha256)
) STRICT;
CREATE INDEX script_acts_by_version ON script_acts (flow, sha256, id);

-- What a campaign was begun with, and goes on with; `variant` is empty where there is no experiment.
CREATE TABLE campaign_scripts (
    campaign  TEXT NOT NULL,
    variant   TEXT NOT NULL,
    flow      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    share     INTEGER NOT NULL CHECK (share > 0),
    pinned_at INTEGER NOT NULL,
    PRIMARY KEY (campaign, variant),
    FOREIGN KEY (flow, sha256) REFERENCES script_versions (flow, sha256)
) STRICT;

-- None of it is ever changed or taken back: a second look must find what the first one found.
CREATE TRIGGER script_versions_stay BEFORE UPDATE ON script_versions BEGIN SELECT raise(ABORT, 'a stored script stays as it is'); END;
CREATE TRIGGER script_versions_are_kept BEFORE DELETE ON script_versions BEGIN SELECT raise(ABORT, 'a stored script is kept'); END;
CREATE TRIGGER script_acts_stay BEFORE UPDATE ON script_acts BEGIN SELECT raise(ABORT, 'what was done stays as it is'); END;
CREATE TRIGGER script_acts_are_kept BEFORE DELETE ON script_acts BEGIN SELECT raise(ABORT, 'what was done is kept'); END;
CREATE TRIGGER campaign_scripts_stay BEFORE UPDATE ON campaign_scripts BEGIN SELECT raise(ABORT, 'a campaign keeps its script'); END;
CREATE TRIGGER campaign_scripts_are_kept BEFORE DELETE ON campaign_scripts BEGIN SELECT raise(ABORT, 'a campaign keeps its script'); END;
