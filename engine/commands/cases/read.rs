//! Cases in: from files and from the lender's database, row by row, with a report to mend them by.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufWriter, Read, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use waihu_campaign::{CaseReader, CaseTable, Found, RowProblem, RowReader, csv_row};
use waihu_store::{Imported, Pull, Source, Store};
use waihu_types::Case;

use super::{BATCH, ImportArgs, SourceArgs, write::Form};
use crate::{
    commands::{
        authority,
        campaign::{Made, place},
        dialog::{now, open},
        written::written,
    },
    output::{note, out},
    project::Project,
    voices::Voices,
};

/// What a file is read by \[bytes\].
const CHUNK: usize = 1 << 18;
/// How many faults of a kind are printed: from a few one sees what is wrong with a column.
const PRINTED: u32 = 5;

/// A file of cases, read whole.
pub(crate) fn table(project: &Project, path: &Path) -> Result<CaseTable> {
    let mut table = CaseTable::default();
    let sound = Sound::of(project);
    from_file(path, |found| {
        table.take(sound.hear(found));
        Ok(())
    })?;
    table.problems.sort_by_key(|p| p.line);
    Ok(table)
}

/// Holds the voices that cases name against those that are there.
struct Sound(Voices);

impl Sound {
    fn of(project: &Project) -> Self {
        Self(Voices::of(project))
    }

    /// What was found, or what is wrong with its voice.
    fn hear(&self, found: Found) -> Found {
        match found {
            Found::Case(line, case) => match self.0.in_case(&case) {
                None => Found::Case(line, case),
                Some(message) => {
                    Found::Problem(RowProblem { line, column: Some("voice".to_owned()), message })
                }
            },
            other => other,
        }
    }
}

/// Reads a file, whatever its form, and hands over what is found in it as it goes.
fn from_file(path: &Path, mut take: impl FnMut(Found) -> Result<()>) -> Result<()> {
    let shown = path.display();
    let form = Form::of(path)?;
    let mut file = fs::File::open(path).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
    let bar = bar(file.metadata().map_or(0, |meta| meta.len()));
    let mut failed = Ok(());
    let mut to = |found| {
        if failed.is_ok() {
            failed = take(found);
        }
    };
    match form {
        Form::Parquet => {
            let rows = waihu_tabular::read(file).with_context(|| format!("{shown}"))?;
            bar.set_length(rows.total());
            let Ok(mut reader) = RowReader::new(rows.columns(), &mut to).map_err(|faults| {
                faults.into_iter().for_each(|fault| to(Found::Problem(fault)));
            }) else {
                return failed;
            };
            for row in rows {
                let row = row.with_context(|| format!("{shown}, row 行 {}", bar.position() + 1))?;
                reader.push(row, &mut to);
                bar.inc(1);
            }
        }
        Form::Csv | Form::JsonLines => {
            let mut reader = if form == Form::Csv { CaseReader::csv() } else { CaseReader::json_lines() };
            let mut chunk = vec![0; CHUNK];
            while !reader.is_refused() {
                let n = file.read(&mut chunk).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
                if n == 0 {
                    break;
                }
                reader.push(&chunk[..n], &mut to);
                bar.inc(n as u64);
            }
            reader.end(&mut to);
        }
    }
    bar.finish_and_clear();
    failed
}

fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta}");
    let bar = ProgressBar::new(length).with_message("cases 案件");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Where cases go that were read, and what is told of the others.
struct Sink {
    sound: Sound,
    shown: String,
    kinds: BTreeMap<String, u32>,
    report: Option<(PathBuf, BufWriter<fs::File>)>,
    wrong: u64,
    right: u64,
    batch: Vec<(u64, Case)>,
    imported: Imported,
    placed: u64,
    into: Option<Target>,
}

/// What takes cases over.
struct Target {
    store: Arc<Store>,
    campaign: Option<Made>,
}

impl Sink {
    fn new(project: &Project, args: &SourceArgs, into: Option<Target>) -> Result<Self> {
        let report = match &args.report {
            None => None,
            Some(path) => {
                let file = fs::File::create(path)
                    .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
                let mut to = BufWriter::new(file);
                // Spreadsheets know by this that it is UTF-8.
                to.write_all("\u{feff}row 行,column 列,what to write 应如何填写\n".as_bytes())?;
                Some((path.clone(), to))
            }
        };
        let shown = match (&args.file, &args.sql) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(reference)) => reference.clone(),
            (None, None) => String::new(),
        };
        Ok(Self {
            sound: Sound::of(project),
            shown,
            kinds: BTreeMap::new(),
            report,
            wrong: 0,
            right: 0,
            batch: Vec::new(),
            imported: Imported::default(),
            placed: 0,
            into,
        })
    }

    fn take(&mut self, found: Found) -> Result<()> {
        match self.sound.hear(found) {
            Found::Case(line, case) => {
                self.right += 1;
                if self.into.is_some() {
                    self.batch.push((line, *case));
                }
                Ok(())
            }
            Found::Problem(problem) => {
                self.wrong += 1;
                self.tell(&problem)
            }
            Found::Notice(notice) => self.tell(&notice),
        }
    }

    fn tell(&mut self, problem: &RowProblem) -> Result<()> {
        let told = self.kinds.entry(problem.kind()).or_default();
        *told += 1;
        if *told <= PRINTED {
            note!("{}: {problem}", self.shown);
        }
        if let Some((path, report)) = &mut self.report {
            let (row, mut line) = (problem.line.to_string(), String::new());
            csv_row([&row, problem.column.as_deref().unwrap_or_default(), &problem.message], &mut line);
            report
                .write_all(line.as_bytes())
                .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
        }
        Ok(())
    }

    /// Hands cases over, where enough have come together.
    async fn flush(&mut self, least: usize) -> Result<()> {
        while self.batch.len() >= least.max(1) {
            let rest = self.batch.split_off(self.batch.len().min(BATCH));
            let batch = std::mem::replace(&mut self.batch, rest);
            let Some(Target { store, campaign }) = &self.into else { return Ok(()) };
            let mut table = CaseTable { cases: batch.clone(), ..CaseTable::default() };
            let given = campaign.as_ref().map(|made| made.settings.authority.clone());
            authority::fill(&mut table, &given.unwrap_or_default());
            let right: Vec<u64> = table.cases.iter().map(|(line, _)| *line).collect();
            let cases = batch.into_iter().filter(|(line, _)| right.binary_search(line).is_ok());
            let cases: Vec<Case> = cases.map(|(_, case)| case).collect();
            self.imported += store.import(&cases, now()).await?;
            if let Some(made) = campaign {
                self.placed += place(store, made, &cases).await?.placed;
            }
            for problem in table.problems {
                self.right -= 1;
                self.wrong += 1;
                self.tell(&problem)?;
            }
        }
        Ok(())
    }

    /// Says what it came to.
    async fn close(mut self) -> Result<ExitCode> {
        self.flush(1).await?;
        let more: u32 = self.kinds.values().map(|told| told.saturating_sub(PRINTED)).sum();
        if more > 0 && self.report.is_none() {
            note!(
                "{}: {more} more like these; --report FILE.csv writes them all 另有 {more} 处同类问题，--report 可写出全部",
                self.shown
            );
        }
        if let Some((path, report)) = &mut self.report {
            report.flush().with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
        }
        let (right, wrong) = (self.right, self.wrong);
        match &self.into {
            None => out!(
                "{}: {right} cases can be called 可呼叫 {right} 个, {wrong} things are wrong 处错误",
                self.shown
            )?,
            Some(Target { campaign, .. }) => {
                let Imported { new, changed, same } = self.imported;
                out!(
                    "{}: {new} new 新增, {changed} changed 更新, {same} as before 未变; {wrong} things are wrong 处错误",
                    self.shown
                )?;
                if let Some(made) = campaign {
                    out!("campaign 批次 {}: {} cases are in its queue 个案件已入队", made.id, self.placed)?;
                }
            }
        }
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

pub(super) async fn check(project: &Project, args: &SourceArgs) -> Result<ExitCode> {
    let sink = Sink::new(project, args, None)?;
    read(args, sink).await
}

pub(super) async fn import(project: &Project, args: &ImportArgs) -> Result<ExitCode> {
    let store = Arc::new(open(project).await?);
    let campaign = match &args.campaign {
        None => None,
        Some(id) => match store.campaign(id).await? {
            Some(stored) => Some(Made::of(stored)?),
            None => bail!("there is no campaign {id}: see `waihu campaign list` 没有该批次"),
        },
    };
    let act = match &args.campaign {
        None => "cases import".to_owned(),
        Some(id) => format!("cases import --campaign {id}"),
    };
    let into = Target { store: Arc::clone(&store), campaign };
    let sink = Sink::new(project, &args.source, Some(into))?;
    written(&store, &act, read(&args.source, sink)).await
}

/// Reads what is named and brings it where it belongs.
async fn read(args: &SourceArgs, mut sink: Sink) -> Result<ExitCode> {
    match (&args.file, &args.sql) {
        (Some(file), _) => {
            // Reading is a plain loop, taking over waits for the disk: in between, batches pass.
            let handle = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| {
                from_file(file, |found| {
                    sink.take(found)?;
                    if sink.batch.len() >= BATCH { handle.block_on(sink.flush(BATCH)) } else { Ok(()) }
                })
            })?;
        }
        (None, Some(reference)) => {
            let source = match (&args.view, &args.query) {
                (Some(view), _) => Source::View(view.clone()),
                (None, Some(query)) => Source::Query(query.clone()),
                (None, None) => {
                    bail!("name a view with --view or a query with --query 请指定 --view 或 --query")
                }
            };
            pull(&address(reference)?, &source, &mut sink).await?;
        }
        (None, None) => bail!("name a file, or a database with --sql 请指定文件或 --sql"),
    }
    sink.close().await
}

/// Rows of the lender's database.
async fn pull(address: &str, source: &Source, sink: &mut Sink) -> Result<()> {
    let pull = Pull::connect(address, source).await?;
    let mut found = Vec::new();
    let reader = RowReader::new(pull.columns(), &mut |f| found.push(f));
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(faults) => return faults.into_iter().try_for_each(|fault| sink.take(Found::Problem(fault))),
    };
    let mut failed = Ok(());
    let rows = pull.each(async |row| {
        let values = row.into_iter().map(|value| value.map_or(Value::Null, Value::String));
        reader.push(values.collect(), &mut |f| found.push(f));
        let mut taken = found.drain(..).try_for_each(|f| sink.take(f));
        if taken.is_ok() {
            taken = sink.flush(BATCH).await;
        }
        failed = taken;
        if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    rows.await?;
    failed
}

/// The address that a reference names. A password stands in no command line, where others see it.
fn address(reference: &str) -> Result<String> {
    if let Some(name) = reference.strip_prefix("env:") {
        return std::env::var(name)
            .with_context(|| format!("--sql: the variable {name} is not set 环境变量未设置"));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let text = fs::read_to_string(path).with_context(|| format!("{path}: cannot be read 无法读取"))?;
        return Ok(text.trim().to_owned());
    }
    let user = reference.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        bail!(
            "--sql: a password in a command line is seen by others: write the address into a file and name it with file:PATH, or env:NAME 命令行中不得含密码，请用 file: 或 env:"
        );
    }
    Ok(reference.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_named_and_not_written() {
        assert!(address("postgres://u:secret@h/d").is_err());
        assert!(!address("postgres://u:secret@h/d").unwrap_err().to_string().contains("secret"));
        assert_eq!(address("postgres://u@h/d").unwrap(), "postgres://u@h/d");
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("url");
        fs::write(&at, "postgres://u:secret@h/d\n").unwrap();
        assert_eq!(address(&format!("file:{}", at.display())).unwrap(), "postgres://u:secret@h/d");
        assert!(address("env:NO_SUCH_VARIABLE_OF_OURS").is_err());
    }
}
