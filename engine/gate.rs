//! The compliance profile of a line, from its file.

use std::fs;

use anyhow::{Context, Result, bail};
use waihu_compliance::{Gate, Profile, WorkingHours};
use waihu_trunk::TrunkConfig;

use crate::{configuration, project::Project};

/// The gate of a trunk, which must name one; `name` is the trunk's, for messages.
///
/// # Errors
/// When it names none, or one that is not there or is not right.
pub(crate) fn of(project: &Project, name: &str, trunk: &TrunkConfig) -> Result<Gate> {
    match &trunk.compliance {
        Some(id) => Ok(Gate::new(profile(project, id)?)),
        None => bail!(
            "{}: [trunk] names no compliance profile, and without one nobody is called: write compliance = \"cn\", or \
             another name of {}, or compliance = \"laboratory\" where the line reaches machines of your own alone \
             线路未指定合规规则，不能呼叫：请在 [trunk] 中写 compliance = \"cn\" 等",
            project.trunk(name).display(),
            project.root().join("compliance").display()
        ),
    }
}

/// A profile of `compliance/` by its name.
///
/// # Errors
/// When it is not there, or with everything that is wrong with it.
pub(crate) fn profile(project: &Project, id: &str) -> Result<Profile> {
    // It has no rule that a file could change.
    if id == "laboratory" {
        return Ok(Profile::laboratory());
    }
    let folder = project.root().join("compliance");
    let path = folder.join(format!("{id}.toml"));
    let text = fs::read_to_string(&path).with_context(|| {
        let files = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names =
            files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        format!("{}: cannot be read 无法读取合规规则; there are 现有: {}", path.display(), names.join(", "))
    })?;
    let profile = Profile::parse(&path.display().to_string(), &text, |name| days_off(project, name))?;
    if profile.id() != id {
        bail!(
            "{}: its id is {:?}: write id = {id:?}, as the file is named 编号须与文件名一致",
            path.display(),
            profile.id()
        );
    }
    Ok(profile)
}

/// When agents are at work: `[agents]` of `waihu.toml`; none where it says nothing of that.
///
/// # Errors
/// With everything that is wrong with it.
pub(crate) fn working_hours(project: &Project) -> Result<Option<WorkingHours>> {
    let path = project.root().join(configuration::FILE);
    // A file that cannot be read is told of by whoever reads all of it.
    let text = fs::read_to_string(&path).unwrap_or_default();
    Ok(WorkingHours::parse(&path.display().to_string(), &text, |name| days_off(project, name))?)
}

/// Path and text of a file of `compliance/holidays/`, where there is one.
fn days_off(project: &Project, name: &str) -> Option<(String, String)> {
    let path = project.root().join("compliance/holidays").join(format!("{name}.toml"));
    Some((path.display().to_string(), fs::read_to_string(&path).ok()?))
}
