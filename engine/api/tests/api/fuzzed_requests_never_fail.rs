//! schemathesis (https://schemathesis.io) asks the real server what its own description allows, and what it does not:
//! nothing is answered by 500, and everything as the description says. `.ci/setup --with-peers` fetches it.
use std::{path::Path, process::Command};

use crate::common::{case, server_with};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot};
use waihu_api::{Limits, serve};
use waihu_store::Role;

/// Requests to each route of each kind: more were tried by hand, and found nothing else.
const EXAMPLES: &str = "8";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuzzed_requests_are_answered_as_described() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/schemathesis");
    let tools = tools.canonicalize().unwrap_or(tools);
    let program = tools.join("bin/schemathesis");
    assert!(program.exists(), "schemathesis is not there: run `.ci/setup --with-peers`");

    let fast = Limits { rate_per_s: 1e6, burst: 1e6, ..Limits::default() };
    let server = server_with(fast).await;
    // Two tokens: no role may do everything.
    let operations = server.token(Role::Operations).await;
    let compliance = server.token(Role::Compliance).await;
    server.post(&operations, "/v1/cases", json!([case("C-1001"), case("C-1002")])).await;
    server.approved("reminder").await;
    let settings = json!({"trunk": "main", "script": "reminder"});
    server.post(&operations, "/v1/campaigns", json!({"id": "november", "settings": settings})).await;

    // An engine that is there for as long as this takes.
    server.pulse.beat(crate::common::now().plus(std::time::Duration::from_secs(3_600)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, None, server.app.clone(), 64, async { drop(ended.await) }));

    let fuzz = |token: String, paths: &'static [&'static str]| {
        let (program, tools) = (program.clone(), tools.clone());
        let notes = server.folder.path().to_owned();
        tokio::task::spawn_blocking(move || {
            let mut run = Command::new(program);
            // Its notes lie where they are gone with the test.
            run.env("PYTHONPATH", tools)
                .current_dir(notes)
                .args(["run", &format!("http://{at}/v1/openapi.json")])
                .args(["--header", &format!("Authorization: Bearer {token}")])
                .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "7"])
                .args(["--checks", "all", "--request-timeout", "10", "--suppress-health-check", "all"])
                // Case ids that are made up are not there, and a database that was filled by others is no fault.
                // Where If-Match is missing it is 428 (RFC 6585, 3), which the check does not know.
                .args(["--exclude-checks", "positive_data_acceptance,missing_required_header"])
                .args(["--no-color", "--warnings", "off", "--generation-database", "none"])
                // Live events have no end; tests/events_are_followed.rs follows them.
                .args(["--exclude-path", "/v1/events"]);
            for path in paths {
                run.args(["--exclude-path-regex", path]);
            }
            run.output().unwrap()
        })
    };
    // What one role may not do, the other asks.
    let (a, b) = tokio::join!(
        fuzz(operations, &["^/v1/scripts/.*/(approve|withdraw)$", "^/v1/do-not-call/lift$"]),
        fuzz(compliance, &["^/v1/(cases|campaigns).*"]),
    );
    let _ = end.send(());
    serving.await.unwrap();
    for done in [a.unwrap(), b.unwrap()] {
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        println!("{said}");
    }
}
