//! Everything that is kept of a person, as one zip that can be read.

use std::{fs::File, io::BufWriter};

use serde_json::{Value, json};
use waihu_store::{
    AuditRow, ReviewFilter, StoreError, StoredCase, StoredHold, StoredJudgement, StoredReview, Traces,
};
use waihu_types::{AttemptId, DebtorId, PhoneNumber, WallTime};

use crate::{
    Archive, KeepError, Manifest,
    bundle::rewound,
    call::Call,
    pack::{About, Pack, Pressed},
    page,
};

/// Holds that are read at once.
const HOLDS: u32 = 1_000;
/// Reviews of a call that are read: each plan draws a call once.
const REVIEWS: u32 = 1_000;

/// What was handed out of a person.
#[derive(Debug)]
pub struct Accessed {
    /// The zip, from its beginning.
    pub file: File,
    /// What is in it.
    pub manifest: Manifest,
    /// Cases.
    pub cases: usize,
    /// Calls.
    pub calls: usize,
}

/// What is kept of a person, before it is opened.
#[derive(Clone, Debug)]
pub struct KeptOf {
    /// The lender's cases, as they were told last.
    pub cases: Vec<StoredCase>,
    /// Calls, the oldest first.
    pub calls: Vec<AttemptId>,
    /// Text messages.
    pub messages: usize,
    /// Holds on the person, a case or a call, those that were lifted too.
    pub holds: Vec<StoredHold>,
}

/// What rows tell of a person.
struct Person {
    cases: Vec<StoredCase>,
    /// What became of promises, and what the lender told of their cases.
    promises: Vec<Value>,
    calls: Vec<Call>,
    messages: Vec<Value>,
    /// What calls were judged to be, and by whom they were looked through.
    judgements: Vec<Value>,
    reviews: Vec<Value>,
    looks: Vec<AuditRow>,
    holds: Vec<StoredHold>,
    not_called: Vec<Value>,
}

impl Archive {
    /// Writes everything that is kept of a debtor into a file: cases, calls with sound and words, what these were
    /// judged to be, messages, who looked at them, what keeps them. Who asks for it is to be written down before.
    ///
    /// # Errors
    /// When nothing is kept, no key that is here opens a file or a row's words, or the file cannot be written.
    pub async fn access(
        &self,
        debtor: &DebtorId,
        out: File,
        by: &str,
        now: WallTime,
    ) -> Result<Accessed, KeepError> {
        let person = self.person(debtor).await?;
        let (archive, id, by) = (self.clone(), debtor.clone(), by.to_owned());
        let writing = tokio::task::spawn_blocking(move || {
            let mut pack = Pack::new(BufWriter::with_capacity(1 << 18, out));
            for call in &person.calls {
                archive.put_files(&mut pack, call, &format!("calls/{}/", call.attempt))?;
            }
            let cases: Vec<Value> = person.cases.iter().map(case).collect();
            pack.json("cases.json", &cases)?;
            pack.json("promises.json", &person.promises)?;
            pack.json("messages.json", &person.messages)?;
            pack.json("judgements.json", &person.judgements)?;
            pack.json("reviews.json", &person.reviews)?;
            pack.json("do-not-call.json", &person.not_called)?;
            let holds: Vec<Value> = person.holds.iter().map(hold).collect();
            pack.json("holds.json", &holds)?;
            let looks: Vec<Value> = person.looks.iter().map(look).collect();
            pack.json("who-looked.json", &looks)?;
            let (made_at, signer) = (now.to_string(), archive.signer.as_deref());
            let mut text = page::head(&format!("个人信息 What is kept of {id}"));
            text.push_str(&format!(
                "<p>案件 {} 件、通话 {} 通、短信 {} 条。{} cases, {} calls, {} text messages; a folder in calls/ for each call.</p>",
                person.cases.len(), person.calls.len(), person.messages.len(),
                person.cases.len(), person.calls.len(), person.messages.len()
            ));
            page::files(&mut text, &pack.told());
            page::signature(&mut text, signer, &made_at);
            text.push_str("</body></html>");
            pack.add("index.html", &mut text.as_bytes(), Pressed::Yes)?;
            let about = About { of: "debtor", id: id.as_str(), made_at, made_by: &by, signer };
            let (cases, calls) = (person.cases.len(), person.calls.len());
            let (out, manifest) = pack.finish(about)?;
            rewound(out).map(|file| Accessed { file, manifest, cases, calls })
        });
        writing.await.map_err(|_| KeepError::Fell)?
    }

    /// What is kept of a debtor, without its content: of what an access or an erasure would be.
    ///
    /// # Errors
    /// When nothing is kept, or it cannot be read.
    pub async fn kept_of(&self, debtor: &DebtorId) -> Result<KeptOf, KeepError> {
        let traces = self.store.traces(debtor).await?;
        if traces.case_ids.is_empty() && traces.calls.is_empty() {
            return Err(KeepError::UnknownDebtor);
        }
        let mut messages = 0;
        for attempt in &traces.calls {
            messages += self.store.messages_of(attempt).await?.len();
        }
        let holds = self.holds_on(debtor, &traces).await?;
        Ok(KeptOf { cases: traces.cases, calls: traces.calls, messages, holds })
    }

    /// The holds on a debtor, or on a case or a call of theirs.
    async fn holds_on(&self, debtor: &DebtorId, traces: &Traces) -> Result<Vec<StoredHold>, KeepError> {
        let mut holds = Vec::new();
        loop {
            let after = holds.last().map_or(0, |hold: &StoredHold| hold.id);
            let page = self.store.holds(after, HOLDS).await?;
            if page.is_empty() {
                break;
            }
            holds.extend(page);
        }
        holds.retain(|hold| match hold.on.kind() {
            "case" => traces.case_ids.iter().any(|id| id.as_str() == hold.on.subject()),
            "call" => traces.calls.iter().any(|id| id.as_str() == hold.on.subject()),
            _ => hold.on.subject() == debtor.as_str(),
        });
        Ok(holds)
    }

    async fn person(&self, debtor: &DebtorId) -> Result<Person, KeepError> {
        let traces = self.store.traces(debtor).await?;
        if traces.case_ids.is_empty() && traces.calls.is_empty() {
            return Err(KeepError::UnknownDebtor);
        }
        let (mut calls, mut messages, mut looks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut judgements, mut reviews) = (Vec::new(), Vec::new());
        for attempt in &traces.calls {
            match self.gather(attempt).await {
                Ok(call) => calls.push(call),
                // It is up.
                Err(KeepError::UnknownCall(_)) => continue,
                Err(e) => return Err(e),
            }
            for message in self.store.messages_of(attempt).await? {
                if message.closed {
                    return Err(StoreError::Sealed { attempt: attempt.to_string() }.into());
                }
                messages
                    .push(json!({"message": message.new.message, "call": attempt, "to": message.new.callee,
                    "text": message.new.text, "state": message.state.label(), "sent_at": message.sent_at}));
            }
            judgements.extend(self.store.judgement(attempt).await?.map(|it| judgement(&it)));
            reviews.extend(self.reviews_of(attempt).await?);
            looks.extend(self.store.looks_at(attempt).await?);
        }
        let mut not_called = Vec::new();
        for number in numbers(&traces.cases, &calls) {
            for entry in self.store.forbidden(&number).await? {
                not_called.push(
                    json!({"number": number, "reason": entry.reason, "by": entry.person, "at": entry.at,
                    "lifted_at": entry.lifted.map(|(at, ..)| at)}),
                );
            }
        }
        let holds = self.holds_on(debtor, &traces).await?;
        let promises = self.promises(&traces).await?;
        let cases = traces.cases;
        Ok(Person { cases, promises, calls, messages, judgements, reviews, looks, holds, not_called })
    }

    async fn promises(&self, traces: &Traces) -> Result<Vec<Value>, KeepError> {
        let fates = self.store.fates(&traces.calls.iter().collect::<Vec<_>>()).await?;
        let mut promises: Vec<Value> =
            fates.iter().map(|(call, fate)| json!({"call": call, "state": fate.label()})).collect();
        for stored in &traces.cases {
            for told in self.store.case_changes(&stored.case.id).await? {
                promises.push(json!({"case": stored.case.id, "at": WallTime::from_unix_millis(told.at),
                    "state": told.state, "due_before": told.due_before, "due": told.due,
                    "last_promise": told.promise, "last_promise_date": told.promise_date}));
            }
        }
        Ok(promises)
    }

    /// The reviews that a call was drawn for, with what was done in each.
    async fn reviews_of(&self, attempt: &AttemptId) -> Result<Vec<Value>, KeepError> {
        let filter = ReviewFilter { attempt: Some(attempt.clone()), ..ReviewFilter::default() };
        let mut told = Vec::new();
        for drawn in self.store.reviews(&filter, None, REVIEWS).await? {
            if let Some((drawn, acts)) = self.store.review(drawn.id).await? {
                told.push(review(&drawn, &acts));
            }
        }
        Ok(told)
    }
}

/// The numbers that a person was called at, or is to be.
fn numbers(cases: &[StoredCase], calls: &[Call]) -> Vec<PhoneNumber> {
    let mut numbers: Vec<PhoneNumber> = calls.iter().map(|call| call.outcome.callee.clone()).collect();
    for stored in cases {
        numbers.push(stored.case.phone.clone());
        numbers.extend(stored.case.dossier.numbers.iter().map(|line| line.phone.clone()));
    }
    numbers.sort();
    numbers.dedup();
    numbers
}

fn case(stored: &StoredCase) -> Value {
    json!({"case": stored.case, "state": stored.state.label(), "changed_at": stored.changed_at})
}

fn judgement(it: &StoredJudgement) -> Value {
    json!({"call": it.attempt, "revision": it.revision, "at": WallTime::from_unix_millis(it.judged_at),
        "score": it.score, "passed": it.passed == 1, "critical": it.critical == 1, "record": record(&it.record)})
}

fn review(drawn: &StoredReview, acts: &[String]) -> Value {
    let acts: Vec<Value> = acts.iter().map(|act| record(act)).collect();
    json!({"call": drawn.attempt, "plan": drawn.plan, "day": drawn.day, "score": drawn.score,
        "opinion": drawn.opinion, "stage": drawn.stage, "form": record(&drawn.form), "acts": acts})
}

/// A record as it stands in a row; one that is no JSON as its text.
fn record(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn hold(hold: &StoredHold) -> Value {
    json!({"on": hold.on.to_string(), "why": hold.why, "by": hold.person, "at": hold.at, "until": hold.until,
        "lifted_at": hold.lifted.as_ref().map(|(at, ..)| at)})
}

fn look(row: &AuditRow) -> Value {
    json!({"at": WallTime::from_unix_millis(row.at), "by": row.person, "act": row.act})
}
