//! Everything that is kept of a person, as one zip that can be read.

use std::{fs::File, io::BufWriter};

use serde_json::{Value, json};
use waihu_store::{AuditRow, StoredCase, StoredHold};
use waihu_types::{DebtorId, PhoneNumber, WallTime};

use crate::{
    Archive, KeepError, Manifest,
    bundle::rewound,
    call::Call,
    pack::{About, Pack, Pressed},
    page,
};

/// Holds that are read at once.
const HOLDS: u32 = 1_000;

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

/// What rows tell of a person.
struct Person {
    cases: Vec<StoredCase>,
    calls: Vec<Call>,
    messages: Vec<Value>,
    looks: Vec<AuditRow>,
    holds: Vec<StoredHold>,
    not_called: Vec<Value>,
}

impl Archive {
    /// Writes everything that is kept of a debtor into a file: cases, calls with sound and words, messages, who looked
    /// at them, what keeps them. Who asks for it is to be written down before.
    ///
    /// # Errors
    /// When nothing is kept, no key that is here opens a file, or the file cannot be written.
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
            pack.json("messages.json", &person.messages)?;
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

    async fn person(&self, debtor: &DebtorId) -> Result<Person, KeepError> {
        let traces = self.store.traces(debtor).await?;
        if traces.case_ids.is_empty() && traces.calls.is_empty() {
            return Err(KeepError::UnknownDebtor);
        }
        let (mut calls, mut messages, mut looks) = (Vec::new(), Vec::new(), Vec::new());
        for attempt in &traces.calls {
            match self.gather(attempt).await {
                Ok(call) => calls.push(call),
                // It is up.
                Err(KeepError::UnknownCall(_)) => continue,
                Err(e) => return Err(e),
            }
            for message in self.store.messages_of(attempt).await? {
                messages
                    .push(json!({"message": message.new.message, "call": attempt, "to": message.new.callee,
                    "text": message.new.text, "state": message.state.label(), "sent_at": message.sent_at}));
            }
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
        let mut holds = Vec::new();
        loop {
            let after = holds.last().map_or(0, |hold: &StoredHold| hold.id);
            let page = self.store.holds(after, HOLDS).await?;
            if page.is_empty() {
                break;
            }
            holds.extend(page);
        }
        let cases: Vec<&str> = traces.case_ids.iter().map(|id| id.as_str()).collect();
        let ids: Vec<&str> = traces.calls.iter().map(|id| id.as_str()).collect();
        holds.retain(|hold| match hold.on.kind() {
            "case" => cases.contains(&hold.on.subject()),
            "call" => ids.contains(&hold.on.subject()),
            _ => hold.on.subject() == debtor.as_str(),
        });
        Ok(Person { cases: traces.cases, calls, messages, looks, holds, not_called })
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

fn hold(hold: &StoredHold) -> Value {
    json!({"on": hold.on.to_string(), "why": hold.why, "by": hold.person, "at": hold.at, "until": hold.until,
        "lifted_at": hold.lifted.as_ref().map(|(at, ..)| at)})
}

fn look(row: &AuditRow) -> Value {
    json!({"at": WallTime::from_unix_millis(row.at), "by": row.person, "act": row.act})
}
