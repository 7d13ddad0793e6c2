//! A browser signs in at a certified provider and comes back as who the person is here; a stranger does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use common::{Told, lay_out, waihu};

const API: &str = "127.0.0.1:8489";
const PROVIDER: &str = "8490";
const SECRET: &str = "a secret of this test, thirty-two letters and more";

#[test]
fn who_is_known_comes_in_and_a_stranger_does_not() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    assert!(
        waihu_api::has_console() && root.join(".tools/provider/node_modules/oidc-provider").is_dir(),
        "the console is not built, or the provider is not there: `.ci/setup --with-peers`, `make console`"
    );
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = "[trunk]\nproxy = \"127.0.0.1:5099\"\nfrom = \"sip:4008001234@127.0.0.1\"\n\
                 compliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\nrtp_ports = [25900, 25998]\n";
    let configuration = format!(
        "[api]\nlisten = {API:?}\n[sign_in]\nissuer = \"http://127.0.0.1:{PROVIDER}\"\nclient_id = \"waihu\"\n\
         client_secret_env = \"WAIHU_CLIENT_SECRET\"\nurl = \"http://{API}\"\npasswords = false\n"
    );
    lay_out(project, &[("sip-config/main.toml", trunk), ("waihu.toml", &configuration)]);
    let mut adding = waihu(project)
        .args(["person", "add", "ops", "--role", "operations", "--name", "ops"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "a password that opens nothing here").unwrap();
    assert!(adding.wait().unwrap().success());
    let engine =
        Told::spawn(waihu(project).args(["serve", "--trunk", "main"]).env("WAIHU_CLIENT_SECRET", SECRET));
    engine.wait_for("serving");
    let walked = Command::new("node")
        .args(["tests/provider.mjs", &format!("http://{API}"), PROVIDER])
        .current_dir(root.join("console"))
        .env("WAIHU_CLIENT_SECRET", SECRET)
        .output()
        .expect("node is needed: .ci/setup brings it");
    let (out, err) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{out}\n{err}");
    engine.end();
}
