//! Where things lie in a checkout.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use waihu_dialler::RecordedPrompts;
use waihu_dialog::{Lexicon, Problem, Script};
use waihu_models::Library;
use waihu_quality::{Rules, Sampling};
use waihu_tts::TtsPaths;
use waihu_types::Lang;

use crate::{recorded, voices::Voices};

/// A project's folder: manifests, scripts and trunks in it, fetched and made files in `.waihu/`.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The fetched models.
    pub(crate) fn library(&self) -> Result<Library> {
        Ok(Library::open(&self.root.join("models"), &self.models())?)
    }

    /// Where model files lie.
    pub(crate) fn models(&self) -> PathBuf {
        self.made().join("models")
    }

    /// The sentence encoder's folder.
    pub(crate) fn encoder(&self) -> Result<PathBuf> {
        let weights = self.library()?.path("use-multilingual", "weights.npz")?;
        Ok(weights.parent().map_or_else(|| self.models(), Path::to_owned))
    }

    /// The examples that intents are learnt from.
    pub(crate) fn intent_examples(&self) -> PathBuf {
        self.root.join("models/intents")
    }

    /// The trained head.
    pub(crate) fn intent_head(&self) -> PathBuf {
        self.models().join("intents/head.json")
    }

    /// The trained head, which must be there.
    ///
    /// # Errors
    /// Says how to make it.
    pub(crate) fn trained_head(&self) -> Result<PathBuf> {
        let head = self.intent_head();
        if !head.exists() {
            bail!("{} is missing: run `waihu train intents` 请先训练意图", head.display());
        }
        Ok(head)
    }

    /// The recognizer's model.
    pub(crate) fn recognizer(&self) -> Result<PathBuf> {
        Ok(self.library()?.path("whisper-base", "ggml-base-q8_0.bin")?)
    }

    /// The weights of the spotter, which are the project's own.
    pub(crate) fn spotter(&self) -> PathBuf {
        self.root.join("models/spotter/spotter.bin")
    }

    /// The voices' files.
    pub(crate) fn voices(&self) -> Result<TtsPaths> {
        let library = self.library()?;
        library.path("onnxruntime", "libonnxruntime.so")?;
        // A prompt with the callee's own words in it is waited for: every core helps.
        Ok(TtsPaths { threads: cores(), ..TtsPaths::under(&self.models()) })
    }

    /// Where spoken prompts are kept: the bot's, or those of someone else.
    pub(crate) fn prompts(&self, whose: &str) -> PathBuf {
        self.made().join("prompts").join(whose)
    }

    /// The store of attempts and outcomes.
    pub(crate) fn store(&self) -> PathBuf {
        self.made().join("waihu.sqlite")
    }

    /// The store of the practice ground: its callees are nobody's cases.
    pub(crate) fn practice_store(&self) -> PathBuf {
        self.made().join("practice.sqlite")
    }

    /// What is fetched or made.
    pub(crate) fn made(&self) -> PathBuf {
        self.root.join(".waihu")
    }

    /// Recordings and transcripts.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.root.join("recordings")
    }

    /// A trunk's file.
    pub(crate) fn trunk(&self, name: &str) -> PathBuf {
        self.root.join("sip-config").join(format!("{name}.toml"))
    }

    /// What the files of a folder are called, in the order of their names; example.toml explains and is none of them.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let stem = |path: PathBuf| {
            let is_toml = path.extension().is_some_and(|end| end == "toml");
            path.file_stem().filter(|_| is_toml).map(|name| name.to_string_lossy().into_owned())
        };
        let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.path())).collect();
        names.retain(|name| name != "example");
        names.sort();
        names
    }

    /// The flows that the project has, by name.
    ///
    /// # Errors
    /// When their folder cannot be read.
    pub(crate) fn flows(&self) -> Result<Vec<String>> {
        let folder = self.root.join("dialogs");
        let mut names = Vec::new();
        for entry in
            fs::read_dir(&folder).with_context(|| format!("{}: cannot be read 无法读取", folder.display()))?
        {
            let entry = entry?;
            if entry.path().join("script.toml").exists() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The files of a flow as they are on the disk: each one's path and text.
    ///
    /// # Errors
    /// When one cannot be read, or there is no such flow.
    pub(crate) fn flow_files(&self, name: &str) -> Result<Vec<(String, String)>> {
        self.files_in(&self.flow_folder(name))
    }

    /// Where a flow lies.
    pub(crate) fn flow_folder(&self, name: &str) -> PathBuf {
        self.root.join("dialogs").join(name)
    }

    /// The files of a flow that lies in a folder.
    ///
    /// # Errors
    /// When one cannot be read, or there is no such folder.
    pub(crate) fn files_in(&self, folder: &Path) -> Result<Vec<(String, String)>> {
        let listed = fs::read_dir(folder).with_context(|| {
            let known = self.flows().unwrap_or_default().join(", ");
            format!("{}: no such flow 没有该话术; there are 现有: {known}", folder.display())
        })?;
        let mut files = Vec::new();
        read_toml(listed, &mut files)?;
        // What may never be said holds for every flow; without the list nothing is right.
        for lang in Lang::ALL {
            let path = self.root.join(format!("dialogs/lexicon.{lang}.toml"));
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read 无法读取禁用语表", path.display()))?;
            files.push((path.display().to_string(), text));
        }
        let parts = self.root.join("dialogs/parts");
        for part in fs::read_dir(&parts).into_iter().flatten() {
            let part = part?.path();
            if part.is_dir() {
                read_toml(fs::read_dir(&part)?, &mut files)?;
            }
        }
        files.sort();
        Ok(files)
    }

    /// Reads a flow and checks what can be told without running it.
    ///
    /// # Errors
    /// When it cannot be read. What is wrong with it comes as a list.
    pub(crate) fn load_flow(&self, name: &str) -> Result<Result<Arc<Script>, Vec<Problem>>> {
        let files = self.flow_files(name)?;
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        Ok(self.script(name, &self.flow_folder(name), &files))
    }

    /// A flow from its texts and from the recordings that lie in its folder.
    ///
    /// # Errors
    /// What is wrong with either.
    pub(crate) fn script(
        &self,
        name: &str,
        folder: &Path,
        files: &[(&str, &str)],
    ) -> Result<Arc<Script>, Vec<Problem>> {
        let script = Script::load(name, files)?;
        let recorded = recorded::files(folder, &script)?;
        script.with_recordings(&recorded).map(Arc::new)
    }

    /// Reads and checks a flow with the names of its recordings, runs its golden conversations, and looks for
    /// the voices that it names.
    ///
    /// # Errors
    /// When it cannot be read. What is wrong with it comes as a list.
    pub(crate) fn check_flow(&self, name: &str) -> Result<Result<Arc<Script>, Vec<Problem>>> {
        Ok(self.load_flow(name)?.and_then(|script| {
            let problems = self.problems(&script);
            if problems.is_empty() { Ok(script) } else { Err(problems) }
        }))
    }

    /// What keeps a script that could be read from being dialled with: golden conversations that come out
    /// otherwise, and voices that are not there.
    pub(crate) fn problems(&self, script: &Arc<Script>) -> Vec<Problem> {
        let mut problems = script.run_examples();
        problems.extend(Voices::of(self).in_script(script));
        problems
    }

    /// A flow that calls may be placed with.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub(crate) fn flow(&self, name: &str) -> Result<Arc<Script>> {
        match self.check_flow(name)? {
            Ok(script) => Ok(script),
            Err(problems) => bail!("{}", not_right(name, &problems)),
        }
    }

    /// What calls are judged by, with the lexicons that scripts are held against.
    ///
    /// # Errors
    /// What is wrong with `compliance/quality.toml` or a lexicon.
    pub(crate) fn quality_rules(&self) -> Result<Rules> {
        let mut lexicons = BTreeMap::new();
        for lang in Lang::ALL {
            let path = self.root.join(format!("dialogs/lexicon.{lang}.toml"));
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read 无法读取禁用语表", path.display()))?;
            match Lexicon::parse(&path.display().to_string(), &text, lang) {
                Ok(lexicon) => drop(lexicons.insert(lang, lexicon)),
                Err(problems) => bail!("{}", not_right("lexicon", &problems)),
            }
        }
        match self.compliance_file("quality")? {
            Some((path, text)) => Ok(Rules::parse(&path, &text, lexicons)?),
            None => Ok(Rules::shipped(lexicons)?),
        }
    }

    /// Which calls people look at.
    ///
    /// # Errors
    /// What is wrong with `compliance/sampling.toml`.
    pub(crate) fn sampling(&self) -> Result<Sampling> {
        match self.compliance_file("sampling")? {
            Some((path, text)) => Ok(Sampling::parse(&path, &text)?),
            None => Ok(Sampling::shipped()?),
        }
    }

    /// Path and text of a file of `compliance/`; none where there is none, and what is shipped holds.
    fn compliance_file(&self, name: &str) -> Result<Option<(String, String)>> {
        let path = self.root.join("compliance").join(format!("{name}.toml"));
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path.display().to_string(), text))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("{}: cannot be read 无法读取", path.display())),
        }
    }

    /// The sound of what a person recorded for a flow.
    ///
    /// # Errors
    /// With every recording that is of no use.
    pub(crate) fn recorded_prompts(&self, script: &Script) -> Result<Arc<RecordedPrompts>> {
        match recorded::sounds(script) {
            Ok(sounds) => Ok(Arc::new(sounds)),
            Err(problems) => bail!("{}", not_right(script.name(), &problems)),
        }
    }
}

/// How many threads work at once: one a core.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The TOML files of a folder, with their paths.
fn read_toml(listed: fs::ReadDir, files: &mut Vec<(String, String)>) -> Result<()> {
    for entry in listed {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = fs::read_to_string(&path).with_context(|| {
                format!("{}: cannot be read as UTF-8 text 不是 UTF-8 文本", path.display())
            })?;
            files.push((path.display().to_string(), text));
        }
    }
    Ok(())
}

fn not_right(name: &str, problems: &[Problem]) -> String {
    let all: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let all = all.join("\n");
    format!("the script {name} is not right, and no call is placed with it 话术有误，不能拨打:\n{all}")
}
