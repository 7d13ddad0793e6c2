//! Several processes on one server: each case is called by one of them, and a dead one's are taken over.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, SystemTime},
};

use waihu_store::{CampaignState, Filter, Placement, Refusal, Remains, Store, StoreError};
use waihu_types::{Case, Disposition, Redial, WallTime};

use crate::common::{Ground, at, attempt, campaign, case, free, outcome, postgres::Server};

/// A node's lease: long enough that a busy machine renews in time, short enough to wait for.
const LEASE: Duration = Duration::from_secs(4);

/// Cases to call.
const CASES: usize = 40;

/// Where a child of these tests finds its database, and whether it is to hang in its third call.
const ADDRESS: &str = "WAIHU_TEST_ADDRESS";
const HANGS: &str = "WAIHU_TEST_HANGS";

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    WallTime::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}

/// One node, as a process of its own; what it does it says on its standard output.
#[tokio::test]
#[ignore = "a part of the tests below, which start it"]
async fn a_node() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let mut left_to_hang = std::env::var(HANGS).is_ok().then_some(3);
    let store = std::sync::Arc::new(loop {
        match Store::connect(&address).await {
            Ok(store) => break store,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    });
    while store.join("node", now(), LEASE).await.is_err() {}
    let renewing = std::sync::Arc::clone(&store);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LEASE / 8).await;
            let _ = renewing.renew(now(), LEASE).await;
        }
    });
    while let Ok(over) = one_turn(&store, &mut left_to_hang).await.or_else(is_a_fault) {
        if over {
            println!("\nover");
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a server that goes away brings about is waited out; anything else is a fault of the test's.
fn is_a_fault(e: StoreError) -> Result<bool, ()> {
    match e {
        StoreError::Unreachable { .. } | StoreError::NoLease | StoreError::Locked { .. } => Ok(false),
        other => {
            println!("\nfault {other} {other:?}");
            Err(())
        }
    }
}

/// Takes one case and calls it; true once none is left.
async fn one_turn(store: &Store, left_to_hang: &mut Option<u32>) -> Result<bool, StoreError> {
    store.recover(now(), |_| Remains::default()).await?;
    store.release_but(&BTreeSet::new()).await?;
    let Some(picked) = store.pick(&campaign(), 1).await?.pop() else {
        let counts = store.campaign_counts(&campaign()).await?;
        return Ok(counts.ready + counts.leased == 0);
    };
    let case = picked.stored.case.id;
    let id = uuid::Uuid::now_v7().to_string();
    let mut new = attempt(&id, case.as_str(), 0);
    new.dialled_at = now();
    match store.begin_attempt(&new, &free()).await {
        Ok(()) => println!("\ndialled {case} {id}"),
        Err(StoreError::Refused { .. }) => return Ok(false),
        Err(e) => return Err(e),
    }
    if let Some(left) = left_to_hang {
        *left -= 1;
        if *left == 0 {
            println!("\nhangs {case} {id}");
            std::future::pending::<()>().await;
        }
    }
    let mut over = outcome(&id, case.as_str(), Disposition::PromiseToPay);
    (over.dialled_at, over.answered_at, over.ended_at) = (new.dialled_at, Some(now()), now());
    while let Err(e) = store.close_attempt(&over).await {
        is_a_fault(e).map_err(|()| StoreError::NoLease)?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("\nclosed {case} {id}");
    Ok(false)
}

/// A node that runs, killed when it is dropped.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn node(address: &str, hangs: bool, said: &mpsc::Sender<(usize, String)>, n: usize) -> Node {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "nodes_take_over::a_node", "--ignored", "--nocapture"]).env(ADDRESS, address);
    if hangs {
        command.env(HANGS, "1");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = said.clone();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send((n, line))));
    Node(child)
}

async fn prepared(store: &Store) {
    let cases: Vec<Case> = (0..CASES).map(|n| case(&format!("C{n}"))).collect();
    store.import(&cases, at(0)).await.unwrap();
    store.create_campaign(&campaign(), &serde_json::json!({}), "", at(0)).await.unwrap();
    store.set_campaign_state(&campaign(), CampaignState::Running, None, at(0)).await.unwrap();
    let placed = |c: &Case| Placement { case: c.id.clone(), rank: 1, due_at: at(-9_999), why: "new".into() };
    store.enqueue(&campaign(), &cases.iter().map(placed).collect::<Vec<_>>()).await.unwrap();
    store.sweep(&campaign(), at(0), 10_000).await.unwrap();
}

/// What was said by `nodes` until those that live are through; `at_line` is told of each line.
fn until_over(
    said: &mpsc::Receiver<(usize, String)>,
    mut living: usize,
    mut at_line: impl FnMut(usize, &str) -> bool,
) -> BTreeMap<String, Vec<String>> {
    let mut dialled: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while living > 0 {
        let (n, line) = said.recv_timeout(Duration::from_secs(60)).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["dialled", case, id] => dialled.entry(case.to_owned()).or_default().push(id.to_owned()),
            ["over"] => living -= 1,
            ["fault", ..] => panic!("{line}"),
            _ => {}
        }
        if at_line(n, &line) {
            living -= 1;
        }
    }
    dialled
}

/// Each case was dialled once, with a row and an outcome, and the events tell the same.
async fn each_once(store: &Store, dialled: &BTreeMap<String, Vec<String>>) {
    assert_eq!(dialled.len(), CASES, "nothing is lost");
    assert!(dialled.values().all(|ids| ids.len() == 1), "nothing is dialled twice: {dialled:?}");
    let said: BTreeSet<&String> = dialled.values().flatten().collect();
    let rows: Vec<String> =
        store.attempts(None).await.unwrap().iter().map(|a| a.begun.attempt.to_string()).collect();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>(), said, "who was told so dialled, and nobody else");
    let outcomes = store.outcomes(&Filter::default()).await.unwrap();
    assert_eq!(outcomes.len(), CASES);
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for event in store.events(0, 10_000).await.unwrap().into_iter().filter(|e| e.kind == "outcome") {
        let revision = event.body["revision"].as_i64().unwrap();
        let before = told.insert(event.attempt.unwrap().to_string(), revision);
        assert_eq!(revision, before.unwrap_or(0) + 1);
    }
    assert_eq!(told.len(), CASES);
}

#[tokio::test]
async fn of_three_nodes_one_is_killed_and_the_others_take_its_cases_over() {
    let ground = Ground::server().await;
    let store = ground.store().await;
    prepared(&store).await;
    let (say, said) = mpsc::channel();
    let mut nodes: Vec<Node> = (0..3).map(|n| node(ground.address(), n == 0, &say, n)).collect();
    let mut hung = String::new();
    let dialled = until_over(&said, 3, |n, line| {
        let hangs = n == 0 && line.starts_with("hangs ");
        if hangs {
            hung = line.rsplit(' ').next().unwrap().to_owned();
            nodes[0].0.kill().unwrap();
        }
        hangs
    });
    each_once(&store, &dialled).await;
    let of_the_dead = Filter { attempt: hung.parse().ok(), ..Filter::default() };
    let filed = &store.outcomes(&of_the_dead).await.unwrap()[0];
    assert_eq!(filed.disposition, Disposition::Unknown);
    let after = filed.ended_at.unix_millis() - filed.dialled_at.unix_millis();
    assert!(after >= LEASE.as_millis() as i64 / 2, "it was alive until its lease was over");
    assert!(matches!(filed.redial, Redial::Allowed { .. }), "nobody had answered");
    drop(nodes);
}

#[tokio::test]
async fn a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    let server = Server::start();
    let address = server.database().await;
    let store = Store::connect(&address).await.unwrap();
    prepared(&store).await;
    drop(store);
    let (say, said) = mpsc::channel();
    let nodes: Vec<Node> = (0..3).map(|n| node(&address, false, &say, n)).collect();
    let mut seen = 0;
    let dialled = until_over(&said, 3, |_, line| {
        seen += usize::from(line.starts_with("dialled "));
        if seen == CASES / 4 && line.starts_with("dialled ") {
            server.kill();
            server.restart();
        }
        false
    });
    drop(nodes);
    each_once(&Store::connect(&address).await.unwrap(), &dialled).await;
}

#[tokio::test]
async fn whose_lease_ran_out_begins_nothing_until_it_is_renewed_and_its_outcome_still_counts() {
    let ground = Ground::server().await;
    let (slow, other) = (Store::connect(ground.address()).await.unwrap(), ground.store().await);
    let early = slow.begin_attempt(&attempt("a0", "C0", 0), &free()).await;
    assert!(matches!(early, Err(StoreError::NoLease)), "it never joined");
    let id = slow.join("slow", at(0), Duration::from_secs(15)).await.unwrap();
    slow.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap();
    assert!(matches!(slow.begin_attempt(&attempt("a2", "C2", 15), &free()).await, Err(StoreError::NoLease)));
    assert_eq!(other.recover(at(14), |_| Remains::default()).await.unwrap(), [], "it lives still");
    let alive = |nodes: Vec<waihu_store::Node>| nodes.iter().find(|n| n.id == id).map(|n| n.alive);
    assert_eq!(alive(other.nodes(at(14)).await.unwrap()), Some(true));
    assert_eq!(alive(other.nodes(at(16)).await.unwrap()), Some(false));
    assert_eq!(other.recover(at(16), |_| Remains::default()).await.unwrap().len(), 1);
    assert!(!slow.renew(at(20), Duration::from_secs(15)).await.unwrap(), "others had taken it for dead");
    slow.begin_attempt(&attempt("a2", "C2", 21), &free()).await.unwrap();
    let real = outcome("a1", "C1", Disposition::PromiseToPay);
    slow.close_attempt(&real).await.unwrap();
    assert_eq!(other.outcomes(&Filter::default()).await.unwrap(), [real]);
    let told: Vec<String> = other.events(0, 99).await.unwrap().into_iter().map(|e| e.key).collect();
    assert_eq!(told.iter().filter(|key| key.starts_with("a1:")).count(), 3, "{told:?}");
    assert!(told.contains(&"a1:1".to_owned()) && told.contains(&"a1:2".to_owned()));
    slow.leave().await.unwrap();
    assert_eq!(alive(other.nodes(at(21)).await.unwrap()), None);
}

#[tokio::test]
async fn a_call_that_is_answered_after_its_node_was_thought_dead_is_not_repeated() {
    let ground = Ground::server().await;
    let (slow, other) = (Store::connect(ground.address()).await.unwrap(), ground.store().await);
    let lease = Duration::from_secs(15);
    slow.join("slow", at(0), lease).await.unwrap();
    slow.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap();
    assert_eq!(other.recover(at(16), |_| Remains::default()).await.unwrap().len(), 1);
    let filed = async || other.outcomes(&Filter::default()).await.unwrap().remove(0);
    assert!(matches!(filed().await.redial, Redial::Allowed { .. }), "it rang, as far as anybody knew");
    // It is answered, and the talk is longer than the pause before the next attempt.
    slow.mark_answered(&"a1".parse().unwrap(), at(17)).await.unwrap();
    let again = async || other.begin_attempt(&attempt("a2", "C1", 9_000), &free()).await;
    assert!(matches!(again().await, Err(StoreError::Refused { why: Refusal::InFlight, .. })));
    let busy = other.begin_attempt(&attempt("a3", "C11", 9_000), &free()).await;
    assert!(busy.is_ok(), "another's number is free");
    // Its node is thought dead once more: now it is filed as answered, for good.
    let closed = other.recover(at(9_000), |_| Remains::default()).await.unwrap();
    assert_eq!(closed.len(), 1);
    assert!(filed().await.answered_at.is_some());
    assert!(matches!(
        again().await,
        Err(StoreError::Refused { why: Refusal::Answered | Refusal::Settled { .. }, .. })
    ));
}
