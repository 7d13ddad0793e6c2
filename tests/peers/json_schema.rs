//! A JSON Schema validator of others: Python's `jsonschema`, as `.ci/setup --with-peers` installs it.

use std::{io::Write, path::Path, process::Command};

use serde_json::Value;

/// For each value whether it is valid by the schema in a file, which has to be one itself; whether its formats are
/// checked, too.
pub fn by_schema(schema: &Path, formats: bool, values: &[Value]) -> Vec<bool> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/jsonschema");
    assert!(tools.join("jsonschema").exists(), "jsonschema is missing: run .ci/setup --with-peers");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    values.iter().for_each(|value| writeln!(file, "{value}").unwrap());
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  kind = jsonschema.Draft202012Validator\n\
                  kind.check_schema(schema)\n\
                  v = kind(schema, format_checker=kind.FORMAT_CHECKER if sys.argv[3] == 'true' else None)\n\
                  for line in open(sys.argv[2]): print(v.is_valid(json.loads(line)))";
    let done = Command::new("python3")
        .args(["-c", script])
        .args([schema, file.path()])
        .arg(formats.to_string())
        .env("PYTHONPATH", tools)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().map(|line| line == "True").collect()
}
