//! How what is kept of calls is kept: sealed, signed, and for how long.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use waihu_keeping::{Archive, KeptWords, WordsKey};
use waihu_vault::Reference;

use super::Finding;
use crate::{
    configuration::{Configuration, VaultAt},
    daily,
    project::Project,
};

pub(super) fn all(project: &Project, c: &Configuration) -> Vec<Finding> {
    let mut found = vec![sealed(&c.vault), signed(&c.vault)];
    found.extend([&c.vault.key, &c.vault.signing_key].into_iter().flatten().filter_map(open_to_others));
    found.push(retention(project));
    found
}

fn sealed(at: &VaultAt) -> Finding {
    let what = "recordings and transcripts 录音与文本";
    match at.open() {
        Ok(vault) if !vault.seals() => Finding::mind(
            what,
            "kept plain 明文保存",
            "make a key with `waihu vault new-key FILE` and name it in waihu.toml, [vault]\n请运行 waihu vault new-key，并写入 waihu.toml 的 [vault]",
        ),
        Ok(vault) if vault.opens().is_empty() => Finding::well(
            what,
            "sealed; no key is here, so that none is opened 已封存；本节点无私钥，不能解封",
        ),
        Ok(vault) if !vault.recipients().iter().any(|to| vault.opens().contains(to)) => Finding::bad(
            what,
            "sealed for somebody whose key is not here, and other keys are 封存公钥与本节点私钥不符",
            "see seal_to in waihu.toml, [vault]: what is recorded now cannot be opened here\n请核对 [vault] 的 seal_to",
        ),
        Ok(_) => Finding::well(what, "sealed 已封存"),
        Err(e) => Finding::bad(
            what,
            format!("{e:#}"),
            "see [vault] in waihu.toml: nothing is served without its key\n请检查 waihu.toml 的 [vault]",
        ),
    }
}

/// How the words in the database stand; nothing where that is told elsewhere: no database opens, or no vault does.
pub(super) async fn words(project: &Project, c: &Configuration) -> Option<Finding> {
    let store = Arc::new(c.existing_store().await.ok()??);
    let archive =
        Archive { store, vault: c.vault.open().ok()?, signer: None, recordings: project.recordings() };
    let what = "words in the database 库中文字";
    let look = "see [vault] in waihu.toml, and `waihu vault status`\n请检查 waihu.toml 的 [vault]，并运行 waihu vault status";
    let kept = match archive.kept_words().await {
        Ok(kept) => kept,
        Err(e) => return Some(Finding::bad(what, e.to_string(), look)),
    };
    let KeptWords { key, in_clear, sealed, closed } = kept;
    if !archive.vault.seals() {
        return (sealed > 0).then(|| {
            let told = format!(
                "those of {sealed} calls are sealed and not found here, new ones stay in clear: no [vault] is set up {sealed} 通通话的文字已封存，本节点未配置 [vault]，无法检索，新文字为明文"
            );
            Finding::bad(what, told, look)
        });
    }
    Some(match key {
        WordsKey::Closed(_) if archive.vault.opens().is_empty() => Finding::well(
            what,
            "sealed; no key is here, so that none is found 已封存；本节点无私钥，不能检索",
        ),
        WordsKey::Closed(why) => Finding::bad(
            what,
            why,
            "bring that key here: nothing is served without it; where it is lost, run `waihu vault renew --new-words-key`\n请提供该密钥，否则无法启动服务；若已丢失，请运行 waihu vault renew --new-words-key",
        ),
        _ if in_clear > 0 => Finding::mind(
            what,
            format!("those of {in_clear} calls stand in clear {in_clear} 通通话的文字为明文"),
            "`waihu serve` seals them by and by, `waihu vault renew` at once\nwaihu serve 会逐步封存，waihu vault renew 立即封存",
        ),
        _ if closed > 0 => Finding::mind(
            what,
            format!(
                "those of {closed} calls are opened by no key that is here {closed} 通通话的文字无法解封"
            ),
            look,
        ),
        _ => Finding::well(what, "sealed 已封存"),
    })
}

fn signed(at: &VaultAt) -> Finding {
    let what = "bundles 证据包";
    match at.signer() {
        Ok(Some(signer)) => Finding::well(what, format!("signed by 签名公钥 {}", signer.public())),
        Ok(None) => Finding::mind(
            what,
            "not signed 不签名",
            "make a key with `waihu vault new-signing-key FILE` and name it in waihu.toml, [vault]\n请运行 waihu vault new-signing-key，并写入 [vault]",
        ),
        Err(e) => {
            Finding::bad(what, format!("{e:#}"), "see [vault] in waihu.toml\n请检查 waihu.toml 的 [vault]")
        }
    }
}

/// A key's file that others of the machine can read.
fn open_to_others(key: &Reference) -> Option<Finding> {
    let Reference::File(path) = key else { return None };
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        Finding::bad(
            "key's file 密钥文件",
            format!("{} can be read by others 可被其他用户读取", path.display()),
            format!("chmod 600 {}", path.display()),
        )
    })
}

fn retention(project: &Project) -> Finding {
    let what = "retention 保存期限";
    match daily::kept(project) {
        Ok(kept) => {
            let some: Vec<&str> =
                kept.iter().filter(|(_, days)| !days.keeps_all()).map(|(name, _)| name.as_str()).collect();
            if some.is_empty() {
                Finding::mind(
                    what,
                    "everything is kept for ever 全部永久保留",
                    "write [retention] into your profile; compliance/example.toml explains it\n请在规则文件中写 [retention]，参见 compliance/example.toml",
                )
            } else {
                Finding::well(what, format!("by 依据 {}", some.join(", ")))
            }
        }
        Err(e) => Finding::bad(
            what,
            format!("{e:#}"),
            "mend the profile: nothing is removed until then\n请修正规则文件，否则不会清理",
        ),
    }
}
