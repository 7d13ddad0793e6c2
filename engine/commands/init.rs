//! `waihu init`: a first set-up, step by step. It asks on a terminal, takes flags in scripts, and writes over nothing.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_store::{Role, Store};
use waihu_trunk::TrunkConfig;

use crate::{
    configuration::{Configuration, FILE},
    gate,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The project's folder to make; the one that --project names when left out 新项目目录
    dir: Option<PathBuf>,
    /// Ask nothing: what no flag says is as shown by default 不提问，未给出的用缺省值
    #[arg(long)]
    yes: bool,
    /// The trunk's name: its file in sip-config/ 线路名
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// The carrier's address and port 运营商地址
    #[arg(long, value_name = "IP:PORT")]
    proxy: Option<SocketAddr>,
    /// The caller id, as the carrier wants to see it 主叫
    #[arg(long, value_name = "SIP-URI")]
    from: Option<String>,
    /// The address of this machine that the carrier reaches 本机媒体地址
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The user of digest authentication; none where the carrier asks for nothing 认证用户名
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The file that holds its password 密码文件
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The compliance profile: cn, us, us-ma, us-ny, or your own 合规规则
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// The environment variable with a PostgreSQL URL; SQLite without it PostgreSQL 地址的环境变量
    #[arg(long, value_name = "VARIABLE")]
    store_env: Option<String>,
    /// Where the API listens 接口监听地址
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Who sets this up: the first tokens are theirs 设置人姓名
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Make no tokens 不生成令牌
    #[arg(long)]
    no_tokens: bool,
}

/// What a new project takes over from this one.
const SHIPPED: [&str; 6] = ["dialogs", "models", "compliance", "strategies", "campaigns", "sip-config"];

/// What is asked for, in the order in which it is asked.
struct Answers {
    profile: String,
    trunk: String,
    proxy: SocketAddr,
    from: String,
    address: IpAddr,
    username: Option<String>,
    password_file: PathBuf,
    store_env: Option<String>,
    listen: SocketAddr,
}

pub(crate) fn run(project: &Project, args: &InitArgs) -> Result<ExitCode> {
    let asker = Asker { asks: !args.yes && io::stdin().is_terminal() };
    let root = args.dir.clone().unwrap_or_else(|| project.root().to_owned());
    note!("waihu init: {} (Enter takes what stands in brackets 回车采用方括号中的值)", root.display());
    let answers = ask(args, &asker, project)?;
    let made = Project::at(&root);
    // Before anything is written: what is not right is told, and nothing is left half done.
    let trunk_text = trunk_file(&answers);
    TrunkConfig::parse(&trunk_text, &made.trunk(&answers.trunk).display().to_string())
        .context("the trunk as it was told is not right, and nothing was written 线路信息有误，未写入")?;
    let configuration = configuration_file(&answers);
    Configuration::parse(&made, &root.join(FILE), &configuration)?;

    if root != project.root() {
        take_over(project.root(), &root)?;
    }
    write_new(&made.trunk(&answers.trunk), &trunk_text)?;
    write_new(&root.join(FILE), &configuration)?;
    if !args.no_tokens {
        first_tokens(&made, args, &asker)?;
    }
    let name = &answers.trunk;
    out!("\nNext 接下来:")?;
    if let Some(user) = &answers.username {
        let file = answers.password_file.display();
        out!("  put {user}'s password into {file}, readable by waihu alone 将密码写入该文件，仅 waihu 可读")?;
    }
    if let Some(variable) = &answers.store_env {
        out!("  set {variable} to postgres://… 设置该环境变量为数据库地址")?;
    }
    out!("  waihu models pull && waihu train intents     the models 获取模型")?;
    out!("  waihu check --trunk {name}                    scripts and trunk 检查话术与线路")?;
    out!(
        "  waihu doctor --trunk {name}                   machine, database, carrier 检查机器、数据库与线路"
    )?;
    out!("  waihu serve --trunk {name}                    all of it 启动服务")?;
    Ok(ExitCode::SUCCESS)
}

fn ask(args: &InitArgs, asker: &Asker, project: &Project) -> Result<Answers> {
    let known = |id: &str| gate::profile(project, id).map(|_| id.to_owned()).map_err(|e| format!("{e:#}"));
    let profile = asker.ask(args.profile.clone(), "compliance profile 合规规则", Some("cn"), known)?;
    let plain = |name: &str| {
        let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if fits {
            Ok(name.to_owned())
        } else {
            Err("letters, digits, - and _ are expected 应为字母、数字、- 或 _".to_owned())
        }
    };
    let trunk = asker.ask(args.trunk.clone(), "trunk, a name for the line 线路名", Some("main"), plain)?;
    let socket = |text: &str| {
        text.parse::<SocketAddr>()
            .map_err(|_| "an address as 192.0.2.10:5060 is expected 应为 IP:端口".to_owned())
    };
    let proxy = asker.ask(
        args.proxy.map(|a| a.to_string()),
        "the carrier's address and port 运营商地址与端口",
        None,
        socket,
    )?;
    let uri = |text: &str| {
        if text.starts_with("sip:") && text.contains('@') {
            Ok(text.to_owned())
        } else {
            Err("as sip:4008001234@carrier.example 应为 sip:号码@域名".to_owned())
        }
    };
    let from = asker.ask(args.from.clone(), "the caller id 主叫号码", None, uri)?;
    let here = here(proxy).map(|ip| ip.to_string());
    let ip =
        |text: &str| text.parse::<IpAddr>().map_err(|_| "an IP address is expected 应为 IP 地址".to_owned());
    let address = asker.ask(
        args.address.map(|a| a.to_string()),
        "this machine's address for the carrier 本机对外地址",
        here.as_deref(),
        ip,
    )?;
    let any = |text: &str| Ok(text.to_owned());
    let username = asker.ask(
        args.username.clone(),
        "user of digest authentication, empty for none 认证用户名（没有则留空）",
        Some(""),
        any,
    )?;
    let username = Some(username).filter(|name| !name.is_empty());
    let file = |text: &str| Ok(PathBuf::from(text));
    let usual = format!("/etc/waihu/{trunk}-password");
    let password_file = match &username {
        Some(_) => asker.ask(
            args.password_file.as_ref().map(|p| p.display().to_string()),
            "file with its password 密码文件",
            Some(&usual),
            file,
        )?,
        None => PathBuf::from(&usual),
    };
    let store_env = asker.ask(
        args.store_env.clone(),
        "variable with a PostgreSQL URL, empty for SQLite here PostgreSQL 地址的环境变量（留空用本机 SQLite）",
        Some(""),
        any,
    )?;
    let listen = asker.ask(args.listen.map(|a| a.to_string()), "where the API listens 接口监听地址", Some("127.0.0.1:8420"), |text| {
        let at = socket(text)?;
        if at.ip().is_loopback() { Ok(at) } else { Err("begin with 127.0.0.1: other addresses need TLS, see waihu.example.toml 请先用本机地址，对外须配置 TLS".to_owned()) }
    })?;
    let store_env = Some(store_env).filter(|name| !name.is_empty());
    Ok(Answers { profile, trunk, proxy, from, address, username, password_file, store_env, listen })
}

/// The address of this machine from which a packet to the carrier would leave. None is sent.
fn here(proxy: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if proxy.is_ipv4() { [0, 0, 0, 0].into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect(proxy).ok()?;
    socket.local_addr().ok().map(|at| at.ip())
}

/// Asks people, or takes what flags and defaults say.
struct Asker {
    asks: bool,
}

/// So many wrong answers, and whoever asks gives up: it is no person.
const MOST_TRIES: usize = 10;

impl Asker {
    fn ask<T>(
        &self,
        flag: Option<String>,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T> {
        if let Some(flag) = flag {
            return read(&flag).map_err(|e| anyhow::anyhow!("{question}: {e}"));
        }
        if !self.asks {
            let Some(default) = default else {
                bail!("{question}: a flag has to say it, see `waihu init --help` 请用参数给出")
            };
            return read(default).map_err(|e| anyhow::anyhow!("{question}: {e}"));
        }
        for _ in 0..MOST_TRIES {
            let shown = default.map(|d| format!(" [{d}]")).unwrap_or_default();
            let _ = write!(io::stderr().lock(), "{question}{shown}: ");
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line)? == 0 {
                bail!("nobody answers any more; nothing was written 输入已结束，未写入");
            }
            let given = line.trim();
            match read(if given.is_empty() { default.unwrap_or_default() } else { given }) {
                Ok(answer) => return Ok(answer),
                Err(e) => note!("  {e}"),
            }
        }
        bail!("{question}: no answer that fits 未得到有效回答")
    }
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn trunk_file(a: &Answers) -> String {
    let (proxy, from, bind) =
        (quoted(&a.proxy.to_string()), quoted(&a.from), SocketAddr::new(a.address, 5060));
    let mut text = format!(
        "# Made by `waihu init`; sip-config/example.toml explains each key. 由 waihu init 生成，各键说明见 example.toml。\n\
         [trunk]\nproxy = {proxy}\nfrom = {from}\ncompliance = {}\nbind = \"{bind}\"\nmax_calls = 10\n",
        quoted(&a.profile)
    );
    if let Some(user) = &a.username {
        let file = quoted(&a.password_file.display().to_string());
        text.push_str(&format!("username = {}\npassword_file = {file}\n", quoted(user)));
    }
    text
}

fn configuration_file(a: &Answers) -> String {
    let store = match &a.store_env {
        Some(name) => format!("store_env = {}", quoted(name)),
        None => "store = \".waihu/waihu.sqlite\"".to_owned(),
    };
    format!(
        "# Made by `waihu init`; waihu.example.toml explains each key. 由 waihu init 生成，各键说明见 waihu.example.toml。\n\
         {store}\n\n[api]\nlisten = \"{}\"\n\
         # Whoever is given a password takes another one at first. 首次登录须修改由他人设置的密码。\n\
         first_passwords = \"change\"\n",
        a.listen
    )
}

/// Writes a file that is not there; one that is stays as it is.
fn write_new(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made 无法创建", folder.display()))?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())
                .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
            out!("written 已写入 {}", path.display())
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            out!("is there already, and stays as it is 已存在，保持不变: {}", path.display())
        }
        Err(e) => Err(e).with_context(|| format!("{}: cannot be written 无法写入", path.display())),
    }
}

/// Copies what is shipped with waihu into a new project; what is there stays as it is.
fn take_over(from: &Path, to: &Path) -> Result<()> {
    for name in SHIPPED {
        let source = from.join(name);
        if source.is_dir() {
            copy(&source, &to.join(name)).with_context(|| format!("{name}: cannot be copied 无法复制"))?;
        }
    }
    let example = from.join("waihu.example.toml");
    if example.exists() && !to.join("waihu.example.toml").exists() {
        fs::copy(&example, to.join("waihu.example.toml"))?;
    }
    out!("taken over 已复制: {}", SHIPPED.join(", "))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if !target.exists() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The tokens that a beginning takes: one to set up and look, one to run campaigns.
fn first_tokens(project: &Project, args: &InitArgs, asker: &Asker) -> Result<()> {
    let configuration = Configuration::of(project)?;
    let Ok(address) = configuration.store_address() else {
        note!(
            "no tokens yet: the database's URL is not known here; `waihu token make` makes them 暂无法生成令牌，稍后请用 waihu token make"
        );
        return Ok(());
    };
    let any = |text: &str| Ok(text.to_owned());
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let person = asker.ask(
        args.person.clone(),
        "your name, which goes with what you do 您的姓名",
        user.as_deref().or(Some("admin")),
        any,
    )?;
    super::runtime()?.block_on(async {
        let store = Store::connect(&address).await?;
        let taken: Vec<String> = store.tokens().await?.into_iter().map(|t| t.name).collect();
        for role in [Role::Admin, Role::Operations] {
            let name = format!("{}-1", role.label());
            if taken.contains(&name) {
                out!("token 令牌 {name}: is there already 已存在")?;
                continue;
            }
            let text = super::token::make(&store, &name, role, &person, None).await?;
            out!("token 令牌 {name} (shown this once 只显示一次): {}", text.reveal())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use waihu_api::FirstPasswords;

    use super::*;

    fn args(dir: &Path) -> InitArgs {
        InitArgs {
            dir: Some(dir.to_owned()),
            yes: true,
            trunk: None,
            proxy: "192.0.2.10:5060".parse().ok(),
            from: Some("sip:4008001234@carrier.example".to_owned()),
            address: "192.0.2.20".parse().ok(),
            username: Some("waihu".to_owned()),
            password_file: None,
            profile: None,
            store_env: None,
            listen: None,
            person: Some("Li Ming".to_owned()),
            no_tokens: false,
        }
    }

    fn shipped() -> Project {
        Project::at(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn what_it_writes_is_right_and_a_second_time_writes_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new");
        run(&shipped(), &args(&root)).unwrap();
        let made = Project::at(&root);
        let trunk = TrunkConfig::read(&made.trunk("main")).unwrap();
        assert_eq!(trunk.compliance.as_deref(), Some("cn"));
        assert!(gate::of(&made, "main", &trunk).is_ok());
        let configuration = Configuration::of(&made).unwrap();
        assert_eq!(configuration.api.first_passwords, FirstPasswords::Change);
        assert!(made.flows().unwrap().len() > 1);

        fs::write(root.join(FILE), "node = \"mine\"\n").unwrap();
        let again = InitArgs { proxy: "192.0.2.99:5060".parse().ok(), ..args(&root) };
        run(&shipped(), &again).unwrap();
        assert_eq!(Configuration::of(&made).unwrap().node, "mine");
        assert_eq!(TrunkConfig::read(&made.trunk("main")).unwrap().proxy, trunk.proxy);
    }

    #[test]
    fn what_is_not_right_is_told_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let told = |args: InitArgs| format!("{:#}", run(&shipped(), &args).unwrap_err());
        assert!(told(InitArgs { proxy: None, ..args(folder.path()) }).contains("--help"));
        assert!(told(InitArgs { profile: Some("mars".to_owned()), ..args(folder.path()) }).contains("mars"));
        assert!(told(InitArgs { trunk: Some("../x".to_owned()), ..args(folder.path()) }).contains("letters"));
        assert!(told(InitArgs { listen: "0.0.0.0:1".parse().ok(), ..args(folder.path()) }).contains("TLS"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
