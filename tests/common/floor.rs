//! A floor of agents: the program that serves, callees who wait for a person, and agents with pages and sounds of their
//! own.
#![allow(dead_code)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    common::{COLUMNS, PATIENCE, Told, approve, at, callees, lay_out, run, waihu},
    desk::{Desk, add_person, opens, signs_in},
    page::{Sound, THERE, take},
};

/// Puts whoever answers through, and says nothing else: what is before that is tried elsewhere.
const SCRIPT: &str = r#"start = "through"
[limits]
max_seconds = 300
to = "over"
[voicemail]
to = "over"
[silence]
say = []
to = "over"
[no_match]
say = []
to = "over"
[states.through]
say = "through"
transfer = { timeout_s = 60, skills = ["hardship"], failed = "alone", waiting = "wait", joined = "here" }
[states.alone]
say = "alone"
end = "callback_agreed"
callback = "agent"
[states.over]
say = ["bye"]
end = "no_commitment"
"#;
const ZH: &str = "through = \"您好，马上为您转接，请稍等。\"\nwait = \"请您再等一下。\"\n\
    here = \"{agent}已经接通，请讲。\"\nalone = \"同事会尽快给您回电，再见。\"\nbye = \"再见。\"\n";
const EN: &str = "through = \"Hello, one moment please.\"\nwait = \"One more moment.\"\n\
    here = \"{agent} is here.\"\nalone = \"A colleague will call you.\"\nbye = \"Goodbye.\"\n";

/// How long a page may take to hear what it is to.
const HEARS_WITHIN: Duration = Duration::from_secs(20);

/// Where all of a floor is: each test its own.
pub struct Place {
    pub sip: &'static str,
    pub api: &'static str,
    /// The first ports of sound, ours and the callees'.
    pub ports: (u16, u16),
    /// So many ports of each.
    pub span: u16,
    /// Where the trunk's SIP is bound: telephones that register have to know it.
    pub bind: &'static str,
    /// What callees say when they have answered; nothing where it is empty.
    pub greets: &'static str,
}

impl Place {
    /// One of a few calls, whose callees say hello.
    pub const fn of(sip: &'static str, api: &'static str, ports: (u16, u16)) -> Self {
        Self { sip, api, ports, span: 98, bind: "127.0.0.1:0", greets: "喂，你好。" }
    }
}

/// The program, its callees, and their calls.
pub struct Floor {
    pub place: Place,
    pub project: tempfile::TempDir,
    callees: Option<Told>,
    engine: Option<Told>,
    placed: usize,
}

/// The number of the callee whom the n-th call goes to.
fn number(n: usize) -> usize {
    1_300 + n
}

impl Floor {
    /// Li, who can deal with hardship and is asked first, Wang, and Zhao of compliance; so many callees, and more
    /// personas. More files of the project may replace these.
    pub fn open(place: Place, calls: usize, more: &str, files: &[(&str, &str)], trunk: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        let ours = place.ports.0;
        let trunk = format!(
            "[trunk]\nproxy = {:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
             bind = {:?}\nrtp_ports = [{ours}, {}]\nmax_calls = {}\n{trunk}",
            place.sip,
            place.bind,
            ours + place.span,
            calls.max(4)
        );
        let says = match place.greets {
            "" => String::new(),
            says => format!("{{ after_ms = 300, say = {says:?} }}"),
        };
        let persona = |n: usize| {
            format!(
                "[[persona]]\nnumber = \"{}\"\nname = \"callee {n}\"\nlang = \"zh\"\nvoice = \"zm_yunxia\"\n\
                 rings_ms = 300\nsteps = [{says}]\nmax_turns = 999\npatience_ms = 300000\n\
                 max_call_ms = 600000\n\n",
                number(n)
            )
        };
        let personas: String = (0..calls).map(persona).chain([more.to_owned()]).collect();
        lay_out(project, &[("sip-config/floor.toml", &trunk), ("personas.toml", &personas)]);
        lay_out_files(project, &[("talk.toml", "trunk = \"floor\"\nscript = \"connect\"\n")]);
        lay_out_files(project, files);
        // The flow is this test's own.
        fs::remove_file(project.join("dialogs")).unwrap();
        let flow = [("script.toml", SCRIPT), ("prompts.zh.toml", ZH), ("prompts.en.toml", EN)];
        for (file, text) in flow {
            lay_out_files(project, &[(&format!("dialogs/connect/{file}"), text)]);
        }
        for lexicon in ["dialogs/lexicon.zh.toml", "dialogs/lexicon.en.toml"] {
            symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join(lexicon), project.join(lexicon)).unwrap();
        }
        approve(project, "connect");
        add_person(project, "li", "李明", &["--role", "agent", "--skill", "hardship=4"]);
        add_person(project, "wang", "王芳", &["--role", "agent"]);
        add_person(project, "zhao", "赵敏", &["--role", "compliance"]);
        Self { place, project: folder, callees: None, engine: None, placed: 0 }
    }

    pub fn path(&self) -> &Path {
        self.project.path()
    }

    /// Callees who can be called.
    pub fn callees_come(&mut self) {
        let first = self.place.ports.1;
        let ports = (first.to_string(), (first + self.place.span).to_string());
        let (sip, ports) = (self.place.sip, (ports.0.as_str(), ports.1.as_str()));
        self.callees = Some(callees(self.path(), sip, ports, "personas.toml"));
    }

    /// All of them hang up, and are gone.
    pub fn callees_hang_up(&mut self) {
        self.callees.take().unwrap().close();
    }

    /// Callees can be called, and the program serves.
    pub fn is_open(&mut self) {
        self.callees_come();
        self.serve();
    }

    /// The program serves.
    pub fn serve(&mut self) {
        let serve = ["serve", "--trunk", "floor", "--listen", self.place.api];
        let engine = Told::spawn(waihu(self.path()).args(serve));
        engine.wait_for("serving");
        self.engine = Some(engine);
    }

    /// Calls the next callee, of this name; the campaign.
    pub fn call(&mut self, name: &str) -> String {
        self.call_all(1, name)
    }

    /// Calls so many of the next callees, all of one name; the campaign.
    pub fn call_all(&mut self, calls: usize, name: &str) -> String {
        let first = self.placed;
        self.placed += calls;
        let id = format!("talk-{first}");
        let row = |n| format!("c-{n},{},{name},先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15\n", number(n));
        let rows: String = (first..self.placed).map(row).collect();
        self.begin(&id, &rows);
        id
    }

    /// Begins a campaign of these rows.
    pub fn begin(&self, id: &str, rows: &str) {
        lay_out_files(self.path(), &[("cases.csv", &[COLUMNS, rows].concat())]);
        let (settings, cases) = (at(self.path(), "talk.toml"), at(self.path(), "cases.csv"));
        let create = ["campaign", "create", id, "--settings", &settings, "--cases", &cases, "--start"];
        run(self.path(), &create);
    }

    /// The outcome of a campaign's one call, once it is as it should be.
    pub async fn filed(&self, campaign: &str, is: impl Fn(&Value) -> bool) -> Value {
        let by = Instant::now() + PATIENCE;
        loop {
            let told = run(self.path(), &["outcomes", "--json", "--campaign", campaign]);
            let outcome: Option<Value> = told.lines().next().map(|l| serde_json::from_str(l).unwrap());
            match outcome {
                Some(outcome) if is(&outcome) => return outcome,
                outcome => assert!(Instant::now() < by, "{campaign} has no such outcome: {outcome:?}"),
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// The outcomes of a campaign's calls, once there are so many.
    pub async fn all_filed(&self, campaign: &str, calls: usize) -> Vec<Value> {
        let by = Instant::now() + PATIENCE;
        loop {
            let told = run(self.path(), &["outcomes", "--json", "--campaign", campaign]);
            let outcomes: Vec<Value> = told.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
            if outcomes.len() >= calls {
                return outcomes;
            }
            assert!(Instant::now() < by, "{campaign} has {} outcomes", outcomes.len());
            sleep(Duration::from_millis(500)).await;
        }
    }

    pub fn end(mut self) {
        drop(self.callees.take());
        self.engine.take().unwrap().end();
    }
}

fn lay_out_files(project: &Path, files: &[(&str, &str)]) {
    for (file, text) in files {
        let path = project.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// How the offers of an outcome ended, each by the agent's name.
pub fn offers(outcome: &Value) -> Vec<(&str, &str)> {
    outcome["handover"]["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["agent"].as_str().unwrap(), o["result"].as_str().unwrap()))
        .collect()
}

/// An agent at their desk.
pub struct Agent {
    pub login: &'static str,
    /// What their page sends [Hz].
    pub pitch: u16,
    pub cookie: String,
    pub desk: Desk,
    pub sound: Option<Arc<Sound>>,
}

impl Agent {
    /// Signs in and waits for a call.
    pub async fn comes(api: &str, login: &'static str, pitch: u16) -> Self {
        let cookie = signs_in(api, login).await;
        let mut desk = opens(api, &cookie, "/v1/desk").await;
        let state = desk.wait_for("state").await;
        // Of a call that this page never had nothing is written down.
        if state["presence"] == "wrapping_up" {
            desk.say(json!({"type": "done"})).await;
        }
        desk.say(json!({"type": "presence", "wish": "available"})).await;
        while desk.wait_for("state").await["presence"] != "available" {}
        Self { login, pitch, cookie, desk, sound: None }
    }

    /// The page is loaded anew; what it is told first.
    pub async fn comes_back(&mut self, api: &str) -> Value {
        self.desk = opens(api, &self.cookie, "/v1/desk").await;
        self.desk.wait_for("state").await
    }

    /// The call that rings.
    pub async fn rings(&mut self) -> Value {
        self.desk.wait_for("offer").await
    }

    /// Says something about a call.
    pub async fn says(&mut self, kind: &str, attempt: &Value) {
        self.desk.say(json!({"type": kind, "attempt": attempt})).await;
    }

    /// Answers our offer for the sound.
    pub async fn has_sound(&mut self, attempt: &Value) {
        let sdp = self.desk.wait_for("sdp").await["sdp"].as_str().unwrap().to_owned();
        let sound = Sound::of(self.pitch);
        let answer = take(&sdp, Arc::clone(&sound));
        self.desk.say(json!({"type": "sdp", "attempt": attempt, "sdp": answer})).await;
        self.sound = Some(sound);
    }

    /// Takes the call that rings, and is joined with its callee.
    pub async fn takes(&mut self) -> Value {
        let attempt = self.rings().await["attempt"].clone();
        self.says("answer", &attempt).await;
        self.has_sound(&attempt).await;
        self.desk.wait_for("joined").await;
        attempt
    }

    /// Waits until the page hears a pitch.
    pub async fn hears(&self, pitch: u16) {
        let by = Instant::now() + HEARS_WITHIN;
        let sound = self.sound.as_ref().unwrap();
        while sound.hears(pitch) < THERE {
            let heard = sound.hears(pitch);
            assert!(Instant::now() < by, "{} hears {heard} of {pitch}: {:?}", self.login, sound.fault.lock());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The page and its sound are gone, without a word.
    pub fn vanishes(self) {
        if let Some(sound) = &self.sound {
            sound.is_gone.store(true, Relaxed);
        }
    }

    /// Hangs up, has nothing to write down, and waits for the next call.
    pub async fn hangs_up(&mut self, attempt: &Value) {
        self.says("hang_up", attempt).await;
        self.is_free_after_the_end().await;
    }

    /// The call ends, and the agent has nothing to write down.
    pub async fn is_free_after_the_end(&mut self) {
        self.desk.wait_for("ended").await;
        if let Some(sound) = self.sound.take() {
            sound.is_gone.store(true, Relaxed);
        }
        self.desk.say(json!({"type": "done"})).await;
        while self.desk.wait_for("state").await["presence"] != "available" {}
    }

    /// Nothing has rung here since this was asked last.
    pub fn heard_of_no_offer(&mut self) {
        let told = self.desk.told();
        assert!(told.iter().all(|t| t["type"] != "offer"), "{}: {told:?}", self.login);
    }
}
