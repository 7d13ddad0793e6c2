//! How fast a file of cases is read and checked on one core, and what it holds in memory meanwhile:
//! `cargo run --release -p waihu-campaign --example read_cases [ROWS]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{fmt::Write, time::Instant};

use waihu_campaign::{CaseReader, Found};

/// What a file is read by [bytes].
const CHUNK: usize = 1 << 16;

/// The most memory that the process had so far [MB].
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn csv(n: u64, to: &mut String) {
    let phone = 13_000_000_000 + n;
    writeln!(
        to,
        "C-{n:07},{phone},张伟,先生,zh,安信银行,信用卡,{}.50,CNY,2026-11-15,Asia/Shanghai,card,0421,M2,0.37,\
         D-{},mobile,given,1{},home,relative,18:00-20:00,2026-11-20 10:05 person,no",
        1_000 + n % 9_000,
        n / 2,
        phone - 1_000_000_000
    )
    .unwrap();
}

fn json(n: u64, to: &mut String) {
    let phone = 13_000_000_000 + n;
    writeln!(
        to,
        r#"{{"id":"C-{n:07}","phone":"{phone}","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行","product":"信用卡","amount":"{}.50","currency":"CNY","due_date":"2026-11-15","kind":"card","account_tail":"0421","risk_grade":"M2","propensity":0.37,"debtor":"D-{}","phone_kind":"mobile","consent":"given","numbers":[{{"phone":"1{}","kind":"home","whose":"relative"}}],"best_time":"18:00-20:00","contacts":[{{"at":"2026-11-20T10:05:00+08:00","reached":"person"}}],"do_not_call":false}}"#,
        1_000 + n % 9_000,
        n / 2,
        phone - 1_000_000_000
    )
    .unwrap();
}

fn main() {
    let rows: u64 = std::env::args().nth(1).map_or(1_000_000, |n| n.parse().unwrap());
    let header = "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone,kind,account_tail,\
                  risk_grade,propensity,debtor,phone_kind,consent,phone_2,phone_2_kind,phone_2_whose,best_time,\
                  contacts,do_not_call\n";
    type Form<'a> = (&'a str, &'a str, CaseReader, fn(u64, &mut String));
    let forms: [Form<'_>; 2] =
        [("CSV", header, CaseReader::csv(), csv), ("JSON lines", "", CaseReader::json_lines(), json)];
    for (what, head, mut reader, row) in forms {
        let (mut found, mut wrong, mut bytes) = (0_u64, 0_u64, 0);
        let mut to = |f| match f {
            Found::Case(..) => found += 1,
            Found::Problem(_) | Found::Notice(_) => wrong += 1,
        };
        let (mut chunk, mut reading) = (head.to_owned(), std::time::Duration::ZERO);
        for n in 0..rows {
            row(n, &mut chunk);
            if chunk.len() >= CHUNK || n + 1 == rows {
                let begun = Instant::now();
                reader.push(chunk.as_bytes(), &mut to);
                reading += begun.elapsed();
                bytes += chunk.len();
                chunk.clear();
            }
        }
        reader.end(&mut to);
        println!(
            "{what}: {found} rows ({} MB), {wrong} wrong, {:.2} s, {:.1} us a row, {} MB at most",
            bytes / 1_000_000,
            reading.as_secs_f64(),
            reading.as_secs_f64() * 1e6 / rows as f64,
            peak_mb()
        );
    }
}
