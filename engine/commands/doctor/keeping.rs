//! How what is kept of calls is kept: sealed, signed, and for how long.

use std::os::unix::fs::PermissionsExt;

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
