//! The encoder gives the vectors of the reference implementation.
#![allow(clippy::expect_used)] // A test that lacks its models fails, and says so.

use std::path::{Path, PathBuf};

use waihu_intent::{EMBEDDING_DIM, Encoder, IntentError};

fn encoder_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.waihu/models/use-multilingual")
}

fn load() -> Encoder {
    Encoder::load(&encoder_dir()).expect("fetch the models first: waihu models pull")
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn vectors_equal_the_reference() {
    let file = include_str!("reference_vectors.tsv");
    let rows: Vec<(&str, Vec<f32>)> = file
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split_once('\t').unwrap())
        .map(|(text, v)| (text, v.split(' ').map(|n| n.parse().unwrap()).collect()))
        .collect();
    assert_eq!(rows.len(), 20);
    let texts: Vec<&str> = rows.iter().map(|r| r.0).collect();
    let encoder = load();
    let together = encoder.encode(&texts).unwrap();
    for ((text, reference), ours) in rows.iter().zip(&together) {
        assert_eq!(ours.len(), EMBEDDING_DIM);
        let c = cosine(reference, ours);
        assert!(c > 0.999, "{text}: cosine {c}");
        let alone = encoder.encode(&[text]).unwrap();
        assert!(cosine(&alone[0], ours) > 0.999_99, "{text}: its neighbours change it");
    }
}

#[test]
fn odd_texts_have_vectors_too() {
    let long = "还".repeat(100_000);
    let encoder = load();
    for v in encoder.encode(&["", " ", "\u{0}\u{feff}", "👨‍👩‍👧‍👦", &long]).unwrap() {
        assert!((v.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-3);
    }
    assert!(encoder.encode(&[]).unwrap().is_empty());
}

#[test]
fn missing_and_damaged_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Encoder::load(dir.path()).err().unwrap();
    assert!(matches!(missing, IntentError::Read { .. }));
    assert!(missing.to_string().contains("sp.model"));
    std::fs::copy(encoder_dir().join("sp.model"), dir.path().join("sp.model")).unwrap();
    let weights = std::fs::read(encoder_dir().join("weights.npz")).unwrap();
    std::fs::write(dir.path().join("weights.npz"), &weights[..weights.len() / 2]).unwrap();
    let cut = Encoder::load(dir.path()).err().unwrap();
    assert!(matches!(cut, IntentError::BadModel { .. }));
    assert!(cut.to_string().contains("weights.npz"));
}
