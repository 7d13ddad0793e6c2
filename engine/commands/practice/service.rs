//! A service of its own for a practice campaign, asked over HTTP as a lender's system would.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use waihu_types::{CampaignId, Case, Outcome};

use super::{PracticeArgs, TRUNK};
use crate::{
    commands::serve::READY,
    output::{note, out},
    project::Project,
};

/// How often it is asked how far the campaign is.
const LOOK: Duration = Duration::from_secs(1);

/// `waihu serve`, over the practice store; killed when it is dropped.
pub(super) struct Service {
    child: Child,
    address: String,
    token: String,
    client: Client,
}

impl Service {
    /// Starts it, and passes on what it tells.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn start(project: &Project, args: &PracticeArgs, token: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--project").arg(project.root());
        command.args(["serve", "--practice", "--trunk", TRUNK, "--listen", "127.0.0.1:0"]);
        if let Some(most) = args.max_at_once {
            command.arg("--max-at-once").arg(most.to_string());
        }
        if !args.quiet {
            command.arg("--words");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the service cannot be started 无法启动服务")?;
        let stdout = child.stdout.take().context("the service has no output 服务没有输出")?;
        let Some(address) = told(stdout) else {
            let status = child.wait()?;
            bail!("the service did not come up 服务未能启动 ({status}): see above 见上文");
        };
        // The client wants a way to TLS, which it does not go here; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Plain HTTP on this machine: no proxy of the environment comes between.
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { child, address, token: token.to_owned(), client })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let request = self.client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request
            .send()
            .await
            .with_context(|| format!("the service does not answer 服务无应答: {path}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{path}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{path}: no JSON 应答有误"))
    }

    /// Hands the cases over, makes the campaign, fills it and starts it.
    ///
    /// # Errors
    /// What the service refuses.
    pub(super) async fn begin(&self, id: &CampaignId, script: &str, cases: &[Case]) -> Result<()> {
        self.ask(Method::POST, "/v1/cases", Some(serde_json::to_value(cases)?)).await?;
        let settings = json!({ "trunk": TRUNK, "script": script });
        self.ask(Method::POST, "/v1/campaigns", Some(json!({ "id": id, "settings": settings }))).await?;
        let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        self.ask(Method::POST, &format!("/v1/campaigns/{id}/cases"), Some(json!({ "cases": ids }))).await?;
        self.ask(Method::POST, &format!("/v1/campaigns/{id}/start"), None).await?;
        Ok(())
    }

    /// Waits until every case had its turn, or the service is told to end; the outcomes. `tell` is given all that there
    /// are, each time.
    ///
    /// # Errors
    /// When it does not answer any more.
    pub(super) async fn outcomes(
        &mut self,
        id: &CampaignId,
        cases: usize,
        mut tell: impl FnMut(&[Outcome]) -> Result<()>,
    ) -> Result<Vec<Outcome>> {
        loop {
            tokio::time::sleep(LOOK).await;
            // A service that was told to end tells outcomes as long as it is there.
            let outcomes = self.filed(id).await;
            let ended = self.child.try_wait()?.is_some();
            if let Ok(outcomes) = &outcomes {
                tell(outcomes)?;
            }
            match outcomes {
                Ok(outcomes) if outcomes.len() >= cases || ended => return Ok(outcomes),
                Ok(_) => {}
                Err(_) if ended => bail!("the service has ended 服务已结束"),
                Err(e) => return Err(e),
            }
        }
    }

    async fn filed(&self, id: &CampaignId) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut path = format!("/v1/outcomes?campaign={id}&limit=200");
        loop {
            let page = self.ask(Method::GET, &path, None).await?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            for item in items {
                outcomes
                    .push(serde_json::from_value(item).context("an outcome cannot be read 结果无法读取")?);
            }
            match page["next"].as_str() {
                Some(next) => path = format!("/v1/outcomes?campaign={id}&limit=200&cursor={next}"),
                None => return Ok(outcomes),
            }
        }
    }

    /// Lets it end, and waits until it has.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(super) fn end(mut self) -> Result<()> {
        // It lives as long as its input.
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if !status.success() {
            note!("the service ended with {status} 服务异常结束");
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that it serves at; what it tells later is passed on.
fn told(stdout: ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.by_ref().find_map(|line| {
        let at = line.strip_prefix(READY)?.split_whitespace().find(|word| word.starts_with("http"))?;
        Some(at.to_owned())
    });
    if address.is_some() {
        // Callees need no reader.
        thread::spawn(move || lines.for_each(|line| drop(out!("{line}"))));
    }
    address
}
