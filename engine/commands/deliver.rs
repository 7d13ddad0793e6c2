//! `waihu deliver`: how readers of events stand, events sent again, and delivery alone in a process of its own.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use tokio::{sync::watch, task::JoinHandle};
use waihu_deliver::{Again, DeliverError, Deliveries, Reader, Standing, Texts};
use waihu_store::{MessageState, Store};

use super::{campaign::node, signals::Signals};
use crate::{
    configuration::Configuration,
    gate,
    output::{note, out},
    plant::{self, Ground},
    project::Project,
    table::Table,
};

/// Messages that went wrong, told one by one: the newest; the counts have all of them.
const MOST_AMISS: u32 = 50;

#[derive(Debug, Subcommand)]
pub(crate) enum DeliverCommand {
    /// Show how far each reader is, and what it would not take 查看各接收方进度与搁置事件
    Status,
    /// Send events to a reader again: all that were set aside, or one 重新投递
    Replay(ReplayArgs),
    /// Deliver events and text messages until stopped; `waihu serve` does so by itself 只运行投递
    Run,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The reader, as waihu.toml names it 接收方
    reader: String,
    /// One event, set aside or not 单个事件
    #[arg(conflicts_with = "from")]
    seq: Option<i64>,
    /// All events from this one on, by whoever delivers: the reader is put before it 从该事件起全部重投
    #[arg(long, value_name = "SEQ")]
    from: Option<i64>,
}

pub(crate) fn run(project: &Project, command: DeliverCommand) -> Result<ExitCode> {
    let deliveries = Configuration::of(project)?.deliveries;
    let runtime = super::runtime()?;
    match command {
        DeliverCommand::Status => runtime.block_on(status(project, &deliveries)),
        DeliverCommand::Replay(args) => runtime.block_on(replay(project, &deliveries, &args)),
        DeliverCommand::Run => runtime.block_on(deliver(project, &deliveries)),
    }
}

/// Who sends text messages, where any are to be sent.
///
/// # Errors
/// When the profile that they are sent under cannot be used.
fn texts(project: &Project, store: &Arc<Store>, deliveries: &Deliveries) -> Result<Option<Texts>> {
    let Some(sms) = &deliveries.sms else { return Ok(None) };
    let profile = gate::profile(project, &sms.compliance)?;
    if profile.sms().is_none() {
        bail!(
            "compliance/{}.toml has no [sms]: no text message is allowed under it 该规则未允许发短信",
            sms.compliance
        );
    }
    let seed = u64::from(std::process::id());
    Ok(Some(Texts::new(Arc::clone(store), sms.clone(), &profile, seed)?))
}

async fn status(project: &Project, deliveries: &Deliveries) -> Result<ExitCode> {
    let store = plant::store(project, Ground::Real).await?;
    let mut table = Table::new([
        "reader 接收方",
        "at 位置",
        "behind 落后",
        "tries 重试",
        "set aside 搁置",
        "last error 最近错误",
    ]);
    let mut letters = Vec::new();
    for reader in &deliveries.readers {
        let standing = waihu_deliver::standing(&store, &reader.name).await?;
        table.row(row(reader, &standing));
        letters.extend(standing.letters);
    }
    out!("{table}")?;
    for letter in letters {
        out!("{} {}: {} ({} tries 次, {})", letter.reader, letter.seq, letter.told, letter.tries, letter.at)?;
    }
    let counts = store.message_counts().await?;
    let shown: Vec<String> = counts.iter().map(|(state, n)| format!("{} {n}", state.label())).collect();
    if !shown.is_empty() {
        out!("text messages 短信: {}", shown.join(", "))?;
    }
    for message in store.messages_amiss(MOST_AMISS).await? {
        out!("{} {}: {}", message.new.message, message.state.label(), message.why)?;
    }
    if counts.iter().any(|(state, n)| *state == MessageState::Unknown && *n > 0) {
        note!(
            "of those unknown nobody can say whether they left; they are not sent again unknown 表示是否发出未知，不再重发"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn row(reader: &Reader, standing: &Standing) -> [String; 6] {
    let place = standing.place.as_ref();
    [
        reader.name.clone(),
        place.map_or_else(|| "0".to_owned(), |place| place.seq.to_string()),
        standing.lag.to_string(),
        place.map_or(0, |place| place.tries).to_string(),
        standing.dead.to_string(),
        place.map(|place| place.told.clone()).unwrap_or_default(),
    ]
}

async fn replay(project: &Project, deliveries: &Deliveries, args: &ReplayArgs) -> Result<ExitCode> {
    let reader = deliveries.readers.iter().find(|reader| reader.name == args.reader);
    let Some(reader) = reader else {
        let known: Vec<&str> = deliveries.readers.iter().map(|reader| reader.name.as_str()).collect();
        bail!(
            "{}: no such reader in waihu.toml; there are 没有该接收方，现有: {}",
            args.reader,
            known.join(", ")
        );
    };
    let store = plant::store(project, Ground::Real).await?;
    if let Some(from) = args.from {
        if !store.put_reader_before(&reader.name, from).await? {
            bail!("{}: nothing was delivered to it yet 尚未投递过", reader.name);
        }
        note!("all from {from} on is delivered again, within half a minute 半分钟内将从 {from} 起重新投递");
        return Ok(ExitCode::SUCCESS);
    }
    let again = args.seq.map_or(Again::DeadLetters, Again::One);
    let resent = waihu_deliver::replay(&store, reader, again, waihu_deliver::wall_now()).await?;
    note!("{} taken 已送达, {} not 未送达", resent.taken, resent.left);
    Ok(if resent.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn deliver(project: &Project, deliveries: &Deliveries) -> Result<ExitCode> {
    let store = plant::store(project, Ground::Real).await?;
    let Some(mut delivering) = begin(project, deliveries, store).await? else {
        bail!("waihu.toml names no [[reader]] and no [sms]: see engine/deliver/README.md 未配置接收方");
    };
    let mut signals = Signals::catch()?;
    tokio::select! {
        ended = &mut delivering.task => ended.context("the deliveries' task failed 投递任务出错")??,
        () = signals.next() => delivering.end().await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Deliveries under way.
pub(crate) struct Delivering {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), DeliverError>>,
}

/// Begins to deliver, where anything is configured.
///
/// # Errors
/// When the profile for messages cannot be used, or there can be no line to their gateway.
pub(crate) async fn begin(
    project: &Project,
    deliveries: &Deliveries,
    store: Arc<Store>,
) -> Result<Option<Delivering>> {
    if deliveries.readers.is_empty() && deliveries.sms.is_none() {
        return Ok(None);
    }
    let texts = texts(project, &store, deliveries)?;
    let (stop, stopped) = watch::channel(false);
    let readers = deliveries.readers.clone();
    let node = node();
    let task = tokio::spawn(async move { waihu_deliver::run(store, readers, texts, &node, stopped).await });
    Ok(Some(Delivering { stop, task }))
}

impl Delivering {
    /// Ends: what is under way is finished or comes again, everything else waits where it is.
    ///
    /// # Errors
    /// What went wrong meanwhile.
    pub(crate) async fn end(self) -> Result<()> {
        self.stop.send_replace(true);
        Ok(self.task.await.context("the deliveries' task failed 投递任务出错")??)
    }
}
