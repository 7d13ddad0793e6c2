//! How long the program itself takes a file of cases over: `import --program PATH --cases 10000,100000,1000000`. Each
//! size is written as CSV, and imported by `waihu cases import` into a new project's SQLite store, and once more, which
//! changes nothing. Prints a table; see FIGURES.md.
#![allow(missing_docs, clippy::print_stdout)]

use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let (mut sizes, mut program) = (vec![10_000_u32], None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--cases" => {
                let list = args.next().ok_or("--cases N,N")?;
                sizes = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--program" => program = args.next().map(PathBuf::from),
            other => return Err(format!("{other}: --program PATH and --cases N,N are known").into()),
        }
    }
    let program = program.ok_or("--program PATH of waihu, a release build")?;
    println!("| cases | CSV MB | import s | the same again s | store MB |");
    println!("|---|---|---|---|---|");
    for cases in sizes {
        let folder = tempfile::tempdir()?;
        let table = folder.path().join("cases.csv");
        write(&table, cases)?;
        let import_s = import(&program, folder.path(), &table)?;
        let again_s = import(&program, folder.path(), &table)?;
        let store = folder.path().join(".waihu/waihu.sqlite");
        println!(
            "| {cases} | {} | {import_s:.2} | {again_s:.2} | {} |",
            megabytes(&table)?,
            megabytes(&store)?
        );
    }
    Ok(())
}

/// How long the program takes [s].
fn import(program: &Path, project: &Path, table: &Path) -> Done<f64> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.arg("--project").arg(project).args(["cases", "import"]).arg(table).stdout(Stdio::null());
    let status = command.status()?;
    if status.success() { Ok(begun.elapsed().as_secs_f64()) } else { Err(format!("{status}").into()) }
}

/// Rows with as much in them as a lender tells.
fn write(path: &Path, cases: u32) -> Done<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(
        file,
        "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone,debtor,kind"
    )?;
    for n in 0..cases {
        writeln!(
            file,
            "L-{n:07},139{n:08},张伟,先生,zh,安信银行,信用卡,{}.50,CNY,2026-11-15,Asia/Shanghai,D-{:07},card",
            1_000 + n % 9_000,
            n / 2
        )?;
    }
    file.flush()?;
    Ok(())
}

fn megabytes(path: &Path) -> Done<u64> {
    Ok(path.metadata()?.len() / 1_000_000)
}
