//! The voice: texts in, samples at 8 kHz out, sentence by sentence.
//!
//! One plain thread owns the synthesizers. What was spoken once lies in the prompt cache, and a
//! call's known prompts are asked for before it is dialled; live work is only what the callee has
//! just said (a date, a sum). Between any two pieces the thread turns to whoever needs it most: a
//! callee who hears nothing yet, then the one who will have heard all there is soonest, then
//! preparations. So a long text keeps nobody waiting.

use std::{
    fmt,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, after, bounded, never, select_biased};
use waihu_tts::{Spoken, TtsError};
use waihu_types::{Lang, VoiceStyle};

use crate::{
    SpeechError,
    speaker::{Progress, Speaker, SpokenPart},
};

/// Texts that may wait in each queue: the prompts of a few dozen calls being prepared at once.
const MAX_WAITING: usize = 1_024;
/// Texts that are being spoken to callees at once: more calls than a machine has voices for.
const MAX_LIVE: usize = 256;
/// A callee with so much to hear yet does not mind whose turn it is: several sentences, while the next
/// takes a second or two.
const ENOUGH: Duration = Duration::from_secs(5);
/// No text is spoken further ahead of its callee, who may stop it or hang up any time.
const FAR_AHEAD: Duration = Duration::from_secs(20);

/// A text to speak. `Debug` hides the words.
#[derive(Clone, PartialEq)]
pub struct VoiceRequest {
    /// Its language.
    pub lang: Lang,
    /// The words.
    pub text: String,
    /// What of them was recorded: all parts, in order; none where a voice speaks everything.
    pub parts: Vec<SpokenPart>,
    /// In which voice, and how.
    pub style: VoiceStyle,
    /// Who waits for it.
    pub urgency: Urgency,
}

impl fmt::Debug for VoiceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lang, text, parts, style, urgency } = self;
        write!(f, "VoiceRequest({lang} {} bytes {parts:?} {style:?} {urgency:?})", text.len())
    }
}

/// Who waits for a text to be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A callee, on the line: each piece is told as it is ready.
    Live,
    /// A call that is not dialled yet: the whole is told.
    Preparation,
}

/// What was spoken of a text, at 8 kHz.
#[derive(Clone, Debug, PartialEq)]
pub struct VoicePart {
    /// What follows the part told before; its marks from its own beginning.
    pub spoken: Spoken,
    /// With the last part, all of them together.
    pub whole: Option<Spoken>,
}

impl VoicePart {
    /// The whole where it is there, else the part.
    pub fn spoken_whole(self) -> Spoken {
        self.whole.unwrap_or(self.spoken)
    }
}

/// Who is told of a text's sound, part by part, until its whole or an error. Once nobody wants more it
/// breaks, and is told no more.
pub type VoiceReply = Box<dyn FnMut(Result<VoicePart, SpeechError>) -> ControlFlow<()> + Send>;

type Job = (VoiceRequest, VoiceReply);

/// Where texts are handed in.
#[derive(Clone)]
pub(crate) struct Voice {
    live: Sender<Job>,
    preparation: Sender<Job>,
}

impl Voice {
    pub(crate) fn start(mut speaker: Speaker) -> Result<Self, SpeechError> {
        let (voice, queues) = Self::queues();
        let step =
            move |request: &VoiceRequest, progress: &mut Option<Progress>| speaker.step(request, progress);
        let begun = Instant::now();
        thread::Builder::new()
            .name("voice".to_owned())
            .spawn(move || queues.work(step, || begun.elapsed()))
            .map_err(SpeechError::Thread)?;
        Ok(voice)
    }

    fn queues() -> (Self, Queues) {
        let ((live, of_live), (preparation, of_preparation)) = (bounded(MAX_WAITING), bounded(MAX_WAITING));
        (Self { live, preparation }, Queues { live: of_live, preparation: of_preparation })
    }

    pub(crate) fn speak(&self, request: VoiceRequest, reply: VoiceReply) {
        let queue = match request.urgency {
            Urgency::Live => &self.live,
            Urgency::Preparation => &self.preparation,
        };
        if let Err(e) = queue.try_send((request, reply)) {
            let (_, mut reply) = e.into_inner();
            let _nobody_else = reply(Err(SpeechError::VoiceBusy));
        }
    }
}

struct Queues {
    live: Receiver<Job>,
    preparation: Receiver<Job>,
}

/// A text that is being spoken. `S` is how far its sound has come.
struct Speaking<S> {
    request: VoiceRequest,
    reply: VoiceReply,
    progress: Option<S>,
    /// When its first part was told.
    since: Option<Duration>,
    /// How much was told.
    told: Duration,
}

impl<S> Speaking<S> {
    fn of((request, reply): Job) -> Self {
        Self { request, reply, progress: None, since: None, told: Duration::ZERO }
    }

    /// How much its callee has to hear yet; none before the first sound.
    fn ahead(&self, now: Duration) -> Option<Duration> {
        self.since.map(|since| self.told.saturating_sub(now.saturating_sub(since)))
    }
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// The callee's of this number.
    Live(usize),
    Preparation,
    /// Nobody's, unless something comes in by then.
    Rest(Option<Duration>),
}

fn turn<S>(live: &[Speaking<S>], preparing: bool, now: Duration) -> Turn {
    // The first of those that are equal has waited longest.
    let neediest = live.iter().enumerate().map(|(n, s)| (n, s.ahead(now))).min_by_key(|(_, ahead)| *ahead);
    match neediest {
        Some((n, None)) => Turn::Live(n),
        Some((n, Some(ahead))) if ahead < ENOUGH => Turn::Live(n),
        _ if preparing => Turn::Preparation,
        Some((n, Some(ahead))) if ahead < FAR_AHEAD => Turn::Live(n),
        Some((_, Some(ahead))) => Turn::Rest(Some(ahead - FAR_AHEAD)),
        None => Turn::Rest(None),
    }
}

impl Queues {
    /// Speaks until nobody can ask any more. `step` speaks the next part of a text.
    fn work<S>(
        &self,
        mut step: impl FnMut(&VoiceRequest, &mut Option<S>) -> Result<VoicePart, TtsError>,
        now: impl Fn() -> Duration,
    ) {
        let mut live: Vec<Speaking<S>> = Vec::new();
        let mut preparing: Option<Speaking<S>> = None;
        loop {
            while live.len() < MAX_LIVE
                && let Ok(job) = self.live.try_recv()
            {
                live.push(Speaking::of(job));
            }
            if preparing.is_none() {
                preparing = self.preparation.try_recv().ok().map(Speaking::of);
            }
            match turn(&live, preparing.is_some(), now()) {
                Turn::Live(n) => {
                    if let Some(text) = live.get_mut(n)
                        && text.next_part(&mut step, &now).is_break()
                    {
                        live.remove(n);
                    }
                }
                Turn::Preparation => {
                    if let Some(text) = &mut preparing
                        && text.next_part(&mut step, &now).is_break()
                    {
                        preparing = None;
                    }
                }
                Turn::Rest(how_long) => {
                    let timer = how_long.map_or_else(never, after);
                    select_biased! {
                        recv(self.live) -> job => match job {
                            Ok(job) => live.push(Speaking::of(job)),
                            Err(_) => return,
                        },
                        recv(self.preparation) -> job => preparing = job.ok().map(Speaking::of),
                        recv(timer) -> _ => {}
                    }
                }
            }
        }
    }
}

impl<S> Speaking<S> {
    /// Speaks the next part and tells it; breaks when the text is done with.
    fn next_part(
        &mut self,
        step: &mut impl FnMut(&VoiceRequest, &mut Option<S>) -> Result<VoicePart, TtsError>,
        now: &impl Fn() -> Duration,
    ) -> ControlFlow<()> {
        // The synthesizers begin each piece afresh, so a fall over one is that text's.
        let done = catch_unwind(AssertUnwindSafe(|| step(&self.request, &mut self.progress)));
        let part = done.map_or(Err(SpeechError::Fell), |done| done.map_err(SpeechError::from));
        let is_last = part.as_ref().map_or(true, |part| part.whole.is_some());
        if let Ok(part) = &part {
            self.told += Duration::from_millis(part.spoken.samples.len() as u64 / 8);
            self.since.get_or_insert_with(now);
        }
        if !is_last && self.request.urgency == Urgency::Preparation {
            return ControlFlow::Continue(());
        }
        let wanted = (self.reply)(part);
        if is_last { ControlFlow::Break(()) } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use Urgency::{Live, Preparation};
    use crossbeam_channel::unbounded;

    use super::*;

    /// A second of sound.
    fn second() -> Spoken {
        Spoken { samples: vec![0; 8_000].into(), marks: [].into() }
    }

    fn of(text: &str, urgency: Urgency) -> VoiceRequest {
        let (text, style) = (text.to_owned(), VoiceStyle::default());
        VoiceRequest { lang: Lang::Zh, text, parts: Vec::new(), style, urgency }
    }

    /// Speaks texts of as many seconds as they have characters, a part a second of sound, each taking so
    /// much of the clock; gives what was told in its order: the text, and whether it was the whole.
    fn told(
        texts: &[(&str, Urgency)],
        step_s: f32,
        mut wanted: impl FnMut(&str, usize) -> bool,
        fails: impl Fn(&str, usize) -> bool,
    ) -> Vec<(String, &'static str)> {
        let (voice, queues) = Voice::queues();
        let (tell, told) = unbounded();
        for (text, urgency) in texts {
            let (tell, own, mut parts) = (tell.clone(), (*text).to_owned(), 0);
            let most = (0..100).find(|n| !wanted(text, *n)).unwrap_or(100);
            let reply = move |part: Result<VoicePart, SpeechError>| {
                parts += 1;
                let how = match part {
                    Ok(part) if part.whole.is_some() => "whole",
                    Ok(_) => "part",
                    Err(_) => "error",
                };
                drop(tell.send((own.clone(), how)));
                if parts >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            voice.speak(of(text, *urgency), Box::new(reply));
        }
        drop(voice);
        let clock = Cell::new(Duration::ZERO);
        queues.work(
            |request, said: &mut Option<usize>| {
                clock.set(clock.get() + Duration::from_secs_f32(step_s));
                let n = said.insert(said.unwrap_or(0) + 1);
                assert!(!fails(&request.text, *n), "a test's own fault");
                let whole = (*n == request.text.chars().count()).then(second);
                Ok(VoicePart { spoken: second(), whole })
            },
            || clock.get(),
        );
        told.try_iter().collect()
    }

    fn order(told: &[(String, &str)]) -> String {
        told.iter().map(|(text, _)| text.chars().next().unwrap_or(' ')).collect()
    }

    #[test]
    fn a_callee_on_the_line_waits_behind_no_preparation() {
        let texts = [("a", Preparation), ("b", Preparation), ("c", Live), ("d", Preparation), ("e", Live)];
        assert_eq!(order(&told(&texts, 0.5, |_, n| n < 99, |_, _| false)), "ceabd");
    }

    #[test]
    fn a_long_text_keeps_nobody_waiting() {
        // Twelve seconds to one callee, two to another, and a preparation.
        let texts = [("llllllllllll", Live), ("ss", Live), ("p", Preparation)];
        let told = told(&texts, 0.25, |_, n| n < 99, |_, _| false);
        let order = order(&told);
        assert!(order.starts_with("lsl") || order.starts_with("lss"), "{order}");
        assert!(order.find('s') < Some(2) && order.find('p') < Some(10), "{order}");
        assert_eq!(told.iter().filter(|t| t.1 == "whole").count(), 3);
    }

    #[test]
    fn no_text_is_spoken_far_ahead_of_its_callee() {
        let text = Speaking::<()> {
            since: Some(Duration::from_secs(1)),
            told: Duration::from_secs(25),
            ..Speaking::of((of("x", Live), Box::new(|_| ControlFlow::Continue(()))))
        };
        let at = |s| turn(std::slice::from_ref(&text), false, Duration::from_secs(s));
        assert_eq!(at(2), Turn::Rest(Some(Duration::from_secs(4))));
        assert_eq!(at(7), Turn::Live(0));
        assert_eq!(turn(&[text], true, Duration::from_secs(7)), Turn::Preparation);
    }

    #[test]
    fn what_nobody_wants_any_more_is_left() {
        let told = told(&[("gone", Live), ("x", Live)], 0.5, |t, n| t != "gone" || n < 2, |_, _| false);
        assert_eq!(told.iter().filter(|t| t.0 == "gone").count(), 2);
        assert!(told.contains(&("x".to_owned(), "whole")));
    }

    #[test]
    fn a_fall_over_one_text_is_answered_and_costs_nothing_else() {
        let told = told(&[("fall", Live), ("ok", Live)], 0.5, |_, n| n < 99, |t, n| t == "fall" && n == 2);
        let of = |text: &str| told.iter().filter(|t| t.0 == text).map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(of("fall"), ["part", "error"]);
        assert_eq!(of("ok"), ["part", "whole"]);
    }
}
