//! The commands, one file each family.

mod api_document;
mod attempts;
mod audit;
mod authority;
mod bench;
mod bundle;
mod call;
pub(crate) mod campaign;
mod cases;
mod check;
mod classify;
mod corpus;
mod debtor;
mod decisions;
mod deliver;
pub(crate) mod dialog;
mod do_not_call;
mod doctor;
mod eval;
mod events;
#[cfg(test)]
mod every_operation_has_a_command;
mod explain;
mod export;
mod hold;
mod init;
mod listed;
mod models;
mod outcomes;
mod person;
mod practice;
mod promises;
mod prompts;
mod quality;
mod report;
mod results;
mod retention;
mod say;
mod search;
mod serve;
mod signals;
mod simulate;
mod strategy;
mod token;
mod trace;
mod train;
mod transcribe;
mod trunk;
mod vault;
mod written;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::{output::ReaderGone, project::Project};

/// Outbound calls by a voice bot: dials over SIP, speaks and listens in Mandarin or English with
/// local models, follows a script and files an outcome of every call.
///
/// 外呼语音机器人：经 SIP 拨号，用本机模型以普通话或英语对话，按话术进行，并记录每通电话的结果。
#[derive(Debug, Parser)]
#[command(name = "waihu", version, about)]
pub struct Cli {
    /// The project's folder, with models/, dialogs/ and sip-config/ in it 项目目录
    #[arg(long, global = true, default_value = ".", env = "WAIHU_PROJECT", value_name = "DIR")]
    project: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch, list and verify speech and language models 获取、列出、校验模型
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Train what is trained from examples in the project 用项目中的例句训练
    #[command(subcommand)]
    Train(train::TrainCommand),
    /// Judge recognition and understanding on a folder of examples 评测
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// Make sets of speech to train on or to judge by 合成语料
    #[command(subcommand)]
    Corpus(corpus::CorpusCommand),
    /// Tell what lines of text mean: a JSON object a line, with intent, confidence, entities 判断语句的意图
    Classify(classify::ClassifyArgs),
    /// Speak a text into a WAV file, or list the voices 把文字念成 WAV，或列出音色
    Say(say::SayArgs),
    /// Speak a campaign's prompts before anybody is dialled 预先合成话术语音
    #[command(subcommand)]
    Prompts(prompts::PromptsCommand),
    /// Write down what is said in WAV files 把 WAV 转写成文字
    Transcribe(transcribe::TranscribeArgs),
    /// Try, draw, compare and approve dialog flows 试用、绘图、比较、审批话术
    #[command(subcommand)]
    Dialog(dialog::DialogCommand),
    /// Check scripts (and cases, and a trunk) without calling anybody 检查话术、案件表、线路，不拨号
    Check(check::CheckArgs),
    /// Find out whether a trunk works, from the carrier itself 检查线路是否可用
    #[command(subcommand)]
    Trunk(trunk::TrunkCommand),
    /// Place one call, show it as it happens, and print its outcome as JSON 拨一通电话
    Call(call::CallArgs),
    /// Call the cases of a file 批量外呼
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    /// Show strategies, and save versions of them for campaigns that are made from then on 查看与保存策略
    #[command(subcommand)]
    Strategy(strategy::StrategyCommand),
    /// Keep the list of numbers that nobody calls 禁呼名单
    #[command(subcommand)]
    DoNotCall(do_not_call::DoNotCallCommand),
    /// Dial whatever campaigns are started, until told to end 启动外呼服务
    Serve(serve::ServeArgs),
    /// Take cases over from the lender, show them, and say that they were paid 导入、查看、更新案件
    #[command(subcommand)]
    Cases(cases::CasesCommand),
    /// Tell why each case may or may not be called now, when next, and how many are before it 解释能否呼叫、何时可呼叫、排在第几
    Explain(explain::ExplainArgs),
    /// Bring events to others: how each receiver stands, and what is sent again 向外投递事件
    #[command(subcommand)]
    Deliver(deliver::DeliverCommand),
    /// Show what was kept of why each call about a case was allowed or denied 查看某案件的合规判定记录
    Decisions(decisions::DecisionsArgs),
    /// List what was dialled, also what is not over yet 查看拨打记录
    Attempts(attempts::AttemptsArgs),
    /// Show the outcomes on file 查看通话结果
    Outcomes(outcomes::OutcomesArgs),
    /// List what was promised, and when it is due 查看还款承诺
    Promises(promises::PromisesArgs),
    /// Find calls by how they ended and by what was said in them 检索通话
    Search(search::SearchArgs),
    /// Count what came of calls, and what they cost 结果统计与成本
    Results(results::ResultsArgs),
    /// Tell what happened from a place on, and what happens 查看与跟踪实时事件
    Events(events::EventsArgs),
    /// Reports that are sent by themselves: what was sent, and what would be 定期报表
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Calls for others, without what tells of whom they are 脱敏与匿名导出
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// What calls were judged to be, and the calls that people look at 通话质检与复核
    #[command(subcommand)]
    Quality(quality::QualityCommand),
    /// Serve simulated callees on this machine, for practice 启动本机模拟被叫
    Simulate(simulate::SimulateArgs),
    /// Call simulated callees, and compare every outcome with what is expected 演练并核对结果
    Practice(practice::PracticeArgs),
    /// Show what passed over the wire for one call, as a ladder 查看一通电话的信令
    Trace(trace::TraceArgs),
    /// Make, list and revoke tokens: who may ask over HTTP 接口令牌
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Let people sign in, and shut them out 人员与密码
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Show who did what, and verify that the record of it is whole 审计日志与校验
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Keys by which recordings and transcripts are sealed 录音与文本的封存密钥
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Hand a call out as one file that proves itself, and verify such a file 证据包导出与核验
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Remove what has had its days 保存期限
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// Keep what may not be removed 封存与解除
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// Hand out or remove what is kept of a person 个人信息的查阅与删除
    #[command(subcommand)]
    Debtor(debtor::DebtorCommand),
    /// Print the description of the HTTP API, OpenAPI 3.1 打印接口说明
    ApiDocument,
    /// Set up a project step by step: trunk, rules, store, first tokens 逐步完成首次设置
    Init(init::InitArgs),
    /// Look whether machine, models, trunks, clock, disk and database are fit, and say what to do 体检并给出处理建议
    Doctor(doctor::DoctorArgs),
    /// Measure what this machine can carry 测量本机能承载多少
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

impl Cli {
    /// The project's folder.
    pub fn project(&self) -> &std::path::Path {
        &self.project
    }
}

/// Runs one command.
///
/// # Errors
/// What went wrong, for people.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let project = Project::at(&cli.project);
    let done = match cli.command {
        Command::Models(command) => models::run(&project, command),
        Command::Train(command) => train::run(&project, command),
        Command::Eval(command) => eval::run(&project, command),
        Command::Corpus(command) => corpus::run(&project, command),
        Command::Classify(args) => classify::run(&project, &args),
        Command::Say(args) => say::run(&project, args),
        Command::Prompts(command) => prompts::run(&project, command),
        Command::Transcribe(args) => transcribe::run(&project, &args),
        Command::Dialog(command) => dialog::run(&project, command),
        Command::Check(args) => check::run(&project, &args),
        Command::Trunk(command) => trunk::run(&project, &command),
        Command::Call(args) => call::run(&project, args),
        Command::DoNotCall(command) => do_not_call::run(&project, &command),
        Command::Serve(args) => serve::run(&project, &args),
        Command::Campaign(command) => campaign::run(&project, command),
        Command::Cases(command) => cases::run(&project, command),
        Command::Explain(args) => explain::run(&project, &args),
        Command::Deliver(command) => deliver::run(&project, command),
        Command::Decisions(args) => decisions::run(&project, &args),
        Command::Attempts(args) => attempts::run(&project, &args),
        Command::Outcomes(args) => outcomes::run(&project, args),
        Command::Promises(args) => promises::run(&project, &args),
        Command::Search(args) => search::run(&project, &args),
        Command::Results(args) => results::run(&project, &args),
        Command::Strategy(command) => strategy::run(&project, &command),
        Command::Events(args) => events::run(&project, &args),
        Command::Report(command) => report::run(&project, &command),
        Command::Export(command) => export::run(&project, &command),
        Command::Quality(command) => quality::run(&project, command),
        Command::Simulate(args) => simulate::run(&project, args),
        Command::Practice(args) => practice::run(&project, &args),
        Command::ApiDocument => api_document::run(),
        Command::Audit(command) => audit::run(&project, command),
        Command::Vault(command) => vault::run(&project, command),
        Command::Bundle(command) => bundle::run(&project, command),
        Command::Retention(command) => retention::run(&project, &command),
        Command::Hold(command) => hold::run(&project, command),
        Command::Debtor(command) => debtor::run(&project, command),
        Command::Trace(args) => trace::run(&project, &args),
        Command::Token(command) => token::run(&project, command),
        Command::Person(command) => person::run(&project, command),
        Command::Init(args) => init::run(&project, &args),
        Command::Doctor(args) => doctor::run(&project, &args),
        Command::Bench(command) => bench::run(command),
    };
    match done {
        Err(e) if e.is::<ReaderGone>() => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

/// The control plane's runtime. Two threads are enough: they pass messages, and the work is done in
/// threads of their own.
fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads for the runtime 无法创建线程")
}
