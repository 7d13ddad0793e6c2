//! `waihu.toml`: where waihu keeps what it knows, where it listens, whom it tells.
//!
//! `waihu.example.toml` explains each key. Where the file is missing all is local: an SQLite file in `.waihu/`, and the
//! API on loopback.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, de::IgnoredAny};
use waihu_api::{FirstPasswords, OpenId, Passwords, Provider, Relays};
use waihu_deliver::Deliveries;
use waihu_keeping::Archive;
use waihu_store::{Role, Store};
use waihu_vault::{Reference, Signer, Vault};

use crate::{project::Project, rates::AgentCost};

/// The file's name in a project.
pub(crate) const FILE: &str = "waihu.toml";

/// Where the API listens unless told otherwise: on this machine alone.
const LISTEN: &str = "127.0.0.1:8420";

/// How long a node that says nothing counts as alive, unless told otherwise [s]: longer than a database needs to be up
/// again, shorter than a telephone rings.
const LEASE_S: u32 = 15;
/// The shortest and the longest [s]: below, a pause of the machine kills its node; above, what a dead one had is left
/// lying.
const LEASES_S: std::ops::RangeInclusive<u32> = 5..=300;

/// The longest name of a node [bytes].
const MAX_NODE: usize = 64;

/// What is set up for a project.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// The name of this process's node, for people.
    pub(crate) node: String,
    /// How long it counts as alive without a word.
    pub(crate) lease: Duration,
    /// Where the store is.
    pub(crate) store: StoreAt,
    /// The API.
    pub(crate) api: Api,
    /// Where traces of calls go; none for nowhere.
    pub(crate) traces: Option<String>,
    /// The provider where people sign in; none where they do by passwords alone.
    pub(crate) sign_in: Option<SignIn>,
    /// Who is told of events, and how text messages are sent.
    pub(crate) deliveries: Deliveries,
    /// What agents' time costs.
    pub(crate) cost: AgentCost,
    /// How recordings and transcripts are kept.
    pub(crate) vault: VaultAt,
    /// Relays for agents' browsers; none for none.
    pub(crate) turn: Option<Turn>,
}

/// Relays (TURN) for browsers whose network lets no UDP through to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    urls: Vec<String>,
    secret: Reference,
}

impl Turn {
    /// The relays; the secret that they share with us is read now.
    ///
    /// # Errors
    /// When the secret cannot be fetched, or an address is none.
    pub(crate) fn open(&self) -> Result<Relays> {
        let secret = self.secret.read(&|name| std::env::var(name).ok()).context("turn: the secret 密钥")?;
        Ok(Relays::new(self.urls.clone(), &secret)?)
    }
}

/// How recordings and transcripts are kept: plain where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VaultAt {
    /// For whom files are sealed: public halves. Where there is none, for the first key.
    pub(crate) seal_to: Vec<String>,
    /// Where the keys stand that open them.
    pub(crate) key: Option<Reference>,
    /// Where the key stands that signs bundles.
    pub(crate) signing_key: Option<Reference>,
}

impl VaultAt {
    /// The vault, with the keys that are here. The environment is asked by its names alone.
    ///
    /// # Errors
    /// When a key cannot be fetched, or is none.
    pub(crate) fn open(&self) -> Result<Arc<Vault>> {
        let environment = |name: &str| std::env::var(name).ok();
        let keys = self.key.as_ref().map(|key| anyhow::Ok((key.to_string(), key.read(&environment)?)));
        let keys = keys.transpose()?;
        let keys = keys.as_ref().map(|(place, text)| (place.as_str(), text.as_str()));
        Ok(Arc::new(Vault::new(&self.seal_to, keys)?))
    }

    /// Who signs bundles, where anybody does.
    ///
    /// # Errors
    /// When the key cannot be fetched, or is none.
    pub(crate) fn signer(&self) -> Result<Option<Arc<Signer>>> {
        let environment = |name: &str| std::env::var(name).ok();
        let Some(key) = &self.signing_key else { return Ok(None) };
        Ok(Some(Arc::new(Signer::new(&key.to_string(), &key.read(&environment)?)?)))
    }
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAt {
    /// An SQLite file.
    Path(PathBuf),
    /// A PostgreSQL URL, in an environment variable.
    Env(String),
    /// A PostgreSQL URL, in a file that waihu alone may read.
    File(PathBuf),
}

/// The API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Certificate and key, where waihu itself ends TLS.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Whether browsers reach it by TLS, its own or a proxy's.
    pub(crate) secure: bool,
    /// What becomes of a password that somebody else has chosen.
    pub(crate) first_passwords: FirstPasswords,
    /// Roles that sign in by a password with a second factor alone.
    pub(crate) second_factor: Vec<Role>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    node: Option<String>,
    lease_s: Option<u32>,
    store: Option<PathBuf>,
    store_env: Option<String>,
    store_file: Option<PathBuf>,
    traces: Option<String>,
    cost: AgentCost,
    api: ApiFile,
    sign_in: Option<SignIn>,
    /// Read by [`crate::gate::working_hours`].
    agents: IgnoredAny,
    /// Read as [`Deliveries`].
    reader: IgnoredAny,
    sms: IgnoredAny,
    report: IgnoredAny,
    mail: IgnoredAny,
    vault: VaultFile,
    turn: Option<TurnFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnFile {
    urls: Vec<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    secret_command: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VaultFile {
    seal_to: Vec<String>,
    key_file: Option<PathBuf>,
    key_env: Option<String>,
    key_command: Option<Vec<String>>,
    signing_key_file: Option<PathBuf>,
    signing_key_env: Option<String>,
    signing_key_command: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ApiFile {
    listen: Option<SocketAddr>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    behind_proxy: bool,
    first_passwords: Option<String>,
    second_factor: Vec<String>,
}

/// How people sign in elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    url: String,
    #[serde(default = "login_claim")]
    claim: String,
    #[serde(default = "taken")]
    passwords: bool,
}

fn login_claim() -> String {
    "preferred_username".to_owned()
}

fn taken() -> bool {
    true
}

impl SignIn {
    /// The way to the provider, and whether passwords are taken beside it; the secret is read now.
    ///
    /// # Errors
    /// When the secret is not there, or the issuer is no address that may be asked.
    pub(crate) fn open(&self, project: &Project) -> Result<(OpenId, Passwords)> {
        let client_secret = match (&self.client_secret_file, &self.client_secret_env) {
            (Some(path), None) => {
                let path = project.root().join(path);
                fs::read_to_string(&path).with_context(|| {
                    format!("sign_in.client_secret_file: {} cannot be read 无法读取", path.display())
                })?
            }
            (None, Some(name)) => std::env::var(name)
                .with_context(|| format!("sign_in.client_secret_env: {name} is not set 环境变量未设置"))?,
            _ => bail!("sign_in: write client_secret_file or client_secret_env 二者须写其一"),
        };
        let passwords = if self.passwords { Passwords::Taken } else { Passwords::Refused };
        let provider = Provider {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: client_secret.trim().to_owned(),
            url: self.url.clone(),
            claim: self.claim.clone(),
        };
        Ok((OpenId::new(provider).context("sign_in")?, passwords))
    }
}

impl Configuration {
    /// What is set up for a project; what holds without a file where it has none.
    ///
    /// # Errors
    /// What is wrong with the file, by line.
    pub(crate) fn of(project: &Project) -> Result<Self> {
        let path = project.root().join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("{}: cannot be read 无法读取", path.display())),
        };
        Self::parse(project, &path, &text)
    }

    /// The same from the file's text.
    pub(crate) fn parse(project: &Project, path: &Path, text: &str) -> Result<Self> {
        let wrong = |e: toml::de::Error| {
            let line = waihu_campaign::toml_line(text, &e);
            anyhow::anyhow!("{}:{line}: {}", path.display(), e.message())
        };
        let file: File = toml::from_str(text).map_err(wrong)?;
        let deliveries: Deliveries = toml::from_str(text).map_err(wrong)?;
        Self::checked(project, file, deliveries).with_context(|| format!("{}", path.display()))
    }

    fn checked(project: &Project, file: File, deliveries: Deliveries) -> Result<Self> {
        let in_project = |path: PathBuf| project.root().join(path);
        let store = match (file.store, file.store_env, file.store_file) {
            (None, None, None) => StoreAt::Path(project.store()),
            (Some(path), None, None) if path.to_string_lossy().contains("://") => bail!(
                "store: a URL has a password in it, and is not written here: name a variable (store_env) or a file (store_file) that holds it 请用 store_env 或 store_file 引用数据库地址"
            ),
            (Some(path), None, None) => StoreAt::Path(in_project(path)),
            (None, Some(name), None) => StoreAt::Env(name),
            (None, None, Some(path)) => StoreAt::File(in_project(path)),
            _ => bail!("store, store_env and store_file: write one of them 三者只能写一个"),
        };
        let node = file.node.unwrap_or_else(host_name);
        if !(1..=MAX_NODE).contains(&node.len()) || node.chars().any(char::is_control) {
            bail!("node: a name of 1 to 64 letters is expected 节点名有误");
        }
        let lease_s = file.lease_s.unwrap_or(LEASE_S);
        if !LEASES_S.contains(&lease_s) {
            bail!("lease_s: from 5 to 300 is expected 应为 5 至 300");
        }
        let traces = file.traces.filter(|url| !url.is_empty());
        if traces.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            bail!("traces: an address as http://127.0.0.1:4318/v1/traces is expected 应为网址");
        }
        Ok(Self {
            node,
            lease: Duration::from_secs(lease_s.into()),
            store,
            api: file.api.checked(in_project)?,
            traces,
            sign_in: file.sign_in,
            deliveries,
            cost: file.cost,
            vault: file.vault.checked(in_project)?,
            turn: file.turn.map(|turn| turn.checked(in_project)).transpose()?,
        })
    }

    /// The store.
    ///
    /// # Errors
    /// When it cannot be opened or reached.
    pub(crate) async fn open_store(&self) -> Result<Store> {
        Ok(Store::connect(&self.store_address()?).await?)
    }

    /// Has a store seal words and open those that are sealed, by the keys that are here.
    ///
    /// # Errors
    /// When a key cannot be fetched, or none that is here opens the key of words.
    pub(crate) async fn unlock(&self, store: &Store) -> Result<()> {
        let vault = self.vault.open()?;
        Ok(waihu_keeping::unlock_words(store, &vault).await?)
    }

    /// What is kept in a project, over a store, with the keys that are here.
    ///
    /// # Errors
    /// When a key cannot be fetched, or is none.
    pub(crate) fn archive(&self, project: &Project, store: Arc<Store>) -> Result<Archive> {
        let (vault, signer) = (self.vault.open()?, self.vault.signer()?);
        Ok(Archive { store, vault, signer, recordings: project.recordings() })
    }

    /// The store, where it was ever made: whoever only asks makes no file.
    ///
    /// # Errors
    /// When it cannot be opened or reached.
    pub(crate) async fn existing_store(&self) -> Result<Option<Store>> {
        match &self.store {
            StoreAt::Path(path) if !path.exists() => Ok(None),
            _ => self.open_store().await.map(Some),
        }
    }

    /// What the store is opened with: a path, or a PostgreSQL URL. The environment is asked by its name alone.
    ///
    /// # Errors
    /// When the variable or the file is not there.
    pub(crate) fn store_address(&self) -> Result<String> {
        match &self.store {
            StoreAt::Path(path) => Ok(path.display().to_string()),
            StoreAt::Env(name) => std::env::var(name)
                .with_context(|| format!("store_env: the variable {name} is not set 环境变量未设置")),
            StoreAt::File(path) => Ok(fs::read_to_string(path)
                .with_context(|| format!("store_file: {} cannot be read 无法读取", path.display()))?
                .trim()
                .to_owned()),
        }
    }
}

/// Where a secret stands, where that is said; in one place.
fn one_place(
    what: &str,
    file: Option<PathBuf>,
    env: Option<String>,
    command: Option<Vec<String>>,
) -> Result<Option<Reference>> {
    Ok(match (file, env, command) {
        (None, None, None) => None,
        (Some(path), None, None) => Some(Reference::File(path)),
        (None, Some(name), None) => Some(Reference::Env(name)),
        (None, None, Some(words)) if !words.is_empty() => Some(Reference::Command(words)),
        _ => bail!("{what}_file, {what}_env and {what}_command: write one of them 三者只能写一个"),
    })
}

impl TurnFile {
    fn checked(self, in_project: impl Fn(PathBuf) -> PathBuf) -> Result<Turn> {
        let file = self.secret_file.map(in_project);
        let Some(secret) = one_place("turn: secret", file, self.secret_env, self.secret_command)? else {
            bail!("turn: write secret_file, secret_env or secret_command 请引用密钥");
        };
        // An address that is none is told here, not at the first call.
        Relays::new(self.urls.clone(), "the secret is read when it is needed")?;
        Ok(Turn { urls: self.urls, secret })
    }
}

impl VaultFile {
    fn checked(self, in_project: impl Fn(PathBuf) -> PathBuf) -> Result<VaultAt> {
        let key = one_place("vault: key", self.key_file.map(&in_project), self.key_env, self.key_command)?;
        let signing_key = one_place(
            "vault: signing_key",
            self.signing_key_file.map(&in_project),
            self.signing_key_env,
            self.signing_key_command,
        )?;
        // A public half that is none is told here, not after the first call.
        Vault::new(&self.seal_to, None).context("vault.seal_to")?;
        Ok(VaultAt { seal_to: self.seal_to, key, signing_key })
    }
}

impl ApiFile {
    fn checked(self, in_project: impl Fn(PathBuf) -> PathBuf) -> Result<Api> {
        let tls = match (self.cert, self.key) {
            (Some(cert), Some(key)) => Some((in_project(cert), in_project(key))),
            (None, None) => None,
            _ => bail!("api: cert and key go together 证书与私钥须同时给出"),
        };
        let listen = match self.listen {
            Some(listen) => listen,
            None => LISTEN.parse().context("the address that is built in")?,
        };
        if !listen.ip().is_loopback() && tls.is_none() && !self.behind_proxy {
            bail!(
                "api.listen: {listen} can be reached from other machines, and tokens and numbers would go there in the clear: name cert and key, or write behind_proxy = true where a proxy before it ends TLS 非本机地址须配置证书，或由前置代理提供 TLS"
            );
        }
        let secure = tls.is_some() || self.behind_proxy;
        let first_passwords = match self.first_passwords.as_deref() {
            None | Some("stay") => FirstPasswords::Stay,
            Some("change") => FirstPasswords::Change,
            Some(_) => bail!("api.first_passwords: \"change\" or \"stay\" is expected 应为 change 或 stay"),
        };
        let roles = self.second_factor.iter().map(|role| role.parse::<Role>());
        let second_factor = roles.collect::<Result<Vec<_>, _>>().context("api.second_factor")?;
        Ok(Api { listen, tls, secure, first_passwords, second_factor })
    }
}

/// This machine's name.
pub(crate) fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "waihu".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(&Project::at(Path::new("/p")), Path::new("waihu.toml"), text)
            .map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn without_a_file_all_is_local() {
        let c = parse("").unwrap();
        assert_eq!(c.store, StoreAt::Path(PathBuf::from("/p/.waihu/waihu.sqlite")));
        assert!(c.api.listen.ip().is_loopback() && c.api.tls.is_none() && c.deliveries.readers.is_empty());
        assert!(c.traces.is_none() && !c.node.is_empty());
        assert!(c.vault == VaultAt::default() && !c.vault.open().unwrap().seals());
        assert!(c.api.first_passwords == FirstPasswords::Stay && c.api.second_factor.is_empty());
    }

    #[test]
    fn the_example_is_right() {
        let text = include_str!("../waihu.example.toml");
        let c = parse(text).unwrap();
        assert_eq!(c.lease, Duration::from_secs(u64::from(LEASE_S)));
        // Each key that is off there is right where it is on.
        let on: Vec<&str> = text.lines().map(|l| l.strip_prefix("#: ").unwrap_or(l)).collect();
        let c = parse(&on.join("\n")).unwrap();
        assert!(!c.deliveries.readers.is_empty() && c.api.tls.is_some() && c.traces.is_some());
        assert!(c.turn.is_some() && c.deliveries.sms.is_some());
        assert_eq!(c.api.first_passwords, FirstPasswords::Change);
        assert_eq!(c.api.second_factor, [Role::Admin, Role::Compliance]);
        assert!(c.vault.key.is_some() && c.vault.signing_key.is_some());
        let of_cn = include_str!("../compliance/holidays/cn.toml");
        let days_off = |_: &str| Some(("cn.toml".to_owned(), of_cn.to_owned()));
        let hours = waihu_compliance::WorkingHours::parse("waihu.toml", &on.join("\n"), days_off);
        assert!(hours.is_ok_and(|hours| hours.is_some()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_or_key() {
        for (text, said) in [
            ("node = \"a\"\nlisten = 1\n", "waihu.toml:2: unknown field `listen`"),
            ("[api]\n\nlisten = \"here\"\n", "waihu.toml:3:"),
            ("store = \"a\"\nstore_env = \"B\"\n", "write one of them"),
            ("store = \"postgres://waihu:secret@db/waihu\"\n", "store_env"),
            ("[api]\nlisten = \"0.0.0.0:8420\"\n", "behind_proxy"),
            ("[api]\ncert = \"a.pem\"\n", "go together"),
            ("[api]\nfirst_passwords = \"go\"\n", "api.first_passwords"),
            ("[api]\nsecond_factor = [\"king\"]\n", "api.second_factor"),
            ("lease_s = 1\n", "5 to 300"),
            ("traces = \"localhost\"\n", "traces"),
            ("[vault]\nkey_file = \"a\"\nkey_env = \"B\"\n", "write one of them"),
            ("[vault]\nkey_command = []\n", "key_command"),
            ("[turn]\nurls = [\"turn:a\"]\n", "secret_file"),
            ("[turn]\nurls = [\"a\"]\nsecret_env = \"B\"\n", "RFC 7065"),
            ("[vault]\nseal_to = [\"age1nobody\"]\n", "recipient"),
        ] {
            let e = parse(text).unwrap_err();
            assert!(e.contains(said), "{text}: {e}");
            assert!(!e.contains("secret@"), "{e}");
        }
    }
}
