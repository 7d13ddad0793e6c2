//! The console's types are made from the description that this program gives.
use std::{fs, path::Path};

use serde_json::Value;

#[test]
fn the_consoles_description_is_the_programs() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/openapi.json");
    let told = waihu_api::openapi();
    let same = fs::read_to_string(&kept)
        .is_ok_and(|text| serde_json::from_str::<Value>(&text).is_ok_and(|kept| kept == told));
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    fs::write(&here, serde_json::to_string_pretty(&told).unwrap() + "\n").unwrap();
    assert!(
        same,
        "the routes have changed: `waihu api-document > console/openapi.json`, or copy {}",
        here.display()
    );
}
