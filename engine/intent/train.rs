//! Training a head from examples, and measuring it on examples that it has not seen.

use std::{collections::HashMap, path::Path};

use sha2::{Digest, Sha256};
use waihu_types::{Intent, Lang};

use crate::{
    Calibration, Encoder, ExampleSet, Head, HeldOut, IntentError, LabelReport, LanguageReport, Mistake,
    Report,
    examples::{normalize, read_examples},
    head::{LanguageHead, shape},
    lexical,
    regression::{self, Fit, Row},
    report::Tally,
};

/// Texts encoded between two reports of progress.
const ENCODED_PER_STEP: usize = 256;

/// The folders of examples that are never trained on, beside those that are.
pub const HELD_OUT: [&str; 2] = ["held-out", "held-out-2"];

/// The file of lines that a recognizer made of the examples, beside those.
pub fn heard_name(lang: Lang) -> String {
    format!("heard-{lang}.tsv")
}

/// How to train. The defaults are the ones measured best.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// L2 on the weights of the sentence vector.
    pub l2_vector: f64,
    /// L2 on the weights of the surface features.
    pub l2_surface: f64,
    /// What a line that was misheard weighs beside one that was written. With 0.5 the misheard ones gained no more,
    /// and cost two of a hundred lines of text (FIGURES.md).
    pub heard_weight: f32,
    /// Steps of the optimizer at most.
    pub max_iterations: usize,
    /// Parts of the cross-validation.
    pub folds: usize,
    /// Decides which example falls into which fold.
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self { l2_vector: 1e-5, l2_surface: 5e-6, heard_weight: 0.03, max_iterations: 150, folds: 5, seed: 1 }
    }
}

/// How far training has come, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainStep {
    /// The language at work.
    pub lang: Lang,
    /// Steps done in this language.
    pub done: usize,
    /// Steps in this language altogether.
    pub total: usize,
}

/// One language's examples, and those kept back for measuring.
pub struct TrainingData {
    /// Trained on.
    pub examples: ExampleSet,
    /// Trained on as well, with [`TrainOptions::heard_weight`].
    pub heard: Option<ExampleSet>,
    /// Never trained on.
    pub held_out: Vec<ExampleSet>,
}

/// Trains a head from the files `LANG.tsv` and `heard-LANG.tsv` of a folder (those in its folders [`HELD_OUT`] are
/// only measured on) and writes it to `out`. A folder with one language gives a head for that one.
pub fn train_files(
    encoder_dir: &Path,
    data_dir: &Path,
    out: &Path,
    options: &TrainOptions,
    progress: &mut dyn FnMut(TrainStep),
) -> Result<Report, IntentError> {
    let data = read_folder(data_dir)?;
    let encoder = Encoder::load(encoder_dir)?;
    let (head, report) = train(&data, &encoder, options, progress)?;
    head.save(out)?;
    Ok(report)
}

/// Reads every language's examples in a folder; all bad rows of all files are named at once.
fn read_folder(dir: &Path) -> Result<Vec<TrainingData>, IntentError> {
    let mut data = Vec::new();
    let mut bad = Vec::new();
    for lang in Lang::ALL {
        let read = |path: &Path, bad: &mut Vec<String>| match read_examples(lang, path) {
            _ if !path.exists() => Ok(None),
            Ok(set) => Ok(Some(set)),
            Err(IntentError::BadRows(rows)) => {
                bad.extend(rows);
                Ok(None)
            }
            Err(e) => Err(e),
        };
        let name = format!("{}.tsv", lang.code());
        let examples = read(&dir.join(&name), &mut bad)?;
        let heard = read(&dir.join(heard_name(lang)), &mut bad)?;
        let mut held_out = Vec::new();
        for folder in HELD_OUT {
            held_out.extend(read(&dir.join(folder).join(&name), &mut bad)?);
        }
        if let Some(examples) = examples {
            data.push(TrainingData { examples, heard, held_out });
        }
    }
    if !bad.is_empty() {
        return Err(IntentError::BadRows(bad));
    }
    if data.is_empty() {
        return Err(IntentError::NoLanguages(dir.to_owned()));
    }
    Ok(data)
}

/// Trains a head. The same examples, encoder and options give the same head.
pub fn train(
    data: &[TrainingData],
    encoder: &Encoder,
    options: &TrainOptions,
    progress: &mut dyn FnMut(TrainStep),
) -> Result<(Head, Report), IntentError> {
    let mut heads = Vec::new();
    let mut languages = Vec::new();
    for d in data {
        check(d)?;
        let (head, report) = Trainer { data: d, encoder, options }.run(progress)?;
        heads.push(head);
        languages.push(report);
    }
    let report = Report { encoder: encoder.version().to_owned(), languages };
    Ok((Head::new(encoder.version(), heads), report))
}

/// Every label needs examples, and none may be in both parts: it would be measured on itself.
fn check(data: &TrainingData) -> Result<(), IntentError> {
    let set = &data.examples;
    for intent in Intent::ALL {
        if !set.examples.iter().any(|e| e.intent == *intent) {
            return Err(IntentError::NoExamples { lang: set.lang, label: intent.label() });
        }
    }
    let trained: HashMap<String, (&str, usize)> = std::iter::once(set)
        .chain(&data.heard)
        .flat_map(|set| set.examples.iter().map(|e| (normalize(&e.text), (set.file.as_str(), e.line))))
        .collect();
    let mut bad = Vec::new();
    for held in &data.held_out {
        for e in &held.examples {
            if let Some((by, line)) = trained.get(&normalize(&e.text)) {
                let (file, at) = (&held.file, e.line);
                bad.push(format!("{file}:{at}: held out, but trained on at {by}:{line}"));
            }
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(IntentError::BadRows(bad)) }
}

/// An example as the regression sees it.
struct Featured {
    vector: Vec<f32>,
    buckets: Vec<u32>,
    class: usize,
    heard: bool,
}

struct Trainer<'a> {
    data: &'a TrainingData,
    encoder: &'a Encoder,
    options: &'a TrainOptions,
}

impl Trainer<'_> {
    fn run(
        &self,
        progress: &mut dyn FnMut(TrainStep),
    ) -> Result<(LanguageHead, LanguageReport), IntentError> {
        let set = &self.data.examples;
        let held = &self.data.held_out;
        let folds = self.options.folds.max(2);
        let chunks = |s: &ExampleSet| s.examples.len().div_ceil(ENCODED_PER_STEP);
        let also = self.data.heard.iter().chain(held);
        let total = chunks(set) + also.map(chunks).sum::<usize>() + folds + 1;
        let mut done = 0;
        let mut step = || {
            done += 1;
            progress(TrainStep { lang: set.lang, done, total });
        };
        let featured = self.features(set, false, &mut step)?;
        let heard = self.data.heard.as_ref();
        let heard = heard.map(|h| self.features(h, true, &mut step)).transpose()?;
        let held_featured: Vec<Vec<Featured>> =
            held.iter().map(|h| self.features(h, false, &mut step)).collect::<Result<_, _>>()?;
        let fold_of = self.folds(&featured, folds);
        let mut logits: Vec<(Vec<f32>, usize)> = vec![(Vec::new(), 0); featured.len()];
        for fold in 0..folds {
            let rest = featured.iter().zip(&fold_of).filter(|(_, f)| **f != fold).map(|(e, _)| e);
            let weights = self.fit(rest)?;
            for (i, e) in featured.iter().enumerate().filter(|(i, _)| fold_of[*i] == fold) {
                logits[i] = (shape().logits(&weights, &e.vector, &e.buckets), e.class);
            }
            step();
        }
        let temperature = regression::temperature(&logits);
        // What was misheard of a line is nearly that line: in the folds above it would be measured on itself.
        let mut weights = self.fit(featured.iter().chain(heard.iter().flatten()))?;
        // Five places are finer than the fit and halve the file.
        weights.iter_mut().for_each(|w| *w = (*w * 1e5).round() / 1e5);
        step();
        let (cross, mistakes) = judge(set, &logits, temperature);
        let mut judged = Held::default();
        for (set, featured) in held.iter().zip(&held_featured) {
            let logits: Vec<(Vec<f32>, usize)> =
                featured.iter().map(|e| (shape().logits(&weights, &e.vector, &e.buckets), e.class)).collect();
            judged.add(set, logits, temperature);
        }
        let calibration = Calibration::of(&logits, temperature);
        let report = self.report(&cross, mistakes, calibration, judged, temperature);
        let head = LanguageHead {
            lang: set.lang,
            data_sha256: self.data_sha256(),
            examples: set.examples.len() + self.data.heard.as_ref().map_or(0, |h| h.examples.len()),
            temperature,
            weights,
        };
        Ok((head, report))
    }

    fn features(
        &self,
        set: &ExampleSet,
        heard: bool,
        step: &mut dyn FnMut(),
    ) -> Result<Vec<Featured>, IntentError> {
        let mut out = Vec::with_capacity(set.examples.len());
        for chunk in set.examples.chunks(ENCODED_PER_STEP) {
            let texts: Vec<String> = chunk.iter().map(|e| normalize(&e.text)).collect();
            let views: Vec<&str> = texts.iter().map(String::as_str).collect();
            let vectors = self.encoder.encode(&views)?;
            for ((example, text), vector) in chunk.iter().zip(&texts).zip(vectors) {
                let class = place(example.intent);
                out.push(Featured { vector, buckets: lexical::buckets(set.lang, text), class, heard });
            }
            step();
        }
        Ok(out)
    }

    /// Names what the weights come from.
    fn data_sha256(&self) -> String {
        match &self.data.heard {
            None => self.data.examples.sha256.clone(),
            Some(heard) => {
                hex::encode(Sha256::digest(format!("{}{}", self.data.examples.sha256, heard.sha256)))
            }
        }
    }

    /// Fits one head. Each class weighs the same, however many written examples it has; what was misheard of it
    /// comes on top.
    fn fit<'e>(&self, examples: impl Iterator<Item = &'e Featured>) -> Result<Vec<f32>, IntentError> {
        let examples: Vec<&Featured> = examples.collect();
        let mut counts = vec![0f32; Intent::ALL.len()];
        examples.iter().filter(|e| !e.heard).for_each(|e| counts[e.class] += 1.0);
        let rows: Vec<Row> = examples
            .iter()
            .map(|e| Row {
                dense: &e.vector,
                sparse: &e.buckets,
                class: e.class,
                weight: if e.heard { self.options.heard_weight } else { 1.0 } / counts[e.class],
            })
            .collect();
        let options = Fit {
            l2_dense: self.options.l2_vector,
            l2_sparse: self.options.l2_surface,
            max_iterations: self.options.max_iterations,
        };
        regression::fit(shape(), &rows, options)
    }

    /// The fold of each example: each label is dealt over all folds, in an order by the seed.
    fn folds(&self, examples: &[Featured], folds: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut state = self.options.seed;
        for i in (1..order.len()).rev() {
            order.swap(i, (split_mix(&mut state) % (i as u64 + 1)) as usize);
        }
        let mut dealt = vec![0; Intent::ALL.len()];
        let mut out = vec![0; examples.len()];
        for i in order {
            let n = &mut dealt[examples[i].class];
            out[i] = *n % folds;
            *n += 1;
        }
        out
    }

    fn report(
        &self,
        cross: &Tally,
        mistakes: Vec<Mistake>,
        calibration: Calibration,
        held: Held,
        temperature: f32,
    ) -> LanguageReport {
        let held_out_calibration =
            (!held.logits.is_empty()).then(|| Calibration::of(&held.logits, temperature));
        let tally = Some(held.tally).filter(|_| !held.sets.is_empty());
        let label = |(i, intent): (usize, &Intent)| LabelReport {
            intent: *intent,
            examples: cross.examples(i),
            recall: cross.recall(i),
            precision: cross.precision(i),
            held_out_recall: tally.as_ref().filter(|t| t.examples(i) > 0).map(|t| t.recall(i)),
        };
        LanguageReport {
            lang: self.data.examples.lang,
            examples: self.data.examples.examples.len(),
            cross_validated: cross.accuracy(),
            held_out: tally.as_ref().map(Tally::accuracy),
            held_out_sets: held.sets,
            calibration,
            held_out_calibration,
            temperature,
            labels: Intent::ALL.iter().enumerate().map(label).collect(),
            confusions: cross.confusions(),
            held_out_mistakes: held.mistakes,
            mistakes,
        }
    }
}

/// What was found on the sets that are never trained on.
#[derive(Default)]
struct Held {
    tally: Tally,
    sets: Vec<HeldOut>,
    mistakes: Vec<Mistake>,
    logits: Vec<(Vec<f32>, usize)>,
}

impl Held {
    fn add(&mut self, set: &ExampleSet, logits: Vec<(Vec<f32>, usize)>, temperature: f32) {
        let (tally, mistakes) = judge(set, &logits, temperature);
        let (file, examples) = (set.file.clone(), set.examples.len());
        self.sets.push(HeldOut { file, examples, right: tally.accuracy() });
        self.tally.join(&tally);
        self.mistakes.extend(mistakes);
        self.logits.extend(logits);
    }
}

/// Counts right and wrong answers, and lists the wrong ones.
fn judge(set: &ExampleSet, logits: &[(Vec<f32>, usize)], temperature: f32) -> (Tally, Vec<Mistake>) {
    let mut tally = Tally::new();
    let mut mistakes = Vec::new();
    for (example, (z, class)) in set.examples.iter().zip(logits) {
        let mut p = z.clone();
        regression::softmax(&mut p, temperature);
        let best = (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(*class);
        tally.add(*class, best);
        if best != *class {
            mistakes.push(Mistake {
                place: format!("{}:{}", set.file, example.line),
                text: example.text.clone(),
                meant: example.intent,
                taken_for: Intent::ALL[best],
                confidence: p[best],
            });
        }
    }
    (tally, mistakes)
}

/// An intent's place in `Intent::ALL`.
fn place(intent: Intent) -> usize {
    Intent::ALL.iter().position(|i| *i == intent).unwrap_or_default()
}

/// SplitMix64 (Steele, Lea and Flood 2014): the shuffle needs nothing better.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
