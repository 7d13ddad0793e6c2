//! What a server does once a day for what is kept: the audit's head goes out, what has had its days is removed, what
//! was left plain is sealed. Words of calls that stand in clear in the store are sealed a part at a time.

use std::time::Duration;

use anyhow::{Context, Result};
use waihu_keeping::{Archive, KeepError, Kept, Mode, Swept};
use waihu_store::Act;
use waihu_types::WallTime;

use crate::{commands::dialog::now, gate, project::Project};

/// How often it is looked what is due: so late at most is what is done once a day, and the files of an erased debtor
/// are gone from every node.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Calls whose words are sealed at a look: some seconds of writing, between which calls are filed.
const SEALED_AT_A_LOOK: u64 = 2_000;

/// For how long each profile of a project keeps what its calls left.
///
/// # Errors
/// When a profile is not right: nothing is removed by half of the rules.
pub(crate) fn kept(project: &Project) -> Result<Kept> {
    let mut kept = Kept::new();
    // Built in, and keeps all.
    kept.insert("laboratory".to_owned(), waihu_compliance::Retention::default());
    for name in project.names("compliance") {
        let profile = gate::profile(project, &name)?;
        kept.insert(name, *profile.retention());
    }
    Ok(kept)
}

/// Does what is due, for as long as the server runs. What fails is told, and tried again.
pub(crate) async fn keep(project: Project, archive: Archive) {
    let (mut erased, mut files_of) = (0, String::new());
    loop {
        let now = now();
        if let Err(e) = due(&project, &archive, &mut files_of, now).await {
            tracing::warn!(error = format!("{e:#}"), "what is due once a day was not done");
        }
        match archive.remove_erased(erased).await {
            Ok(newest) => erased = newest,
            Err(e) => tracing::warn!(error = %e, "files of an erased debtor are still here"),
        }
        match seal_words(&archive).await {
            Ok(0) => {}
            Ok(sealed) => tracing::info!(sealed, "words of earlier calls are sealed now"),
            Err(e) => tracing::warn!(error = %e, "words of earlier calls are not sealed yet"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Takes up keys that other nodes made, and goes on sealing what stands in clear.
async fn seal_words(archive: &Archive) -> Result<u64, KeepError> {
    waihu_keeping::unlock_words(&archive.store, &archive.vault).await?;
    archive.seal_earlier_words(SEALED_AT_A_LOOK).await
}

/// Of `files_of` it is known on which day this node's files were gone through last.
async fn due(project: &Project, archive: &Archive, files_of: &mut String, now: WallTime) -> Result<()> {
    // A day of UTC: nodes in several zones tell of one head.
    let day = now.date_in("UTC").context("the day")?.to_string();
    archive.store.tell_audit_head(&day, now).await?;
    let kept = kept(project)?;
    if *files_of != day {
        let swept = archive.sweep_files(&kept, now, Mode::Remove).await?;
        tell(&swept);
        files_of.clone_from(&day);
    }
    if kept.values().all(|retention| retention.keeps_all()) || !archive.store.begin_sweep(&day, now).await? {
        return Ok(());
    }
    let act = format!("retention sweep {day}");
    let act = Act { token: "", person: "waihu", act: &act, request: "" };
    let row = archive.store.write_down(act, now).await?;
    let swept = archive.sweep_rows(&kept, now, Mode::Remove).await;
    let status = if swept.is_ok() { 200 } else { 500 };
    archive.store.write_down_end(row, status, crate::commands::dialog::now()).await?;
    let swept = swept?;
    archive.store.end_sweep(&day, &serde_json::to_string(&swept)?, now).await?;
    tell(&swept);
    Ok(())
}

fn tell(swept: &Swept) {
    tracing::info!(?swept, "what had had its days was removed");
}
