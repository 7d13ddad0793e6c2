//! Trains the spotter on rendered clips; the same seed and clips give the same weights.
//!
//! `train DIR OUT [epochs=24] [seed=1] [per_epoch=6000] [from=FILE] [reload=EPOCHS] [check]`, DIR as `models/spotter/plan.py` and
//! `formant.py` leave it. Each example is a clip as a telephone would bring it: another pitch, speed, level,
//! filter, noise, law and loss each time it is met. Gradients are worked out here by hand, for eight threads.

mod shared;

use std::path::Path;

use shared::{Clip, Failure, NO_SPEECH, clips, no_speech};
use waihu_audio::g711::Law;
use waihu_corpus::{Condition, Noise, Random, apply};
use waihu_spotter::{
    Phrase, Spotter,
    front::{BANDS, Features, Front, RATE},
    gemm::{Left, add_product},
    net::{LAST, LAYERS, Matrix, Net, POOLED, Skip, padded, pool, shapes, softmax, spread},
    phrases,
};

const BATCH: usize = 48;
const THREADS: usize = 8;
const RATE_OF_LEARNING: f32 = 2e-3;
const DECAY: f32 = 0.02;
/// The share of pooled values that is left out of each example.
const DROPPED: f32 = 0.15;

struct Set {
    clips: Vec<Clip>,
    /// Clips of each class: those of neural voices, then the others.
    of_class: Vec<[Vec<usize>; 2]>,
    others: Vec<usize>,
    phrases: Vec<Phrase>,
}

impl Set {
    fn new(clips: Vec<Clip>, phrases: Vec<Phrase>) -> Self {
        let mut of_class = vec![[Vec::new(), Vec::new()]; phrases.len()];
        let mut others = Vec::new();
        for (n, clip) in clips.iter().enumerate() {
            match clip.class {
                Some(class) => of_class[class][usize::from(clip.voice.starts_with("x-"))].push(n),
                None => others.push(n),
            }
        }
        Self { clips, of_class, others, phrases }
    }

    fn other(&self, random: &mut Random) -> &Clip {
        &self.clips[self.others[random.below(self.others.len())]]
    }

    fn any(&self, random: &mut Random) -> &Clip {
        &self.clips[random.below(self.clips.len())]
    }

    /// One example before the telephone, and its class.
    fn draw(&self, random: &mut Random) -> (Vec<i16>, usize) {
        let garbage = self.phrases.len();
        let kind = random.unit();
        if kind < 0.58 {
            let class = random.below(garbage);
            let [neural, small] = &self.of_class[class];
            let from =
                if small.is_empty() || (!neural.is_empty() && random.unit() < 0.65) { neural } else { small };
            if !from.is_empty() {
                return (self.clips[from[random.below(from.len())]].samples.clone(), class);
            }
        }
        if kind < 0.86 {
            return (self.other(random).samples.clone(), garbage);
        }
        if kind < 0.94 {
            return (self.joined(random), garbage);
        }
        if kind < 0.96 {
            let mut backwards = self.any(random).samples.clone();
            backwards.reverse();
            return (backwards, garbage);
        }
        (no_speech(random.below(NO_SPEECH.len()), random), garbage)
    }

    /// Two clips in one breath that do not mean the same: an answer that goes on.
    fn joined(&self, random: &mut Random) -> Vec<i16> {
        let meaning = |c: &Clip| c.class.map(|n| self.phrases[n].intent);
        let (first, second) = (self.any(random), self.other(random));
        let (first, second) = if random.unit() < 0.7 { (first, second) } else { (second, first) };
        let second = if meaning(first).is_some() && meaning(first) == meaning(second) {
            self.other(random)
        } else {
            second
        };
        let gap = random.below(RATE / 6);
        [tight(&first.samples), &vec![0; gap], tight(&second.samples)].concat()
    }
}

/// The clip without the silence at its ends.
fn tight(samples: &[i16]) -> &[i16] {
    let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
    let loud = |s: &i16| s.unsigned_abs() > peak / 20;
    let first = samples.iter().position(loud).unwrap_or_default();
    let last = samples.iter().rposition(loud).unwrap_or_default();
    samples.get(first..=last).unwrap_or_default()
}

/// Another speaker on another telephone: pitch with speed, tilt, a lost beginning, silence around.
fn vary(samples: &[i16], random: &mut Random) -> Vec<i16> {
    let ratio = if random.unit() < 0.75 { random.between(0.85, 1.18) } else { 1.0 };
    let tight = tight(samples);
    let cut = if random.unit() < 0.2 { random.below(RATE * 45 / 1000) } else { 0 };
    let voiced = tight.get(cut..).unwrap_or(tight);
    let tilt = if random.unit() < 0.6 { random.between(-0.6, 0.6) } else { 0.0 };
    let hiss = 10f32.powf(random.between(-0.5, 1.7));
    let mut out: Vec<i16> = Vec::new();
    let quiet =
        |n: usize, random: &mut Random| (0..n).map(|_| (random.white() * hiss) as i16).collect::<Vec<_>>();
    let ends = (random.below(RATE * 3 / 10), RATE / 20 + random.below(RATE * 4 / 10));
    out.extend(quiet(ends.0, random));
    let mut before = 0.0;
    for n in 0..(voiced.len() as f32 / ratio) as usize {
        let at = n as f32 * ratio;
        let (whole, part) = (at as usize, at.fract());
        let a = f32::from(voiced[whole.min(voiced.len() - 1)]);
        let b = f32::from(voiced[(whole + 1).min(voiced.len() - 1)]);
        let now = a + (b - a) * part;
        out.push((now - tilt * before + random.white() * hiss) as i16);
        before = now;
    }
    out.extend(quiet(ends.1, random));
    out
}

fn condition(random: &mut Random) -> Condition {
    let noise = match random.below(6) {
        0 | 1 => Noise::Babble { snr_db: random.between(7.0, 25.0) },
        2 | 3 => Noise::Street { snr_db: random.between(7.0, 25.0) },
        _ => Noise::None,
    };
    let law = [Some(Law::A), Some(Law::Mu), None][random.below(3)];
    let loss = if random.unit() < 0.4 { random.between(0.01, 0.1) } else { 0.0 };
    let clip = if random.unit() < 0.12 { random.between(3.0, 14.0) } else { 0.0 };
    let speed = if random.unit() < 0.6 { random.between(0.72, 1.35) } else { 1.0 };
    Condition { law, loss, noise, speed, level_db: random.between(-24.0, 3.0), clip }
}

/// One example as the network sees it; `None` where the front end refuses it.
fn example(set: &Set, front: &Front, random: &mut Random) -> Option<(Features, usize)> {
    let (samples, class) = set.draw(random);
    let condition = condition(random);
    let babble: Vec<&[i16]> = match condition.noise {
        Noise::Babble { .. } => (0..4).map(|_| set.any(random).samples.as_slice()).collect(),
        _ => Vec::new(),
    };
    let varied = vary(&samples, random);
    let mut features = front.hear(&apply(&condition, &varied, &babble, random.next_u64()))?;
    if random.unit() < 0.3 {
        let (from, width) = (random.below(BANDS), 1 + random.below(5));
        for row in features.values.chunks_exact_mut(BANDS) {
            row.iter_mut().skip(from).take(width).for_each(|x| *x = -1.0);
        }
    }
    Some((features, class))
}

/// Gradients, and what was counted on the way.
struct Pass {
    gradients: Vec<Matrix>,
    loss: f64,
    right: usize,
    seen: usize,
}

/// Works out one example and adds its gradients. `across` holds each matrix transposed, `keep` what each
/// pooled value is multiplied by.
fn learn(net: &Net, across: &[Vec<f32>], features: &Features, class: usize, pass: &mut Pass, keep: &[f32]) {
    let mut pack = Vec::new();
    let (mut frames, mut now) = (vec![features.frames], features.values.clone());
    let (mut seen, mut ramps) = (Vec::new(), Vec::new());
    for (layer, matrix) in LAYERS.iter().zip(&net.matrices) {
        let before = frames.last().copied().unwrap_or_default();
        let (mut wide, mut next) = (Vec::new(), Vec::new());
        layer.unfold(&now, before, &mut wide);
        spread(&matrix.bias, layer.frames(before), &mut next);
        let left = Left { values: &wide, row: layer.depth(), column: 1 };
        add_product(left, &matrix.weights, &mut next, layer.depth(), layer.output, &mut pack);
        next.iter_mut().for_each(|x| *x = x.max(0.0));
        ramps.push(next.clone());
        if layer.skip == Skip::Add {
            next.iter_mut().zip(&now).for_each(|(x, b)| *x += b);
        }
        frames.push(layer.frames(before));
        seen.push(wide);
        now = next;
    }
    let pooled: Vec<f32> = pool(&now).iter().zip(keep).map(|(x, k)| x * k).collect();
    let head = LAYERS.len();
    let width = net.matrices[head].bias.len();
    let mut wrong = net.matrices[head].bias.clone();
    let left = Left { values: &pooled, row: POOLED, column: 1 };
    add_product(left, &net.matrices[head].weights, &mut wrong, POOLED, width, &mut pack);
    softmax(&mut wrong);
    pass.loss -= f64::from(wrong[class].max(1e-9).ln());
    pass.right += usize::from(wrong.iter().all(|p| *p <= wrong[class]));
    pass.seen += 1;
    wrong[class] -= 1.0;

    let gradient = &mut pass.gradients[head];
    gradient.bias.iter_mut().zip(&wrong).for_each(|(g, d)| *g += d);
    for (row, x) in gradient.weights.chunks_exact_mut(width).zip(&pooled) {
        row.iter_mut().zip(&wrong).for_each(|(g, d)| *g += d * x);
    }
    let mut back = vec![0.0; POOLED];
    add_product(
        Left { values: &wrong, row: width, column: 1 },
        &across[head],
        &mut back,
        width,
        POOLED,
        &mut pack,
    );
    back.iter_mut().zip(keep).for_each(|(b, k)| *b *= k);
    let count = now.len() / LAST;
    let mut down = vec![0.0; now.len()];
    for channel in 0..LAST {
        let greatest = (0..count).max_by(|a, b| now[a * LAST + channel].total_cmp(&now[b * LAST + channel]));
        for t in 0..count {
            down[t * LAST + channel] = back[channel] / count as f32;
        }
        down[greatest.unwrap_or_default() * LAST + channel] += back[LAST + channel];
    }
    for (n, layer) in LAYERS.iter().enumerate().rev() {
        let mut through = down.clone();
        through.iter_mut().zip(&ramps[n]).for_each(|(d, r)| *d *= f32::from(u8::from(*r > 0.0)));
        let gradient = &mut pass.gradients[n];
        for row in through.chunks_exact(layer.output) {
            gradient.bias.iter_mut().zip(row).for_each(|(g, d)| *g += d);
        }
        let columns = Left { values: &seen[n], row: 1, column: layer.depth() };
        add_product(columns, &through, &mut gradient.weights, frames[n + 1], layer.output, &mut pack);
        if n == 0 {
            break;
        }
        let mut wide = vec![0.0; frames[n + 1] * layer.depth()];
        let left = Left { values: &through, row: layer.output, column: 1 };
        add_product(left, &across[n], &mut wide, layer.output, layer.depth(), &mut pack);
        let mut below = if layer.skip == Skip::Add { down } else { vec![0.0; frames[n] * layer.input] };
        for (frame, row) in wide.chunks_exact(layer.depth()).enumerate() {
            for (tap, part) in row.chunks_exact(layer.input).enumerate() {
                if let Some(t) = layer.sees(frame, tap, frames[n]) {
                    below[t * layer.input..].iter_mut().zip(part).for_each(|(b, p)| *b += p);
                }
            }
        }
        down = below;
    }
}

/// Leaves a share of the pooled values out and makes the rest up for it.
fn kept(random: &mut Random) -> Vec<f32> {
    (0..POOLED).map(|_| if random.unit() < DROPPED { 0.0 } else { 1.0 / (1.0 - DROPPED) }).collect()
}

/// Compares the gradients of some weights of each matrix with differences of the loss: the largest deviation,
/// as a share of the greatest gradient looked at.
fn deviation(net: &Net, random: &mut Random) -> f32 {
    let frames = 61;
    let features = Features { values: (0..frames * BANDS).map(|_| random.white()).collect(), frames };
    let (class, step) = (3, 2e-3);
    let mut pass = Pass { gradients: zeros(phrases::all().len() + 1), loss: 0.0, right: 0, seen: 0 };
    let across: Vec<Vec<f32>> = net.matrices.iter().map(transposed).collect();
    learn(net, &across, &features, class, &mut pass, &[1.0; POOLED]);
    let loss = |net: &Net| -net.probabilities(&features)[class].ln();
    let mut worst = 0.0f32;
    for (n, gradient) in pass.gradients.iter().enumerate() {
        let mut order: Vec<usize> = (0..gradient.weights.len()).collect();
        order.sort_by(|a, b| gradient.weights[*b].abs().total_cmp(&gradient.weights[*a].abs()));
        for at in order.iter().take(200).step_by(20) {
            let (mut more, mut less) = (net.clone(), net.clone());
            more.matrices[n].weights[*at] += step;
            less.matrices[n].weights[*at] -= step;
            let slope = (loss(&more) - loss(&less)) / (2.0 * step);
            worst = worst.max((slope - gradient.weights[*at]).abs() / gradient.weights[order[0]].abs());
        }
    }
    worst
}

fn transposed(matrix: &Matrix) -> Vec<f32> {
    let width = matrix.bias.len();
    (0..width).flat_map(|c| matrix.weights.iter().skip(c).step_by(width).copied()).collect()
}

fn zeros(classes: usize) -> Vec<Matrix> {
    shapes(classes)
        .into_iter()
        .map(|(depth, width)| Matrix { weights: vec![0.0; depth * width], bias: vec![0.0; width] })
        .collect()
}

/// Weights to begin with (He); the layers that add to their input begin small.
fn beginning(classes: usize, random: &mut Random) -> Net {
    let mut matrices = zeros(classes);
    for (n, matrix) in matrices.iter_mut().enumerate() {
        let depth = (matrix.weights.len() / matrix.bias.len()) as f32;
        let gain = LAYERS.get(n).map_or(0.1, |l| if l.skip == Skip::Add { 0.4 } else { 1.3 });
        for w in &mut matrix.weights {
            // A sum of three is bell-shaped enough; white noise has variance 1/3.
            *w = (random.white() + random.white() + random.white()) * gain / depth.sqrt();
        }
    }
    // What fills the last tile is no class.
    if let Some(head) = matrices.last_mut() {
        head.bias[classes..].fill(-30.0);
    }
    Net::new(matrices, classes)
}

/// Adam with decoupled decay.
struct Adam {
    first: Vec<Matrix>,
    second: Vec<Matrix>,
    steps: i32,
}

impl Adam {
    fn step(&mut self, net: &mut Net, gradients: &[Matrix], count: usize, rate: f32) {
        self.steps += 1;
        let (b1, b2) = (0.9f32, 0.99f32);
        let (c1, c2) = (1.0 - b1.powi(self.steps), 1.0 - b2.powi(self.steps));
        let all = |m: &Matrix| m.weights.iter().chain(&m.bias).map(|g| f64::from(g * g)).sum::<f64>();
        let norm = gradients.iter().map(all).sum::<f64>().sqrt() as f32 / count as f32;
        let scale = (2.0 / norm.max(1e-9)).min(1.0) / count as f32;
        for (n, g) in gradients.iter().enumerate() {
            let update = |w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], decay: f32| {
                for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                    let g = g * scale;
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    *w -= rate * (*m / c1 / ((*v / c2).sqrt() + 1e-8) + decay * *w);
                }
            };
            let to = &mut net.matrices[n];
            let (m, v) = (&mut self.first[n], &mut self.second[n]);
            update(&mut to.weights, &g.weights, &mut m.weights, &mut v.weights, DECAY);
            update(&mut to.bias, &g.bias, &mut m.bias, &mut v.bias, 0.0);
        }
    }
}

/// One batch over the threads: each has its own examples by their numbers, so that the sum is always the same.
fn batch(set: &Set, front: &Front, net: &Net, seed: u64, first: usize) -> Pass {
    let across: Vec<Vec<f32>> = net.matrices.iter().map(transposed).collect();
    let classes = set.phrases.len() + 1;
    let work = |thread: usize| {
        let mut pass = Pass { gradients: zeros(classes), loss: 0.0, right: 0, seen: 0 };
        for n in (thread..BATCH).step_by(THREADS) {
            let mut random = Random::new(seed ^ ((first + n) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            if let Some((features, class)) = example(set, front, &mut random) {
                learn(net, &across, &features, class, &mut pass, &kept(&mut random));
            }
        }
        pass
    };
    let passes: Vec<Pass> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
        running.into_iter().filter_map(|r| r.join().ok()).collect()
    });
    let mut sum = Pass { gradients: zeros(classes), loss: 0.0, right: 0, seen: 0 };
    for pass in passes {
        sum.loss += pass.loss;
        sum.right += pass.right;
        sum.seen += pass.seen;
        for (to, from) in sum.gradients.iter_mut().zip(pass.gradients) {
            to.weights.iter_mut().zip(from.weights).for_each(|(a, b)| *a += b);
            to.bias.iter_mut().zip(from.bias).for_each(|(a, b)| *a += b);
        }
    }
    sum
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, out, options @ ..] = &args[..] else {
        return Err("train DIR OUT [epochs=24] [seed=1] …".into());
    };
    let option = |name: &str, otherwise: usize| {
        let value = options.iter().find_map(|o| o.strip_prefix(name)?.strip_prefix('='));
        value.map_or(Ok(otherwise), str::parse)
    };
    let (epochs, seed, per_epoch) =
        (option("epochs", 24)?, option("seed", 1)? as u64, option("per_epoch", 6000)?);
    let phrases = phrases::all();
    let classes = phrases.len() + 1;
    let front = Front::new();
    let mut random = Random::new(seed);
    let mut net = beginning(classes, &mut random);
    if let Some(from) = options.iter().find_map(|o| o.strip_prefix("from=")) {
        net = Spotter::load(Path::new(from))?.nets().first().ok_or("no network")?.clone();
    }
    if options.iter().any(|o| o == "check") {
        eprintln!(
            "gradients deviate from differences by {:.3} of the greatest",
            deviation(&net, &mut random)
        );
        return Ok(());
    }
    assert_eq!(net.matrices[LAYERS.len()].bias.len(), padded(classes));
    let small = clips(&Path::new(dir).join("formant-train.tsv"), &phrases)?;
    let load = || -> Result<Set, Failure> {
        let mut all = clips(&Path::new(dir).join("train.tsv"), &phrases)?;
        all.extend(small.iter().cloned());
        Ok(Set::new(all, phrases.clone()))
    };
    let mut set = load()?;
    let mut adam = Adam { first: zeros(classes), second: zeros(classes), steps: 0 };
    let steps = epochs * per_epoch / BATCH;
    let mut step = 0;
    let peak = option("rate", 100)? as f32 / 100.0 * RATE_OF_LEARNING;
    for epoch in 0..epochs {
        if epoch > 0 && option("reload", 0)? > 0 && epoch % option("reload", 0)? == 0 {
            set = load()?;
        }
        let (mut loss, mut right, mut seen) = (0.0, 0, 0);
        for _ in 0..per_epoch / BATCH {
            let share = step as f32 / steps as f32;
            let warm = ((step + 1) as f32 / 60.0).min(1.0);
            let rate = peak * warm * (0.01 + 0.99 * (0.5 + 0.5 * (std::f32::consts::PI * share).cos()));
            let pass = batch(&set, &front, &net, seed.wrapping_mul(0xd134_2543_de82_ef95), step * BATCH);
            adam.step(&mut net, &pass.gradients, pass.seen.max(1), rate);
            loss += pass.loss;
            right += pass.right;
            seen += pass.seen;
            step += 1;
        }
        std::fs::write(out, Spotter::to_bytes(std::slice::from_ref(&net), [0.9, 0.9]))?;
        eprintln!(
            "epoch {epoch}: {} clips, loss {:.3}, right {:.3} of {seen}",
            set.clips.len(),
            loss / seen as f64,
            right as f64 / seen as f64
        );
    }
    Ok(())
}
