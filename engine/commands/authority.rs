//! A campaign's own authority: what may be agreed in its calls, where a case leaves it open.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use waihu_campaign::{CaseTable, RowProblem};
use waihu_terms::Authority;
use waihu_types::{Currency, GivenAuthority, Money};

/// What a file may have, for whoever wrote it otherwise.
const KEYS: &str = r#"it may have least_part = "500.00" or "20%", max_parts = 3, max_delay_days = 31, max_delay_broken_days = 7, max_span_days = 93, discounts = ["5%", "10%"], approver = "a supervisor" 可用的键如上"#;

/// Reads a file that has the keys of a case's `authority`.
///
/// # Errors
/// With the line, what is wrong with it, and what may stand there.
pub(crate) fn read(path: &Path) -> Result<GivenAuthority> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read 无法读取授权文件"))?;
    parse(&text).map_err(|(line, why)| anyhow!("{shown}:{line}: {why}"))
}

fn parse(text: &str) -> Result<GivenAuthority, (usize, String)> {
    let given: GivenAuthority = toml::from_str(text)
        .map_err(|e| (waihu_campaign::toml_line(text, &e), format!("{}; {KEYS}", e.message())))?;
    if given == GivenAuthority::default() {
        return Err((1, format!("nothing is allowed in it: {KEYS}; or leave --authority out 授权文件为空")));
    }
    // Whether the fields fit together does not hang on what is owed.
    let due = Money::parse("1.00", Currency::CNY).map_err(|e| (1, e.to_string()))?;
    Authority::new(&given, due).map_err(|e| {
        let line = text.lines().position(|l| l.trim_start().starts_with(e.field())).unwrap_or(0);
        (line + 1, e.to_string())
    })?;
    Ok(given)
}

/// Gives each case the campaign's authority where it has none of its own. A row of which both together
/// contradict themselves is wrong.
pub(crate) fn fill(table: &mut CaseTable, campaign: &GivenAuthority) {
    let with = if *campaign == GivenAuthority::default() {
        ""
    } else {
        " (together with the campaign's authority 与批次授权合并后)"
    };
    table.cases.retain_mut(|(line, case)| {
        let authority = &mut case.particulars.authority;
        *authority = std::mem::take(authority).or(campaign);
        let Err(problem) = Authority::new(authority, case.due) else { return true };
        table.problems.push(RowProblem {
            line: *line,
            column: Some(format!("authority_{}", problem.field())),
            message: format!("{problem}{with}"),
        });
        false
    });
    table.problems.sort_by_key(|p| p.line);
}

/// As a person reads it in a message.
pub(crate) fn told(authority: &GivenAuthority) -> String {
    if *authority == GivenAuthority::default() {
        return "no authority of its own 无批次授权".to_owned();
    }
    serde_json::to_string(authority).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_is_told_by_line_with_what_may_stand_there() {
        for (text, line, words) in [
            ("max_parts = 3\nmax_part = 4\n", 2, "max_part"),
            ("# ours\nleast_part = 500\n", 2, "500.00"),
            ("max_parts = 3\n\ndiscounts = [\"10%\", \"5%\"]\n", 3, "ascend"),
            ("max_parts = 3\nmax_delay_days = 31\nmax_span_days = 7\n", 3, "max_span_days"),
            ("max_parts = \n", 1, "max_parts = 3"),
            ("# nothing\n", 1, "leave --authority out"),
        ] {
            let (at, why) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text}: {why}");
            assert!(why.contains(words), "{text}: {why}");
        }
        assert_eq!(parse("max_parts = 3\nleast_part = \"20%\"").unwrap().max_parts, Some(3));
    }

    #[test]
    fn a_case_keeps_its_own_and_is_wrong_where_both_contradict() {
        let text = "id,phone,name,lang,creditor,product,amount,currency,due_date,authority_max_parts,authority_max_delay_broken_days\n\
                    C1,1001,Dana,en,Bank,card,90.00,USD,2026-11-15,2,\n\
                    C2,1002,Dana,en,Bank,card,90.00,USD,2026-11-15,,\n\
                    C3,1003,Dana,en,Bank,card,90.00,USD,2026-11-15,,20\n";
        let mut table = waihu_campaign::read_csv(text);
        assert_eq!(table.cases.len(), 3);
        fill(&mut table, &parse("max_parts = 6\nmax_delay_days = 14").unwrap());
        let parts: Vec<_> = table.cases.iter().map(|(_, c)| c.particulars.authority.max_parts).collect();
        assert_eq!(parts, [Some(2), Some(6)]);
        let [wrong] = &table.problems[..] else { panic!("{:?}", table.problems) };
        assert_eq!((wrong.line, wrong.column.as_deref()), (4, Some("authority_max_delay_broken_days")));
        assert!(wrong.message.contains("campaign's"), "{wrong}");
    }
}
