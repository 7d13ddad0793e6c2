//! How far readers of events are: held by one node, moved by whoever holds them from where they are.
use crate::common::{Ground, at, on_both};
use waihu_store::{Hold, Place};

on_both!(
    one_node_delivers_until_its_lease_ends,
    who_was_moved_by_a_person_does_not_move_on_from_where_it_was,
);

fn hold(node: &str, until: i64) -> Hold<'_> {
    Hold { node, until: at(until) }
}

async fn one_node_delivers_until_its_lease_ends(ground: Ground) {
    let store = ground.store().await;
    let place = store.take_reader("crm", hold("a", 30), at(0)).await.unwrap().unwrap();
    assert_eq!((place.seq, place.tries), (0, 0));
    assert_eq!(store.take_reader("crm", hold("b", 40), at(10)).await.unwrap(), None);
    let further = Place { seq: 7, ..place.clone() };
    assert!(store.move_reader(0, &further, hold("a", 60), None).await.unwrap());
    assert_eq!(
        store.take_reader("crm", hold("b", 89), at(59)).await.unwrap(),
        None,
        "moving renews the lease"
    );
    assert_eq!(store.take_reader("crm", hold("b", 90), at(60)).await.unwrap(), Some(further.clone()));
    let late = Place { seq: 9, ..further.clone() };
    assert!(!store.move_reader(7, &late, hold("a", 99), None).await.unwrap(), "a holds it no longer");
    store.release_reader("crm", "b").await.unwrap();
    assert_eq!(store.take_reader("crm", hold("a", 99), at(61)).await.unwrap(), Some(further));
}

async fn who_was_moved_by_a_person_does_not_move_on_from_where_it_was(ground: Ground) {
    let store = ground.store().await;
    let place = store.take_reader("crm", hold("a", 30), at(0)).await.unwrap().unwrap();
    assert!(store.move_reader(0, &Place { seq: 7, ..place.clone() }, hold("a", 30), None).await.unwrap());
    assert!(store.put_reader_before("crm", 3).await.unwrap());
    assert!(!store.move_reader(7, &Place { seq: 8, ..place }, hold("a", 30), None).await.unwrap());
    assert_eq!(store.readers().await.unwrap()[0].seq, 2);
    assert!(!store.put_reader_before("nobody", 3).await.unwrap());
}
