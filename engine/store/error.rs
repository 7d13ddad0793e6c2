use std::{io, path::PathBuf};

use sqlx::{Error as SqlError, migrate::MigrateError};
use waihu_types::{AttemptId, CampaignId, CaseId, WallTime};

use crate::{Bar, CampaignState, CaseState, Denied, Location};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or file could not be made or opened.
    #[error("{path}: cannot open the outcome store 无法打开结果库: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no store of ours.
    #[error(
        "{location} is not an outcome store of waihu: choose another, nothing was changed in it 不是 waihu 的结果库"
    )]
    NotOurs {
        /// The store.
        location: Location,
    },
    /// A newer waihu has made of the store what this one cannot live with.
    #[error(
        "{location} was changed by a newer waihu so that this one cannot use it any more (schema {found}, this one knows up to {known}): upgrade waihu 请升级"
    )]
    Newer {
        /// The store.
        location: Location,
        /// The first migration that broke it.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// No room is left.
    #[error(
        "{location}: the disk is full, nothing was written: free some space; no further call may be placed until then 磁盘已满"
    )]
    DiskFull {
        /// The store.
        location: Location,
    },
    /// It may not be written.
    #[error("{location} cannot be written: check the rights on it (of a file, on its folder too) 无法写入")]
    ReadOnly {
        /// The store.
        location: Location,
    },
    /// Another process held it for too long.
    #[error("{location} is locked by another program: close it and try again 被其他程序占用")]
    Locked {
        /// The store.
        location: Location,
    },
    /// The database server is not there, or went away; what was being written may stand or not.
    #[error("{location} cannot be reached: is the server up, and the network? 数据库无法连接: {source}")]
    Unreachable {
        /// The store.
        location: Location,
        /// What the driver said.
        source: SqlError,
    },
    /// An address of a database that cannot be read; it is not repeated, since a password may stand in it.
    #[error(
        "the store's address cannot be read: write postgres://USER@HOST/DATABASE, or a file's path 数据库地址有误: {source}"
    )]
    Address {
        /// What is wrong with it.
        source: SqlError,
    },
    /// Another process runs the campaign.
    #[error("campaign {campaign} is run by another process{}: one at a time 该批次已在运行", pid.map_or(String::new(), |p| format!(" (pid {p})")))]
    CampaignTaken {
        /// The campaign.
        campaign: CampaignId,
        /// Who, where it could be read.
        pid: Option<u32>,
    },
    /// There is no such campaign.
    #[error("there is no campaign {0}: see `waihu campaign list` 没有该批次")]
    UnknownCampaign(CampaignId),
    /// There is such a campaign already.
    #[error("campaign {0} is there already: choose another id 批次名已存在")]
    CampaignExists(CampaignId),
    /// A campaign that was stopped is not started again.
    #[error("campaign {0} was stopped, which is for good: create another 批次已停止，不可再启动")]
    CampaignStopped(CampaignId),
    /// There is no such case.
    #[error("there is no case {0}: import it first 没有该案件")]
    UnknownCase(CaseId),
    /// It is not in the revision that it was expected in.
    #[error("{of} has been changed meanwhile (revision {revision}): read it again 内容已被更改，请重新读取")]
    Revised {
        /// The case or the campaign.
        of: String,
        /// The revision that it is in.
        revision: i64,
    },
    /// Somebody has to be left who says who may sign in.
    #[error("{0} is the last admin: make somebody else one first 这是最后一位管理员，请先另设一位")]
    LastAdmin(String),
    /// This process may place no call: others take it for dead, or will before they hear of the call.
    #[error(
        "this node has no lease: nobody knows that it lives, so it may place no call until it has joined or renewed 本节点租约已过期"
    )]
    NoLease,
    /// The case may not be dialled now.
    #[error("case {case} is not dialled 未呼叫: {why}")]
    Refused {
        /// The case.
        case: CaseId,
        /// Why.
        why: Refusal,
    },
    /// An attempt with this id is there already.
    #[error("attempt {0} has begun already 通话编号已用")]
    AttemptExists(AttemptId),
    /// No attempt with this id has begun.
    #[error("attempt {0} has not begun: begin it before it is answered or closed 通话未登记")]
    UnknownAttempt(AttemptId),
    /// The attempt was closed with another outcome.
    #[error("attempt {0} was closed with another outcome: the first one stands 已有另一结果")]
    AlreadyClosed(AttemptId),
    /// The outcome is for another campaign, case or number than its attempt.
    #[error("the outcome for attempt {attempt} names another {field} than the attempt 结果与通话不符")]
    Mismatch {
        /// The attempt.
        attempt: AttemptId,
        /// What differs.
        field: &'static str,
    },
    /// No version of a flow is on file under this hash, or more than one.
    #[error(
        "{flow}@{sha256} names no stored version, or more than one: see `waihu dialog versions {flow}` 没有该版本，或不唯一"
    )]
    UnknownScript {
        /// The flow.
        flow: String,
        /// What its hash was said to begin with.
        sha256: String,
    },
    /// A version may not be approved, or not be dialled with.
    #[error("{script}: {why}")]
    ScriptRefused {
        /// The version.
        script: String,
        /// Why.
        why: ScriptRefusal,
    },
    /// A hold keeps it.
    #[error(
        "a hold keeps this: see `waihu hold list`, and lift it first where it may be lifted 处于封存状态，须先解除封存"
    )]
    Held,
    /// A call is up.
    #[error("a call about this is up: wait until it is over 相关通话正在进行，请稍后再试")]
    OnTheLine,
    /// Words that no key here opens, or that were altered.
    #[error(
        "the words of call {attempt} are sealed, and no key that is here opens them, or they were altered: see `waihu vault status` 该通话的文字已封存，本节点无法解封或内容已被改动"
    )]
    Sealed {
        /// The call.
        attempt: String,
    },
    /// A second factor that no key here opens or may seal.
    #[error(
        "second factors are sealed, and this node has not the key: sign in at one that has it, or restore it; see `waihu vault status` 双因素密钥已封存，本节点没有密钥"
    )]
    FactorSealed,
    /// The cipher failed, or the system gives no randomness.
    #[error("words could not be sealed: the system gives no randomness 无法封存文字：系统无法提供随机数")]
    Cipher,
    /// A stored record cannot be read.
    #[error("the record of {of} cannot be read 记录无法读取: {source}")]
    Record {
        /// The attempt, the version or the campaign.
        of: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A stored id is none.
    #[error("a stored id cannot be read 编号无法读取: {0}")]
    Id(#[from] waihu_types::InvalidId),
    /// A stored number is none.
    #[error("a stored number cannot be read 号码无法读取: {0}")]
    Phone(#[from] waihu_types::InvalidPhoneNumber),
    /// The schema could not be brought up to date.
    #[error("{location}: the schema cannot be brought up to date 无法升级结果库: {source}")]
    Migrate {
        /// The store.
        location: Location,
        /// What failed.
        source: MigrateError,
    },
    /// Anything else that the database says.
    #[error("{location}: {source}")]
    Sql {
        /// The store.
        location: Location,
        /// What the database said.
        source: SqlError,
    },
}

/// Why a case may not be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An attempt for it is under way.
    #[error("it is being called already 正在呼叫")]
    InFlight,
    /// It was reached in this campaign.
    #[error("it has been answered in this campaign 本批次已接通")]
    Answered,
    /// Whoever answers its number may not be called, in this campaign or another.
    #[error("{by}: it is not called again 该号码不再呼叫")]
    NumberBarred {
        /// What bars it.
        by: Bar,
    },
    /// Another call to its number is up.
    #[error("its number is on the line 该号码正在通话")]
    NumberBusy,
    /// The case was paid or withdrawn.
    #[error("the case is {} 案件{}", .0.label(), .0.label_zh())]
    CaseSettled(CaseState),
    /// The case was changed since it was taken.
    #[error("the case was changed meanwhile 案件信息已变更")]
    CaseChanged,
    /// The campaign is not running.
    #[error("the campaign is {} 批次{}", .0.label(), .0.label_zh())]
    NotRunning(CampaignState),
    /// This process has not taken the case from the queue, or was thought dead meanwhile.
    #[error("the case is not this node's to call 案件不由本节点呼叫")]
    NotLeased,
    /// The compliance profile denies a call now.
    #[error("{} {}{}", .0.zh, .0.en, .0.next.map_or(String::new(), |at| format!("; not before 最早 {at}")))]
    Denied(Box<Denied>),
    /// A verdict says never.
    #[error("the rule {rule} says not again 规则不许再呼")]
    Settled {
        /// The rule.
        rule: String,
    },
    /// A verdict says later.
    #[error("the rule {rule} says not before {not_before} 未到再呼时间")]
    TooEarly {
        /// The rule.
        rule: String,
        /// The earliest time.
        not_before: WallTime,
    },
}

/// Why a version of a flow is not approved or not dialled with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptRefusal {
    /// Whoever submitted it may not approve it.
    #[error("whoever submitted it may not approve it: a second person has to 提交人不能自己审批")]
    SamePerson,
    /// It is approved.
    #[error("it was approved already, by {by} 已审批")]
    AlreadyApproved {
        /// By whom.
        by: String,
    },
    /// Nobody has approved it, or that was withdrawn.
    #[error("it is not approved: `waihu dialog approve` by a second person comes first 未经审批")]
    NotApproved,
    /// No name was given.
    #[error("a name is needed: --by NAME 请注明姓名")]
    Nobody,
}

/// What went wrong, for the person who reads the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Full,
    ReadOnly,
    Locked,
    NotADatabase,
    Unique,
    Unreachable,
    Else,
}

/// What either driver's error means. SQLite's codes are numbers of at most four digits
/// (sqlite.org/rescode.html), PostgreSQL's are words of five characters (its manual, appendix A).
pub(crate) fn kind(e: &SqlError) -> Kind {
    match e {
        SqlError::Database(d) => match d.code() {
            Some(code) if code.len() == 5 => postgres(&code),
            Some(code) => code.parse().map_or(Kind::Else, sqlite),
            None => Kind::Else,
        },
        SqlError::PoolTimedOut => Kind::Locked,
        SqlError::Io(_) | SqlError::Tls(_) | SqlError::Protocol(_) | SqlError::WorkerCrashed => {
            Kind::Unreachable
        }
        _ => Kind::Else,
    }
}

fn sqlite(code: u32) -> Kind {
    /// SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow.
    const SHM_SIZE: u32 = 10 | (19 << 8);
    /// SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY.
    const UNIQUE: [u32; 2] = [19 | (8 << 8), 19 | (6 << 8)];
    match code {
        SHM_SIZE => Kind::Full,
        c if UNIQUE.contains(&c) => Kind::Unique,
        c => match c & 0xff {
            13 => Kind::Full,
            3 | 8 | 14 | 23 => Kind::ReadOnly,
            5 | 6 => Kind::Locked,
            26 => Kind::NotADatabase,
            _ => Kind::Else,
        },
    }
}

fn postgres(code: &str) -> Kind {
    match code {
        "23505" => Kind::Unique,
        "53100" => Kind::Full,
        // read_only_sql_transaction, insufficient_privilege
        "25006" | "42501" => Kind::ReadOnly,
        // lock_not_available, deadlock_detected, serialization_failure
        "55P03" | "40P01" | "40001" => Kind::Locked,
        // too_many_connections; admin_shutdown, crash_shutdown, cannot_connect_now
        "53300" | "57P01" | "57P02" | "57P03" => Kind::Unreachable,
        c if c.starts_with("08") => Kind::Unreachable,
        _ => Kind::Else,
    }
}

impl StoreError {
    /// The error for a failed statement.
    pub(crate) fn sql(location: &Location, source: SqlError) -> Self {
        let timed_out = matches!(source, SqlError::PoolTimedOut);
        let location = location.clone();
        match kind(&source) {
            Kind::Full => Self::DiskFull { location },
            Kind::ReadOnly => Self::ReadOnly { location },
            // Who waits in vain for a connection to a server waits for the server.
            Kind::Locked if timed_out && matches!(location, Location::Server { .. }) => {
                Self::Unreachable { location, source }
            }
            Kind::Locked => Self::Locked { location },
            Kind::NotADatabase => Self::NotOurs { location },
            Kind::Unreachable => Self::Unreachable { location, source },
            Kind::Unique | Kind::Else => Self::Sql { location, source },
        }
    }

    /// The error for a failed operation on a file of the store, or beside it.
    pub(crate) fn io(path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull { location: Location::File(path) },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { location: Location::File(path) },
            _ => Self::Open { path, source },
        }
    }
}
