//! A flow and the parts it uses, as one: whose names are whose, and where the ways out of a part lead.
//!
//! A part is a sub-flow that several flows share: `dialogs/parts/NAME/` with `part.toml` and prompts.
//! A flow takes it in by `[use.NAME]`, and then there are only states: those of the part are called
//! `NAME.state`, its exits lead to states of whoever uses it. So the check proves over all of it, and
//! the interpreter knows nothing of parts. Deliberately absent: calls that nest while a call runs.

use std::collections::BTreeMap;

use waihu_types::Lang;

use super::{Ladders, Parser};
use crate::{
    problem::{Place, Problems, nearest},
    reader::{self, Table},
    script::{Ladder, StateIx},
};

/// How deep parts may use parts: nobody can follow more.
const MAX_DEPTH: usize = 4;

/// A flow's own files, those of all parts at hand, and the lexicons.
pub(super) struct Sources<'f> {
    flow: BTreeMap<&'f str, (&'f str, &'f str)>,
    parts: BTreeMap<&'f str, BTreeMap<&'f str, (&'f str, &'f str)>>,
}

impl<'f> Sources<'f> {
    /// Sorts files by what their paths end in: `parts/NAME/file`, or the flow's `file`.
    pub(super) fn of(files: &'f [(&'f str, &'f str)], problems: &mut Problems) -> Self {
        let mut sources = Self { flow: BTreeMap::new(), parts: BTreeMap::new() };
        for (path, text) in files {
            let mut steps = path.rsplit(['/', '\\']);
            let (file, folder, above) = (steps.next().unwrap_or(path), steps.next(), steps.next());
            let (known, into) = match (folder, above) {
                (Some(part), Some("parts")) => ("part.toml", sources.parts.entry(part).or_default()),
                _ => ("script.toml", &mut sources.flow),
            };
            let per_language = |kind: &str| Lang::ALL.map(|l| format!("{kind}.{l}.toml"));
            let mut names = vec![known.to_owned()];
            names.extend(per_language("prompts"));
            if known == "script.toml" {
                names.extend(per_language("examples").into_iter().chain(per_language("lexicon")));
            }
            if !names.iter().any(|n| n == file) {
                let at = Place { file: (*path).into(), line: 1 };
                problems.add(&at, "no file of a flow", nearest(file, names.iter().map(String::as_str)));
            }
            into.insert(file, (path, text));
        }
        sources
    }

    pub(super) fn own(&self, file: &str) -> Option<(&'f str, &'f str)> {
        self.flow.get(file).copied()
    }

    pub(super) fn part(&self, part: &str, file: &str) -> Option<(&'f str, &'f str)> {
        self.parts.get(part)?.get(file).copied()
    }

    pub(super) fn part_names(&self) -> impl Iterator<Item = &'f str> {
        self.parts.keys().copied()
    }

    /// The files that a flow with these parts consists of, with the names that tell them apart.
    pub(super) fn used<'p>(&self, parts: impl Iterator<Item = &'p str>) -> Vec<(String, &'f str)> {
        let own = self.flow.iter().filter(|(name, _)| !name.starts_with("lexicon."));
        let mut used: Vec<_> = own.map(|(name, (_, text))| ((*name).to_owned(), *text)).collect();
        for part in parts {
            let files = self.parts.get(part).into_iter().flatten();
            used.extend(files.map(|(name, (_, text))| (format!("parts/{part}/{name}"), *text)));
        }
        used.sort_unstable();
        used.dedup();
        used
    }
}

/// A flow, or one use of a part.
pub(super) struct Unit<'i> {
    /// `""`, or the use's name and a dot.
    pub(super) prefix: String,
    /// The part; none for the flow itself.
    pub(super) part: Option<String>,
    /// Where its exits lead, as whoever uses it says: the state's name, its place, and whose name it is.
    exits: BTreeMap<String, (String, Place, usize)>,
    /// Uses of the flow itself, of which this part names states too.
    needs: Vec<(String, Place)>,
    pub(super) states: Vec<(String, Table<'i>)>,
    pub(super) always: Vec<Table<'i>>,
    /// Its own ladders, read before any state.
    pub(super) ladders: Ladders,
    rest: Option<Table<'i>>,
}

impl<'i> Parser<'i, '_> {
    /// Takes in a flow or a part, and then whatever it uses.
    pub(super) fn take_in(&mut self, mut table: Table<'i>, mut unit: Unit<'i>, chain: &[&str]) {
        let here = self.units.len();
        let is_flow = unit.part.is_none();
        let states = match is_flow {
            true => table.need("states", self.problems),
            false => table.take("states"),
        };
        if let Some(t) = states.and_then(|v| v.table("states", self.problems)) {
            for (name, value) in t.into_named() {
                let full = format!("{}{name}", unit.prefix);
                if name.contains('.') || name == "back" || name.starts_with('@') {
                    self.problems.add(
                        &value.at,
                        format!("{name:?} is no name for a state"),
                        "use letters and _",
                    );
                }
                if let Some(t) = value.table(&name, self.problems) {
                    self.states.insert(full.clone(), self.states.len());
                    unit.states.push((full, t));
                }
            }
        }
        unit.always = table.tables("always", self.problems);
        let uses = table.table("use", self.problems);
        let prefix = unit.prefix.clone();
        self.units.push(unit);
        let mut uses: Vec<_> = uses.into_iter().flat_map(Table::into_named).collect();
        // Their rules stand in the order of the file.
        uses.sort_by_key(|(_, value)| value.at.line);
        for (name, value) in uses {
            if let Some(t) = value.table(&name, self.problems) {
                self.use_part(&name, t, here, &prefix, chain);
            }
        }
        self.units[here].rest = Some(table);
    }

    /// A table that counts for the whole flow: its own, or else that of the one part that has it.
    /// What it names is looked up where it stands.
    pub(super) fn setting(&mut self, key: &'static str) -> Option<Table<'i>> {
        let mut found: Option<(usize, Table<'i>)> = None;
        for ix in 0..self.units.len() {
            let rest = self.units[ix].rest.as_mut();
            let Some(table) = rest.and_then(|t| t.table(key, self.problems)) else { continue };
            match &found {
                // The flow outweighs its parts.
                Some((0, _)) => {}
                Some((_, first)) => {
                    let message =
                        format!("{key} is in two parts, here and in {}", short_path(&first.at.file));
                    self.problems.add(&table.at, message, format!("say in script.toml which [{key}] it is"));
                }
                None => found = Some((ix, table)),
            }
        }
        let (ix, table) = found?;
        self.unit = ix;
        Some(table)
    }

    /// A table of every unit that has it, with the unit.
    pub(super) fn every(&mut self, key: &'static str) -> Vec<(usize, Table<'i>)> {
        let units = self.units.iter_mut().enumerate();
        units.filter_map(|(ix, u)| Some((ix, u.rest.as_mut()?.table(key, self.problems)?))).collect()
    }

    /// The same where there must be one.
    pub(super) fn needed(&mut self, key: &'static str) -> Option<Table<'i>> {
        let found = self.setting(key);
        if found.is_none() {
            let at = self.units[0].rest.as_ref().map(|t| t.at.clone());
            if let Some(at) = at {
                self.problems.add(&at, format!("{key} is missing"), "");
            }
        }
        found
    }

    /// What a part needs beside it is used by the flow.
    pub(super) fn check_needs(&mut self) {
        let uses: Vec<&str> = self.units.iter().filter_map(|u| u.prefix.strip_suffix('.')).collect();
        for unit in &self.units {
            for (need, at) in unit.needs.iter().filter(|(need, _)| !uses.contains(&need.as_str())) {
                let part = unit.part.as_deref().unwrap_or_default();
                let message = format!("part {part:?} needs {need:?}, which the flow does not use");
                self.problems.add(at, message, format!("add [use.{need}] to script.toml"));
            }
        }
    }

    /// Names every key that nobody asked for.
    pub(super) fn close_units(&mut self) {
        for unit in &mut self.units {
            if let Some(rest) = unit.rest.take() {
                rest.close(self.problems);
            }
        }
    }

    fn use_part(&mut self, name: &str, mut t: Table<'i>, user: usize, prefix: &str, chain: &[&str]) {
        let at = t.at.clone();
        let part = t.string("part", self.problems).map_or_else(|| name.to_owned(), |(part, _)| part);
        let exits = t.table("exits", self.problems);
        t.close(self.problems);
        let mut bound = BTreeMap::new();
        for (exit, value) in exits.into_iter().flat_map(Table::into_named) {
            if let Some((to, at)) = value.string(&exit, self.problems) {
                bound.insert(exit, (to, at, user));
            }
        }
        if chain.contains(&part.as_str()) {
            let round = [chain, &[part.as_str()]].concat().join(" → ");
            self.problems.add(&at, format!("a part uses itself: {round}"), "take one of these uses out");
            return;
        }
        let Some((path, text)) = self.sources.part(&part, "part.toml").filter(|_| chain.len() < MAX_DEPTH)
        else {
            let help = nearest(&part, self.sources.part_names());
            let message = match chain.len() < MAX_DEPTH {
                true => format!("no part {part:?}: parts/{part}/part.toml is missing"),
                false => format!("parts use parts more than {MAX_DEPTH} deep: {}", chain.join(" → ")),
            };
            self.problems.add(&at, message, help);
            return;
        };
        let mut table = reader::read(path, text, self.problems);
        let declared = table.strings("exits", self.problems);
        for (exit, (_, at, _)) in &bound {
            if !declared.iter().any(|d| d.0 == *exit) {
                let help = nearest(exit, declared.iter().map(|d| d.0.as_str()));
                self.problems.add(at, format!("part {part:?} has no exit {exit:?}"), help);
            }
        }
        for (exit, _) in declared.iter().filter(|d| !bound.contains_key(&d.0)) {
            let help = format!("exits = {{ {exit} = \"state\" }} says where it leads");
            self.problems.add(&at, format!("exit {exit:?} of part {part:?} leads nowhere"), help);
        }
        let needs = table.strings("needs", self.problems);
        let prefix = format!("{prefix}{name}.");
        if let Some((start, at)) = table.string("start", self.problems) {
            self.starts.insert(prefix.trim_end_matches('.').to_owned(), (format!("{prefix}{start}"), at));
        }
        self.read_part_prompts(&part);
        let unit = Unit {
            prefix,
            part: Some(part.clone()),
            exits: bound,
            needs,
            states: Vec::new(),
            always: Vec::new(),
            ladders: (None, None),
            rest: None,
        };
        let chain = [chain, &[part.as_str()]].concat();
        self.take_in(table, unit, &chain);
    }

    fn read_part_prompts(&mut self, part: &str) {
        if self.parts_read.iter().any(|p| p == part) {
            return;
        }
        self.parts_read.push(part.to_owned());
        for lang in Lang::ALL {
            let file = format!("prompts.{lang}.toml");
            if let Some((path, text)) = self.sources.part(part, &file) {
                self.prompts.read(lang, path, text, Some(part), self.problems);
            }
        }
    }

    /// The ladders of every unit, once all states have their numbers, and those for units without.
    pub(super) fn unit_ladders(&mut self) -> Ladders {
        for ix in 0..self.units.len() {
            let Some(mut table) = self.units[ix].rest.take() else { continue };
            self.unit = ix;
            self.units[ix].ladders =
                (self.ladder(&mut table, "silence"), self.ladder(&mut table, "no_match"));
            self.units[ix].rest = Some(table);
        }
        let first = |which: fn(&Ladders) -> &Option<Ladder>| {
            self.units.iter().find_map(|u| which(&u.ladders).clone())
        };
        (first(|l| &l.0), first(|l| &l.1))
    }

    /// The state that `name` means in the unit being read.
    pub(super) fn state_named(&mut self, name: &str, at: &Place) -> Option<StateIx> {
        let (mut name, mut at, mut unit) = (name.to_owned(), at.clone(), self.unit);
        // Each turn goes one use outwards, or ends.
        while let Some(exit) = name.strip_prefix('@') {
            match self.units[unit].exits.get(exit) {
                Some((to, bound_at, user)) => (name, at, unit) = (to.clone(), bound_at.clone(), *user),
                None if self.units[unit].part.is_none() => {
                    self.problems.add(&at, format!("{name:?}: a flow has no exits"), "name a state");
                    return None;
                }
                // An exit that is declared and not bound has been told at its use.
                None => {
                    let known = self.units[unit].exits.keys().map(String::as_str);
                    self.problems.add(&at, format!("no exit {exit:?}"), nearest(exit, known));
                    return None;
                }
            }
        }
        let needed = name.split('.').next().unwrap_or_default();
        let full = match self.units[unit].needs.iter().any(|(need, _)| need == needed) {
            true => name.clone(),
            false => format!("{}{name}", self.units[unit].prefix),
        };
        let full = self.starts.get(&full).map_or(full, |(start, _)| start.clone());
        let found = self.states.get(&full).copied();
        if found.is_none() {
            let prefix = self.units[unit].prefix.as_str();
            let known = self.states.keys().filter_map(|s| s.strip_prefix(prefix));
            self.problems.add(&at, format!("no state {name:?}"), nearest(&name, known));
        }
        found
    }
}

/// A file's name beside those of its flow: `parts/NAME/file`, or `file`.
pub(crate) fn short_path(path: &str) -> &str {
    match path.rfind("/parts/") {
        Some(i) => &path[i + 1..],
        None => path.rsplit(['/', '\\']).next().unwrap_or(path),
    }
}

impl Unit<'_> {
    /// The flow itself.
    pub(super) fn flow() -> Self {
        Self {
            prefix: String::new(),
            part: None,
            exits: BTreeMap::new(),
            needs: Vec::new(),
            states: Vec::new(),
            always: Vec::new(),
            ladders: (None, None),
            rest: None,
        }
    }
}
