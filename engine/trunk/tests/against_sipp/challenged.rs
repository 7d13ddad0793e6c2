//! Trunks that ask for a password.

use waihu_sip::{Event, FailureCause};
use waihu_trunk::{Credentials, TrunkConfig};

use crate::{
    laws::Message,
    near::{World, answer, end},
};

/// Scenario, code and the header of the answer.
const CHALLENGES: [(&str, u16, &str); 2] =
    [("challenges", 401, "Authorization"), ("challenges_as_a_proxy", 407, "Proxy-Authorization")];

/// A trunk's credentials by the way that they take in life: a secret's reference in its file.
fn credentials(password: &str) -> Credentials {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), format!("{password}\n")).unwrap();
    let text = format!(
        "[trunk]\nproxy = \"127.0.0.1:5060\"\nfrom = \"sip:caller@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n\
         username = \"waihu\"\npassword_file = {:?}\n",
        secret.path()
    );
    TrunkConfig::parse(&text, "trunk.toml").unwrap().credentials(&|_| None).unwrap().unwrap()
}

#[tokio::test]
async fn the_right_password_opens_the_trunk_for_the_invite_and_the_bye() {
    for (scenario, _, header) in CHALLENGES {
        let world = World::with(scenario, &[]).await;
        let mut call = world.invite_as(credentials("right"));
        answer(&mut call).await;
        call.hangup(None);
        end(&mut call).await;
        let wire = world.ends_well().await;
        for (method, cseq) in [("INVITE", [1, 2]), ("BYE", [3, 4])] {
            let sent = wire.different(|s| s.ours(method));
            let (first, second) = (Message::of(&sent[0].text), Message::of(&sent[1].text));
            assert_eq!([first.cseq().0, second.cseq().0], cseq);
            assert!(first.all(header).is_empty());
            second.one(header);
        }
        let ack = wire.different(|s| s.ours("ACK")).pop().unwrap();
        Message::of(&ack.text).one(header);
    }
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_the_error_names_it() {
    for (scenario, status, _) in CHALLENGES {
        let world = World::with(scenario, &[]).await;
        let mut call = world.invite_as(credentials("wrong"));
        let Event::Failed { code, reason, cause: FailureCause::Unauthorized, .. } = end(&mut call).await
        else {
            panic!("the call came up");
        };
        assert_eq!(code, status);
        assert!(reason.ends_with("user name or password are refused"), "{reason}");
        let wire = world.ends_well().await;
        assert_eq!(wire.different(|s| s.ours("INVITE")).len(), 2, "{}", wire.course());
        assert!(wire.different(|s| s.by == crate::wire::By::Us).iter().all(|s| !s.text.contains("wrong")));
    }
}

#[tokio::test]
async fn a_trunk_without_a_password_says_that_one_is_asked_for() {
    let world = World::with("refuses", &[("status", "401 Unauthorized")]).await;
    let mut call = world.invite();
    let Event::Failed { code: 401, reason, cause: FailureCause::Unauthorized, .. } = end(&mut call).await
    else {
        panic!("the call came up");
    };
    assert!(reason.ends_with("a password is asked for and none is configured"), "{reason}");
    world.ends_well().await;
}
