//! Each migration since the oldest program that may still run is read: it adds, and takes nothing away that an older
//! statement may name, and asks nothing of it that it does not know (README.md, "Older programs").

use std::collections::BTreeSet;

use crate::common::older::{OLDEST, all};

/// What is right although it does not only add: the migration, how the statement begins, and why.
const REASONED: [(i64, &str, &str); 17] = [
    (
        12,
        "CREATE TRIGGER AUDIT_STAYS",
        "an older program ends rows of its own: they have no hash until the next start",
    ),
    (12, "CREATE TRIGGER AUDIT_IS_KEPT", "no program removed one"),
    (12, "CREATE TRIGGER AUDIT_IS_NOT_EMPTIED", "no program emptied it"),
    (13, "DROP TRIGGER COMPLIANCE_DECISIONS_STAY", "what takes its place lets more pass"),
    (13, "CREATE TRIGGER COMPLIANCE_DECISIONS_STAY", "it lets more pass than the one before"),
    (18, "DROP INDEX QUEUE_WAITING", "queue_due begins with its columns; nothing was unique by it"),
    (
        19,
        "DROP INDEX OUTCOMES_BY_DISPOSITION",
        "older lists by disposition are slower; nothing was unique by it",
    ),
    (19, "DROP VIEW OUTCOMES_V1", "it is made again with all its columns, and one more"),
    (19, "CREATE OR REPLACE VIEW OUTCOMES_V1", "all its columns are there, and one more"),
    (21, "CREATE TRIGGER OUTCOMES_PROMISE", "it writes to tables of its own, and refuses nothing"),
    (21, "CREATE TRIGGER OUTCOMES_PROMISE_AGAIN", "it writes to tables of its own, and refuses nothing"),
    (21, "CREATE TRIGGER CASES_CHANGE", "it writes to tables of its own, and refuses nothing"),
    (21, "CREATE TRIGGER CASES_GO", "it writes to tables of its own, and refuses nothing"),
    (21, "DROP VIEW OUTCOMES_V1", "it is made again with all its columns, and one more"),
    (21, "CREATE OR REPLACE VIEW OUTCOMES_V1", "all its columns are there, and one more"),
    (24, "DROP TRIGGER REVIEW_ACTS_STAY", "what takes its place lets more pass"),
    (24, "CREATE TRIGGER REVIEW_ACTS_STAY", "it lets more pass than the one before"),
];

/// The statements of a migration, each as its words in capitals: without comments, and with every text the same.
fn statements(sql: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut now = String::new();
    let mut left = sql;
    while let Some(c) = left.chars().next() {
        let (skipped, meant) = match c {
            '-' if left.starts_with("--") => (left.find('\n').unwrap_or(left.len()), " ".to_owned()),
            '\'' => (left[1..].find('\'').unwrap() + 2, "'TEXT'".to_owned()),
            '$' if left.starts_with("$$") => (left[2..].find("$$").unwrap() + 4, " $$ ".to_owned()),
            '(' | ')' | ',' => (1, format!(" {c} ")),
            ';' if !in_trigger(&now) => (1, String::new()),
            c => (c.len_utf8(), c.to_uppercase().to_string()),
        };
        now += &meant;
        if meant.is_empty() {
            all.push(words(&now));
            now.clear();
        }
        left = &left[skipped..];
    }
    all.push(words(&now));
    all.retain(|statement| !statement.is_empty());
    all
}

fn words(statement: &str) -> Vec<String> {
    statement.split_whitespace().map(str::to_owned).collect()
}

/// Whether a trigger of SQLite's goes on after a semicolon.
fn in_trigger(statement: &str) -> bool {
    let words = words(statement);
    let begun = words.iter().any(|word| word == "BEGIN");
    begun && words.starts_with(&["CREATE".to_owned(), "TRIGGER".to_owned()]) && words.last().unwrap() != "END"
}

/// What a migration has made so far: no older program writes to it.
#[derive(Default)]
struct New {
    tables: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

impl New {
    /// Whether a statement only adds.
    fn adds(&mut self, statement: &[String]) -> bool {
        let statement: Vec<&str> = statement.iter().map(String::as_str).collect();
        match statement.as_slice() {
            ["CREATE", "TABLE", table, ..] | ["CREATE", "VIRTUAL", "TABLE", table, ..] => {
                self.tables.insert((*table).to_owned());
                true
            }
            ["CREATE", "INDEX" | "VIEW" | "FUNCTION", ..] => true,
            ["CREATE", "UNIQUE", "INDEX", _, "ON", table, of @ ..] => {
                let of_this =
                    |column: &&str| self.columns.contains(&((*table).to_owned(), (*column).to_owned()));
                self.tables.contains(*table) || of.iter().take_while(|word| **word != ")").any(of_this)
            }
            ["CREATE", "TRIGGER", rest @ ..] => {
                let on = rest.iter().skip_while(|word| **word != "ON").nth(1);
                on.is_some_and(|table| self.tables.contains(*table))
            }
            ["ALTER", "TABLE", table, "ADD", "COLUMN", column, kind @ ..] => {
                self.columns.insert(((*table).to_owned(), (*column).to_owned()));
                let has = |words: &[&str]| kind.windows(words.len()).any(|some| some == words);
                let filled = !has(&["NOT", "NULL"]) || has(&["DEFAULT"]);
                self.tables.contains(*table) || filled && !has(&["UNIQUE"]) && !has(&["PRIMARY"])
            }
            _ => false,
        }
    }
}

#[test]
fn each_migration_only_adds_to_what_older_programs_know() {
    let mut used = BTreeSet::new();
    for migrations in all() {
        for migration in migrations.iter().filter(|m| m.version > OLDEST) {
            let (version, name) = (migration.version, &migration.description);
            assert!(!name.starts_with("breaks "), "{version} {name}: raise OLDEST to it");
            let mut new = New::default();
            for statement in statements(migration.sql.as_str()) {
                if new.adds(&statement) {
                    continue;
                }
                let told = statement.join(" ");
                let reason = REASONED
                    .iter()
                    .position(|(of, begins, _)| *of == version && statement.starts_with(&words(begins)));
                let Some(reason) = reason else {
                    panic!("{version} {name}: an older program may not live with: {told}")
                };
                used.insert(reason);
            }
        }
    }
    let left: Vec<_> = (0..REASONED.len()).filter(|n| !used.contains(n)).map(|n| REASONED[n].1).collect();
    assert_eq!(left, [""; 0], "reasons that nothing needs");
}

#[test]
fn both_databases_have_the_same_migrations_by_number_and_name() {
    let [sqlite, postgres] = all().map(|migrations| {
        let since = migrations.iter().filter(|m| m.version >= OLDEST);
        since.map(|m| (m.version, m.description.to_string())).collect::<Vec<_>>()
    });
    assert_eq!(sqlite, postgres);
    assert_eq!(sqlite.first().map(|(version, _)| *version), Some(OLDEST));
}

#[test]
fn what_takes_away_or_asks_for_more_is_found() {
    let one = |sql: &str| {
        let mut new = New::default();
        statements(sql).iter().all(|statement| new.adds(statement))
    };
    for adds in [
        "-- a DROP TABLE in words; and 'one' in a text\nCREATE TABLE x (a TEXT NOT NULL UNIQUE); CREATE UNIQUE INDEX i ON x (a)",
        "ALTER TABLE queue ADD COLUMN a TEXT; CREATE INDEX i ON queue (a)",
        "ALTER TABLE queue ADD COLUMN a TEXT NOT NULL DEFAULT 'x; y' CHECK (a IN ('x; y', 'z'))",
        "ALTER TABLE queue ADD COLUMN a BIGINT; CREATE UNIQUE INDEX i ON queue (campaign, a)",
        "CREATE TABLE x (a TEXT); CREATE TRIGGER t BEFORE UPDATE ON x BEGIN SELECT raise(ABORT, 'no; never'); END;",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM x; END $$; CREATE VIEW v AS SELECT 1",
    ] {
        assert!(one(adds), "{adds}");
    }
    for breaks in [
        "DROP TABLE queue",
        "drop index queue_ready;",
        "ALTER TABLE queue DROP COLUMN why",
        "ALTER TABLE queue RENAME COLUMN why TO rule",
        "ALTER TABLE queue RENAME TO line",
        "ALTER TABLE queue ADD COLUMN a TEXT NOT NULL",
        "ALTER TABLE queue ADD COLUMN a TEXT UNIQUE",
        "ALTER TABLE queue ADD CONSTRAINT c CHECK (rank > 0)",
        "ALTER TABLE queue ALTER COLUMN node SET NOT NULL",
        "CREATE UNIQUE INDEX i ON queue (rank)",
        "CREATE TRIGGER t BEFORE UPDATE ON queue BEGIN SELECT raise(ABORT, 'no'); END",
        "UPDATE queue SET rank = 0",
        "CREATE TABLE x (a TEXT); INSERT INTO x SELECT why FROM queue; DROP TABLE queue",
    ] {
        assert!(!one(breaks), "{breaks}");
    }
}
