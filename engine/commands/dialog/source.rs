//! Where a flow's files come from: `dialogs/NAME`, a version in the store, or any folder.

use std::{path::Path, sync::Arc};

use anyhow::{Result, anyhow, bail};
use waihu_dialog::{Problem, Script};
use waihu_store::{Store, StoredScript};

use crate::{configuration::Configuration, project::Project};

/// A flow, read and checked, its golden conversations not run.
pub(super) struct Source {
    script: Arc<Script>,
}

impl Source {
    /// The flow that `text` names.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or with everything that is wrong with it.
    pub(super) fn named(project: &Project, text: &str) -> Result<Self> {
        let folder = Path::new(text);
        if let Some((flow, sha256)) = text.split_once('@') {
            let script = crate::commands::runtime()?.block_on(async {
                let store = open(project).await?;
                let found = store.find_script(flow, sha256).await?;
                from_store(project, &store, &found).await
            })?;
            return Ok(Self { script });
        }
        let (flow, folder) = if text.contains(['/', '\\']) && folder.is_dir() {
            let name = folder.canonicalize()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, folder.to_owned())
        } else {
            (text.to_owned(), project.flow_folder(text))
        };
        let files = project.files_in(&folder)?;
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        match project.script(&flow, &folder, &files) {
            Ok(script) => Ok(Self { script }),
            Err(problems) => bail!("the script {text} is not right 话术有误:\n{}", lines(&problems)),
        }
    }

    /// The script.
    pub(super) fn script(self) -> Arc<Script> {
        self.script
    }
}

/// The store that is set up for the project; a file is made where there is none.
pub(crate) async fn open(project: &Project) -> Result<Store> {
    Configuration::of(project)?.open_store().await
}

/// The same, or that of the practice ground.
pub(crate) async fn open_either(project: &Project, practice: bool) -> Result<Store> {
    if practice { Ok(Store::open(project.practice_store()).await?) } else { open(project).await }
}

/// A stored version as a script; its content must still be what its hash says. Recordings lie in the flow's
/// folder, and the hash covers them.
///
/// # Errors
/// When it cannot be read, is not right by today's checks, or its recordings are no longer the ones it was
/// approved with.
pub(crate) async fn from_store(
    project: &Project,
    store: &Store,
    stored: &StoredScript,
) -> Result<Arc<Script>> {
    right(project, stored, &store.script_files(&stored.flow, &stored.sha256).await?)
}

/// The same from its files.
///
/// # Errors
/// As for [`from_store`].
pub(crate) fn right(
    project: &Project,
    stored: &StoredScript,
    files: &[(String, String)],
) -> Result<Arc<Script>> {
    let label = stored.label();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let wrong =
        |problems: Vec<Problem>| anyhow!("{label} is not right any more 话术有误:\n{}", lines(&problems));
    let script = Script::load(&stored.flow, &files).map_err(wrong)?;
    if script.sha256() == stored.sha256 {
        return Ok(Arc::new(script));
    }
    let script = project.script(&stored.flow, &project.flow_folder(&stored.flow), &files).map_err(wrong)?;
    if script.sha256() != stored.sha256 {
        bail!(
            "{label}: what is recorded in dialogs/{} is not what was submitted with it, and nothing is dialled: put those \
             recordings back, or submit and approve what is there 录音与提交时不符，不能拨打",
            stored.flow
        );
    }
    Ok(script)
}

/// Problems, one a line.
pub(crate) fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
