//! Versions of scripts: who drafted them, and who approved them, being another.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waihu_store::{ScriptAct, StoredScript};
use waihu_types::WallTime;

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    openapi::{Flow, Sha},
    problem::{Code, Details, Fault},
    state::{Here, Shared, now},
};

/// What was done with a version, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Act {
    /// `submitted`, `approved` or `withdrawn`.
    #[schema(value_type = String, example = "approved")]
    act: &'static str,
    /// Who.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
}

impl From<&ScriptAct> for Act {
    fn from(act: &ScriptAct) -> Self {
        Self { act: act.deed.label(), by: act.by.clone(), at: act.at }
    }
}

/// A version of a flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// The flow's name.
    flow: String,
    /// The SHA-256 over its files.
    #[schema(value_type = Sha)]
    sha256: String,
    /// Whether campaigns may dial with it.
    approved: bool,
    /// What was done with it, the first first.
    acts: Vec<Act>,
}

impl From<StoredScript> for Version {
    fn from(script: StoredScript) -> Self {
        let approved = script.approved().is_some();
        let acts = script.acts.iter().map(Act::from).collect();
        Self { flow: script.flow, sha256: script.sha256, approved, acts }
    }
}

/// A version with its files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Content {
    /// The version.
    #[serde(flatten)]
    version: Version,
    /// Its files: name and text.
    files: Vec<File>,
}

/// A file of a flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct File {
    /// Its name.
    name: String,
    /// What stands in it.
    text: String,
}

/// Which versions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of one flow.
    #[param(max_length = 64)]
    flow: Option<String>,
}

/// The versions on file, in the order in which they were submitted.
#[utoipa::path(get, path = "/v1/scripts", tag = "scripts", params(Which),
    responses((status = 200, description = "The versions", body = Vec<Version>)))]
pub(crate) async fn list(shared: Here, _: Who, Asked(which): Asked<Which>) -> Answer<Vec<Version>> {
    let flow = which.flow.as_deref();
    if flow.is_some_and(|flow| flow.contains('\0') || flow.chars().count() > 64) {
        return Err(Problem::invalid("flow", "the name of a flow is expected 应为话术名"));
    }
    let found = shared.store().scripts(flow).await?;
    Ok(Json(found.into_iter().map(Version::from).collect()))
}

/// A version in a path.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    flow: String,
    sha256: String,
}

impl Named {
    /// The version on file: the whole hash is given, or as much of it as tells it from others.
    async fn found(&self, shared: &Shared) -> Result<StoredScript, Problem> {
        let right = |text: &str| (1..=64).contains(&text.len()) && !text.contains('\0');
        if !right(&self.flow) || !right(&self.sha256) {
            return Err(Problem::not_found("version 话术版本"));
        }
        Ok(shared.store().find_script(&self.flow, &self.sha256).await?)
    }
}

/// A version with its files.
#[utoipa::path(get, path = "/v1/scripts/{flow}/{sha256}", tag = "scripts",
    params(("flow" = Flow, Path, description = "The flow"), ("sha256" = Sha, Path, description = "The version, or what its hash begins with")),
    responses((status = 200, description = "The version", body = Content)))]
pub(crate) async fn read(shared: Here, _: Who, At(named): At<Named>) -> Answer<Content> {
    let found = named.found(&shared).await?;
    let files = shared.store().script_files(&found.flow, &found.sha256).await?;
    let files = files.into_iter().map(|(name, text)| File { name, text }).collect();
    Ok(Json(Content { version: found.into(), files }))
}

/// Approves a version: the person of the token, who must not be the one who submitted it. Its golden conversations
/// are run first, and it is refused where one does not hold.
#[utoipa::path(post, path = "/v1/scripts/{flow}/{sha256}/approve", tag = "scripts",
    params(("flow" = Flow, Path, description = "The flow"), ("sha256" = Sha, Path, description = "The version")),
    responses((status = 200, description = "The version as it stands now", body = Version),
        (status = 409, description = "The person submitted it, or it is approved already", body = Details)))]
pub(crate) async fn approve(shared: Here, who: Who, At(named): At<Named>) -> Answer<Version> {
    let found = named.found(&shared).await?;
    let files = shared.store().script_files(&found.flow, &found.sha256).await?;
    let (checked, version) = (shared.0.clone(), found.clone());
    // Golden conversations are seconds of work: not on a thread that serves others.
    let faults =
        tokio::task::spawn_blocking(move || (checked.inner().state.check_script)(&version, &files)).await;
    let faults =
        faults.map_err(|_| Problem::new(Code::Internal, "the script could not be checked 话术检查失败"))?;
    if !faults.is_empty() {
        let fault = |(index, detail)| Fault { index, field: None, detail };
        return Err(Problem::new(Code::Invalid, "its golden conversations do not hold 标准对话未通过")
            .with(faults.into_iter().enumerate().map(fault).collect()));
    }
    let stands = shared.store().approve_script(&found.flow, &found.sha256, who.person(), now()).await?;
    Ok(Json(stands.into()))
}

/// Takes an approval back: campaigns that go by the version dial no further with it.
#[utoipa::path(post, path = "/v1/scripts/{flow}/{sha256}/withdraw", tag = "scripts",
    params(("flow" = Flow, Path, description = "The flow"), ("sha256" = Sha, Path, description = "The version")),
    responses((status = 200, description = "The version as it stands now", body = Version),
        (status = 409, description = "It is not approved", body = Details)))]
pub(crate) async fn withdraw(shared: Here, who: Who, At(named): At<Named>) -> Answer<Version> {
    let found = named.found(&shared).await?;
    let stands = shared.store().withdraw_script(&found.flow, &found.sha256, who.person(), now()).await?;
    Ok(Json(stands.into()))
}
