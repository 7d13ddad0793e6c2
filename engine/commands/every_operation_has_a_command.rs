//! Each operation of the API has a command, or a reason why it has none: the table of routes in the API's README says
//! which, and what it names is in the program.

use clap::{Command, CommandFactory};

use super::Cli;

const README: &str = include_str!("../api/README.md");

/// The rows of the table: a route, and what stands for it at the command line.
fn rows() -> Vec<(&'static str, &'static str)> {
    let lines = README.lines().skip_while(|line| !line.starts_with("| route |")).skip(2);
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [route, _, told] = cells[..] else { panic!("{line}: not three cells") };
        (route.trim_matches('`'), told)
    };
    lines.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// What is wrong with what stands for a route.
fn fault(program: &Command, told: &str) -> Option<String> {
    let mut commands = told.split('`').skip(1).step_by(2).peekable();
    if commands.peek().is_none() {
        let is_reason = told.split_whitespace().count() >= 3;
        return (!is_reason).then(|| format!("neither a command nor a reason: {told:?}"));
    }
    commands.find_map(|command| unknown(program, command))
}

/// What of a command, as it is written down, is not in the program.
fn unknown(program: &Command, command: &str) -> Option<String> {
    let mut at = program;
    let mut words = command.split_whitespace();
    if words.next() != Some(program.get_name()) {
        return Some(format!("`{command}` is none of ours"));
    }
    for word in words {
        let known = match word.strip_prefix("--") {
            Some(flag) => at.get_arguments().any(|argument| argument.get_long() == Some(flag)),
            None => match at.find_subcommand(word) {
                Some(next) => {
                    at = next;
                    true
                }
                None => false,
            },
        };
        if !known {
            return Some(format!("`{command}`: there is no {word}"));
        }
    }
    at.has_subcommands().then(|| format!("`{command}` is a family, and does nothing by itself"))
}

#[test]
fn every_operation_has_a_command_or_a_reason() {
    let (program, rows, api) = (Cli::command(), rows(), waihu_api::openapi());
    let (mut wrong, mut walked) = (Vec::new(), 0);
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            walked += 1;
            let route = format!("{} {path}", method.to_uppercase());
            let told = rows.iter().find(|(known, _)| *known == route).map_or("", |(_, told)| *told);
            wrong.extend(fault(&program, told).map(|what| format!("{route}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "engine/api/README.md:\n{}", wrong.join("\n"));
    assert!(walked > 70, "only {walked} operations were found");
}

#[test]
fn what_is_not_in_the_program_is_named() {
    let program = Cli::command();
    for wrong in ["", "no", "`waihu none`", "`waihu cases`", "`waihu cases list --none`", "`curl`"] {
        assert!(fault(&program, wrong).is_some(), "{wrong}");
    }
    for right in ["`waihu cases list`, `waihu outcomes --json`", "it is drawn in a browser alone"] {
        assert_eq!(fault(&program, right), None);
    }
}

#[test]
fn the_program_takes_its_arguments_as_they_are_described() {
    Cli::command().debug_assert();
}
