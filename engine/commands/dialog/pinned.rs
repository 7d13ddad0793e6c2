//! What a campaign dials with: approved versions from the store, the same to its end.

use std::{str::FromStr, sync::Arc};

use anyhow::{Result, bail};
use waihu_campaign::{ScriptName, ScriptShare};
use waihu_dialler::Variant;
use waihu_dialog::Script;
use waihu_store::{Begun, Pin, Store, StoredScript};
use waihu_types::{CampaignId, GivenAuthority};

use super::{
    source::{from_store, open},
    versions::{named, now},
};
use crate::{
    commands::{authority::told, runtime},
    output::note,
    project::Project,
};

/// A script as it was asked for: `FLOW` or `FLOW@SHA`, for a variant with its share where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    variant: Option<String>,
    flow: String,
    /// What its hash begins with; none for the newest that is approved.
    sha256: Option<String>,
    share: u32,
}

impl Wanted {
    /// One of several scripts, as a campaign's settings have it.
    pub(crate) fn variant(of: &ScriptShare) -> Self {
        let ScriptName { flow, sha256 } = of.script.clone();
        Self { variant: Some(of.name.clone()), flow, sha256, share: of.share }
    }

    /// As a campaign's settings have it; none for the one script of all cases.
    pub(crate) fn share(&self) -> Option<ScriptShare> {
        let script = ScriptName { flow: self.flow.clone(), sha256: self.sha256.clone() };
        self.variant.clone().map(|name| ScriptShare { name, script, share: self.share })
    }

    /// One script for all cases.
    pub(crate) fn script(text: &str) -> Self {
        let (flow, sha256) = text.split_once('@').map_or((text, None), |(flow, sha)| (flow, Some(sha)));
        Self { variant: None, flow: flow.to_owned(), sha256: sha256.map(str::to_owned), share: 1 }
    }
}

impl FromStr for Wanted {
    type Err = String;

    /// `A=reminder@1f3c:50`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?}: write NAME=FLOW@SHA:SHARE, as A=reminder@1f3c:50 请写成 名称=话术@哈希:份额")
        };
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (version, share) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let (flow, sha256) = named(version).map_err(|_| wrong())?;
        let share = share.parse().ok().filter(|s| (1..=1_000_000).contains(s)).ok_or_else(wrong)?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self {
            variant: Some(name.to_owned()),
            flow: flow.to_owned(),
            sha256: Some(sha256.to_owned()),
            share,
        })
    }
}

/// What may be agreed in a campaign where a case leaves it open: what it was begun with, where it was; else
/// what is `given`.
///
/// # Errors
/// When it was begun with another.
pub(crate) async fn authority(
    store: &Store,
    id: &CampaignId,
    given: Option<GivenAuthority>,
) -> Result<GivenAuthority> {
    let begun = store.begun(id).await?;
    if begun.scripts.is_empty() {
        return Ok(given.unwrap_or_default());
    }
    same_authority(id, &begun.authority, given.as_ref())?;
    Ok(begun.authority)
}

fn same_authority(id: &CampaignId, begun: &GivenAuthority, given: Option<&GivenAuthority>) -> Result<()> {
    if given.is_some_and(|given| given != begun) {
        bail!(
            "campaign {id} was begun with {}, and goes on with that: leave --authority out, or take another --id \
             该批次的授权已固定",
            told(begun)
        );
    }
    if *begun != GivenAuthority::default() {
        note!("authority 批次授权: {}", told(begun));
    }
    Ok(())
}

/// The scripts that a campaign dials with. Those it was begun with, where it was; else those that are
/// wanted, and it is begun with them and `authority` now.
///
/// # Errors
/// When a version is not on file or not approved, or the campaign goes by others.
pub(crate) async fn scripts(
    project: &Project,
    store: &Store,
    id: &CampaignId,
    wanted: &[Wanted],
    authority: GivenAuthority,
) -> Result<Vec<Variant>> {
    let mut pins = store.begun(id).await?.scripts;
    if pins.is_empty() {
        let mut wished = Vec::with_capacity(wanted.len());
        for want in wanted {
            let version = version(store, want).await?;
            if wished.iter().any(|pin: &Pin| pin.variant == want.variant) {
                bail!("two variants are named {:?} 方案名重复", want.variant.as_deref().unwrap_or_default());
            }
            wished.push(Pin {
                variant: want.variant.clone(),
                flow: version.flow,
                sha256: version.sha256,
                share: want.share,
            });
        }
        let begun = store.begin(id, &Begun { scripts: wished, authority: authority.clone() }, now()).await?;
        // Another process may have begun it meanwhile.
        same_authority(id, &begun.authority, Some(&authority))?;
        pins = begun.scripts;
    }
    agree(id, &pins, wanted)?;
    variants(project, store, pins).await
}

/// The scripts that a campaign was begun with.
///
/// # Errors
/// When it was begun with none, or one is not approved any more.
pub(crate) async fn begun(project: &Project, store: &Store, id: &CampaignId) -> Result<Vec<Variant>> {
    variants(project, store, store.begun(id).await?.scripts).await
}

/// The newest version of a flow that is approved, or the version that is named, which has to be.
///
/// # Errors
/// When there is none.
pub(crate) async fn approved(project: &Project, store: &Store, want: &Wanted) -> Result<Arc<Script>> {
    let stored = version(store, want).await?;
    if stored.approved().is_none() {
        bail!("{}: nobody has approved it: nothing is dialled with it 话术未经审批", stored.label());
    }
    from_store(project, store, &stored).await
}

async fn variants(project: &Project, store: &Store, pins: Vec<Pin>) -> Result<Vec<Variant>> {
    let mut variants = Vec::with_capacity(pins.len());
    for pin in pins {
        let stored = store.find_script(&pin.flow, &pin.sha256).await?;
        let Some(approved) = stored.approved() else {
            bail!(
                "{}: its approval was withdrawn: nothing is dialled with it 审批已撤回，不再拨打",
                stored.label()
            );
        };
        let script = from_store(project, store, &stored).await?;
        let (name, by) =
            (pin.variant.as_deref().map(|v| format!("{v} = ")).unwrap_or_default(), &approved.by);
        let newer = project.load_flow(&pin.flow).is_ok_and(|s| s.is_ok_and(|s| s.sha256() != pin.sha256));
        let disk = if newer {
            "; dialogs/ has another content, which is not dialled 磁盘上的内容不同，不会使用"
        } else {
            ""
        };
        note!("script 话术 {name}{}, approved by 审批人 {by}{disk}", stored.label());
        variants.push(Variant {
            name: pin.variant,
            share: pin.share,
            recorded: project.recorded_prompts(&script)?,
            script,
        });
    }
    Ok(variants)
}

/// A script for one call by hand, and whether it is approved: `FLOW` as it lies on the disk, or `FLOW@SHA`.
///
/// # Errors
/// When there is none, or it is not right.
pub(crate) fn script(project: &Project, text: &str) -> Result<(Arc<Script>, bool)> {
    let on_disk = if text.contains('@') { None } else { Some(project.flow(text)?) };
    runtime()?.block_on(async {
        let store = open(project).await?;
        match on_disk {
            Some(script) => {
                let stored = store.scripts(Some(script.name())).await?;
                let same = stored.iter().find(|s| s.sha256 == script.sha256());
                Ok((script, same.is_some_and(|s| s.approved().is_some())))
            }
            None => {
                let (flow, sha256) = named(text)?;
                let stored = store.find_script(flow, sha256).await?;
                Ok((from_store(project, &store, &stored).await?, stored.approved().is_some()))
            }
        }
    })
}

/// The version that is wanted: it, or the newest of the flow that is approved.
async fn version(store: &Store, want: &Wanted) -> Result<StoredScript> {
    if let Some(sha256) = &want.sha256 {
        return Ok(store.find_script(&want.flow, sha256).await?);
    }
    match store.newest_approved(&want.flow).await? {
        Some(script) => Ok(script),
        None => bail!(
            "no version of {flow} is approved, and a campaign dials with nothing else. `waihu dialog submit {flow} --by NAME` \
             stores what lies in dialogs/, `waihu dialog approve {flow}@SHA --by OTHER` by a second person approves it \
             话术未经审批，不能外呼：先提交，再由另一人审批",
            flow = want.flow
        ),
    }
}

/// A campaign that was begun is not turned to other scripts.
fn agree(id: &CampaignId, pins: &[Pin], wanted: &[Wanted]) -> Result<()> {
    let same = |want: &Wanted| {
        pins.iter().any(|pin| {
            pin.variant == want.variant
                && pin.flow == want.flow
                && want.sha256.as_ref().is_none_or(|sha| pin.sha256.starts_with(sha.as_str()))
                && (want.variant.is_none() || pin.share == want.share)
        })
    };
    if pins.len() == wanted.len() && wanted.iter().all(same) {
        return Ok(());
    }
    let told: Vec<String> = pins
        .iter()
        .map(|p| {
            let name = p.variant.as_deref().map(|v| format!("{v}=")).unwrap_or_default();
            let share = if p.variant.is_some() { format!(":{}", p.share) } else { String::new() };
            format!("{name}{}@{}{share}", p.flow, p.sha256.get(..12).unwrap_or_default())
        })
        .collect();
    bail!(
        "campaign {id} was begun with {}, and goes on with that: name the same, or another --id 该批次已固定话术版本",
        told.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_a_name_a_version_and_a_share() {
        let wanted: Wanted = "A=reminder@1f3c:50".parse().unwrap();
        assert_eq!(
            (wanted.variant.as_deref(), wanted.flow.as_str(), wanted.share),
            (Some("A"), "reminder", 50)
        );
        for wrong in [
            "reminder@1f3c:50",
            "A=reminder:50",
            "A=reminder@1f3c",
            "A=reminder@1f3c:0",
            "=r@1:1",
            "a b=r@1:1",
        ] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_campaign_that_was_begun_keeps_its_scripts() {
        let id = "november".parse().unwrap();
        let pin = |variant: Option<&str>, sha256: &str, share| Pin {
            variant: variant.map(str::to_owned),
            flow: "reminder".into(),
            sha256: sha256.into(),
            share,
        };
        let one = [pin(None, "1f3c55", 1)];
        assert!(agree(&id, &one, &[Wanted::script("reminder")]).is_ok());
        assert!(agree(&id, &one, &[Wanted::script("reminder@1f3c")]).is_ok());
        assert!(agree(&id, &one, &[Wanted::script("reminder@2222")]).is_err());
        assert!(agree(&id, &one, &[Wanted::script("negotiation")]).is_err());
        let two = [pin(Some("A"), "1f3c55", 50), pin(Some("B"), "2222", 50)];
        let wanted = |a: u32| {
            [format!("A=reminder@1f:{a}"), "B=reminder@22:50".to_owned()].map(|w| w.parse().unwrap())
        };
        assert!(agree(&id, &two, &wanted(50)).is_ok());
        assert!(agree(&id, &two, &wanted(60)).is_err());
        assert!(agree(&id, &two, &[Wanted::script("reminder")]).is_err());
    }
}
