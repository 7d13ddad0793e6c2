//! `waihu person`: who may sign in. Passwords are read from the terminal or standard input, never from arguments,
//! which every process of the machine can read.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
    str::FromStr,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use waihu_api::hash_password;
use waihu_store::{ChosenBy, Login, Person, PersonChange, Role, Store, StoreError};
use waihu_types::{Answers, Lang};

use super::{
    dialog::{now, open},
    runtime,
    written::written,
};
use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

/// The longest name of a person [characters].
const MAX_NAME: usize = 64;

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Let somebody sign in, with a first password that is asked for 新增人员
    Add(AddArgs),
    /// Change what somebody is called, may do, can do and speaks 更改
    Change(ChangeArgs),
    /// List who may sign in 列出
    List {
        /// One JSON object a person 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// Shut somebody out, end their sessions, and revoke tokens under their name or login 停用
    Disable {
        /// By what they sign in 登录名
        login: Login,
    },
    /// Give somebody another password, and let them in again where they were shut out 重设密码
    Password {
        /// By what they sign in 登录名
        login: Login,
    },
    /// Take somebody's second factor away, where their telephone is lost, and end their sessions 双因素认证
    SecondFactor {
        /// By what they sign in 登录名
        login: Login,
        /// Take it away: one's own is set up in the console alone 移除
        #[arg(long)]
        remove: bool,
    },
    /// Have somebody take calls by hand or at once, from when they next sit down at their desk 接听方式
    Answers {
        /// By what they sign in 登录名
        login: Login,
        /// by_hand, or at_once: the desk answers by itself after a short tone 手动或自动接听
        answers: Answers,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// By what they sign in: letters, digits and . _ - + @ 登录名
    login: Login,
    /// operations, compliance, agent, integrator or admin 角色
    #[arg(long)]
    role: Role,
    /// Their name for other people 姓名
    #[arg(long)]
    name: String,
    /// What they can do, in the words of scripts, from 1 to 5; may be given again 技能与等级
    #[arg(long = "skill", value_name = "SKILL=LEVEL")]
    skills: Vec<Skill>,
    /// A language they speak; may be given again, all without it 语言
    #[arg(long = "lang", value_name = "zh|en")]
    langs: Vec<Lang>,
    /// How they take calls: by_hand, or at_once 接听方式
    #[arg(long, default_value_t)]
    answers: Answers,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// By what they sign in 登录名
    login: Login,
    /// Their name for other people 姓名
    #[arg(long, required_unless_present_any = ["role", "skills", "langs"])]
    name: Option<String>,
    /// operations, compliance, agent, integrator or admin: another one ends their sessions, and revokes tokens under their name or login that are of any other 角色；更改后其会话结束，其名下其他角色的令牌吊销
    #[arg(long)]
    role: Option<Role>,
    /// All that they can do, with commas between, as hardship=4,dispute=2; "" for nothing 全部技能与等级
    #[arg(long, value_name = "SKILL=LEVEL,…")]
    skills: Option<Skills>,
    /// All languages that they speak, with commas between; "" for all there are 全部语言
    #[arg(long, value_name = "zh,en")]
    langs: Option<Langs>,
}

/// A skill and how well somebody has it.
#[derive(Clone, Debug)]
struct Skill(String, u8);

impl FromStr for Skill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (skill, level) = text.split_once('=').unwrap_or((text, "3"));
        let level: u8 = level.trim().parse().unwrap_or_default();
        let skill = skill.trim();
        if !(1..=5).contains(&level) || skill.is_empty() {
            return Err("write it as hardship=4, from 1 to 5 请写作 技能=等级".to_owned());
        }
        Ok(Self(skill.to_owned(), level))
    }
}

/// What stands between commas.
fn listed<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split([',', '，']).map(str::trim).filter(|part| !part.is_empty()).map(read).collect()
}

/// All skills of somebody.
#[derive(Clone, Debug)]
struct Skills(BTreeMap<String, u8>);

impl FromStr for Skills {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let skills = listed(text, str::parse::<Skill>)?;
        Ok(Self(skills.into_iter().map(|Skill(skill, level)| (skill, level)).collect()))
    }
}

/// All languages of somebody.
#[derive(Clone, Debug)]
struct Langs(Vec<Lang>);

impl FromStr for Langs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        listed(text, |part| part.parse::<Lang>().map_err(|e| e.to_string())).map(Self)
    }
}

pub(crate) fn run(project: &Project, command: PersonCommand) -> Result<ExitCode> {
    match command {
        PersonCommand::Add(args) => add(project, args),
        PersonCommand::Change(args) => alter(project, args),
        PersonCommand::List { json } => list(project, json),
        PersonCommand::Disable { login } => disable(project, &login),
        PersonCommand::Password { login } => {
            let hash = hash_password(&new_password()?)?;
            change(
                project,
                (&login, "password"),
                "has another password 密码已重设",
                async |store: &Store| {
                    store.set_password(&login, (hash.as_str(), ChosenBy::Another), now()).await
                },
            )
        }
        PersonCommand::SecondFactor { login, remove: true } => {
            let told = "has no second factor any more 双因素认证已移除";
            change(project, (&login, "second-factor"), told, async |store: &Store| {
                store.remove_second_factor(&login, None, now()).await
            })
        }
        PersonCommand::SecondFactor { remove: false, .. } => {
            bail!(
                "say --remove: a second factor is set up by its owner, at My account 请加 --remove；设置须由本人在控制台进行"
            )
        }
        PersonCommand::Answers { login, answers } => change(
            project,
            (&login, "answers"),
            &format!("takes calls {answers} 接听方式已更改"),
            async |store: &Store| store.set_answers(&login, answers).await,
        ),
    }
}

/// Changes something of somebody, whom it may be that nobody knows.
fn change(
    project: &Project,
    (login, what): (&Login, &str),
    told: &str,
    doing: impl AsyncFnOnce(&Store) -> Result<bool, StoreError>,
) -> Result<ExitCode> {
    runtime()?.block_on(async {
        let store = open(project).await?;
        let changed = async {
            if !doing(&store).await? {
                return Err(nobody(login));
            }
            Ok(())
        };
        written(&store, &format!("person {what} {login}"), changed).await
    })?;
    out!("{login}: {told}")?;
    Ok(ExitCode::SUCCESS)
}

/// Shuts somebody out, and tells which tokens went with it.
fn disable(project: &Project, login: &Login) -> Result<ExitCode> {
    let revoked = runtime()?.block_on(async {
        let store = open(project).await?;
        let shut_out = async {
            let revoked = store.disable_person(login, now()).await?;
            revoked.ok_or_else(|| nobody(login))
        };
        written(&store, &format!("person disable {login}"), shut_out).await
    })?;
    out!("{login}: shut out 已停用")?;
    tell(&revoked)
}

fn tell(revoked: &[String]) -> Result<ExitCode> {
    for token in revoked {
        out!("token 令牌 {token}: revoked 已吊销")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn nobody(login: &Login) -> anyhow::Error {
    anyhow!("there is nobody {login} of whom that could be: see `waihu person list` 没有该人员")
}

fn named(name: &str) -> Result<String> {
    let name = name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        bail!("--name: from 1 to 64 characters are expected 应为 1 至 64 个字符");
    }
    Ok(name.to_owned())
}

/// Changes somebody as they stand now, written down by what is another.
fn alter(project: &Project, args: ChangeArgs) -> Result<ExitCode> {
    let login = args.login;
    let change = PersonChange {
        name: args.name.as_deref().map(named).transpose()?,
        role: args.role,
        skills: args.skills.map(|Skills(skills)| skills),
        langs: args.langs.map(|Langs(langs)| langs),
    };
    let (told, revoked) = runtime()?.block_on(async {
        let store = open(project).await?;
        let before = store.secret(&login).await?.ok_or_else(|| nobody(&login))?.person;
        let told = change.told(&before);
        if told.is_empty() {
            return anyhow::Ok((told, Vec::new()));
        }
        let changed = async {
            let revoked = store.change_person(&login, &change, Some(before.revision()), now()).await?;
            revoked.ok_or_else(|| nobody(&login))
        };
        let revoked = written(&store, &format!("person change {login}: {told}"), changed).await?;
        Ok((told, revoked))
    })?;
    if told.is_empty() {
        out!("{login}: it is so already 无变化")?;
    } else {
        out!("{login}: {told} 已更改")?;
    }
    tell(&revoked)
}

fn add(project: &Project, args: AddArgs) -> Result<ExitCode> {
    let person = Person {
        login: args.login,
        name: named(&args.name)?,
        role: args.role,
        skills: args.skills.into_iter().map(|Skill(skill, level)| (skill, level)).collect::<BTreeMap<_, _>>(),
        langs: args.langs,
        answers: args.answers,
        made_at: now(),
        disabled_at: None,
        locked_until: None,
        second_factor_at: None,
        password_given: true,
    };
    let hash = hash_password(&new_password()?)?;
    runtime()?.block_on(async {
        let store = open(project).await?;
        let added = async {
            if !store.keep_person(&person, &hash).await? {
                bail!("the login {} is taken: choose another 登录名已存在", person.login);
            }
            Ok(())
        };
        written(&store, &format!("person add {} as {}", person.login, person.role), added).await
    })?;
    out!("{} ({}): may sign in 可以登录", person.login, person.role)?;
    Ok(ExitCode::SUCCESS)
}

fn list(project: &Project, as_json: bool) -> Result<ExitCode> {
    let people = runtime()?.block_on(async { anyhow::Ok(open(project).await?.people().await?) })?;
    if as_json {
        for p in &people {
            out!(
                "{}",
                json!({"login": p.login.as_str(), "name": p.name, "role": p.role.label(), "skills": p.skills,
                    "langs": p.langs, "answers": p.answers, "made_at": p.made_at, "disabled_at": p.disabled_at,
                    "locked_until": p.locked_until, "second_factor_at": p.second_factor_at})
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        "login 登录名",
        "name 姓名",
        "role 角色",
        "skills 技能",
        "signs in 可登录",
        "second factor 双因素",
    ]);
    for p in &people {
        let skills: Vec<String> = p.skills.iter().map(|(skill, level)| format!("{skill}={level}")).collect();
        let locked = p.locked_until.is_some_and(|until| now() < until);
        let may = match (p.disabled_at, locked) {
            (Some(_), _) => "no 已停用",
            (None, true) => "not yet 已锁定",
            (None, false) => "yes 是",
        };
        table.row([
            p.login.to_string(),
            p.name.clone(),
            p.role.to_string(),
            skills.join(" "),
            may.to_owned(),
            p.second_factor_at.map_or("no 无", |_| "yes 有").to_owned(),
        ]);
    }
    out!("{table}\n{} people 人", people.len())?;
    Ok(ExitCode::SUCCESS)
}

/// A password from the terminal, twice and unseen; from a pipe it is the first line.
fn new_password() -> Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return line();
    }
    note!("at least 12 characters 至少 12 个字符");
    let first = unseen("password 密码: ")?;
    if unseen("again 再次输入: ")? != first {
        bail!("the two are not the same: nothing was changed 两次输入不一致");
    }
    Ok(first)
}

/// Puts the terminal back as it was.
struct Echo(Termios);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

fn unseen(asked: &str) -> Result<String> {
    let before = tcgetattr(io::stdin()).context("the terminal cannot be asked 无法读取终端")?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet).context("the terminal cannot hide what is typed")?;
    let _echo = Echo(before);
    let mut stderr = io::stderr();
    write!(stderr, "{asked}")?;
    stderr.flush()?;
    let read = line();
    // What ended it was not shown either.
    writeln!(stderr)?;
    read
}

fn line() -> Result<String> {
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text).context("the password cannot be read 无法读取密码")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
