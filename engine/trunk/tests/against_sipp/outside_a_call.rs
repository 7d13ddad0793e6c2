//! What we ask outside any call: whether somebody is there, and to be registered.

use tokio::time::timeout;
use waihu_sip::NameAddr;
use waihu_trunk::{
    Credentials, Registration,
    registration::{Order, State},
};

use crate::near::{PATIENCE, World};

fn register(world: &World, password: &str) -> Registration {
    world.socket.register(Order {
        registration: 0,
        registrar: "sip:carrier.example".parse().unwrap(),
        next_hop: world.wire.near.into(),
        of: NameAddr::new(None, "sip:4008@carrier.example".parse().unwrap()),
        contact_user: "4008".to_owned(),
        expires_s: 120,
        credentials: Some(Credentials {
            username: "waihu".to_owned(),
            password: password.to_owned(),
            realm: None,
        }),
    })
}

async fn next(registration: &mut Registration) -> State {
    timeout(PATIENCE, registration.state()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_question_of_ours_is_answered() {
    let world = World::with("answers_a_question", &[]).await;
    let asked = world.socket.ping("sip:carrier.example".parse().unwrap(), world.wire.near.into());
    assert_eq!(asked.await, Ok(200));
    world.ends_well().await;
}

#[tokio::test]
async fn a_registration_is_proven_lengthened_refreshed_and_taken_back() {
    let world = World::with("registers_us", &[]).await;
    let mut registration = register(&world, "right");
    // Whoever looks late may have missed the short one.
    while next(&mut registration).await != (State::Registered { expires_s: 3_600 }) {}
    drop(registration);
    let wire = world.ends_well().await;
    let sent = wire.different(|s| s.ours("REGISTER"));
    assert_eq!(sent.len(), 6, "{}", wire.course());
}

#[tokio::test]
async fn a_registration_with_a_wrong_password_is_refused_and_told() {
    let world = World::with("registers_us", &[]).await;
    let mut registration = register(&world, "wrong");
    let state = next(&mut registration).await;
    assert!(matches!(state, State::Failed { code: 403, .. }), "{state:?}");
    world.ends_well().await;
}
