use lodeman_store::fake::CommitFault;

use super::*;
use crate::coarse::coarse_permissions;
use crate::permission::Permission;
use crate::principal::{UserId, Via};

#[tokio::test]
async fn a_session_is_its_users_with_the_rights_of_their_role_at_that_moment() {
    let house = house(home()).await;
    let bob = house.signed_in("bob").await;
    let principal = house.by_cookie(&bob.token).await.unwrap();
    assert_eq!((principal.user.name.as_str(), principal.role.as_str()), ("bob", "operator"));
    assert_eq!(principal.user.id, UserId::Stored(house.user("bob").await.id));
    assert!(principal.may(Permission::UpdateApprove) && !principal.may(Permission::SystemConfigWrite));
    assert!(matches!(principal.via, Via::Session { .. }));
    assert!(principal.csrf.unwrap().matches(bob.csrf.expose()));
    house.set_access("bob", "viewer", true).await;
    assert!(!house.by_cookie(&bob.token).await.unwrap().may(Permission::UpdateApprove));
    house.set_access("bob", "of another version", true).await;
    assert!(house.by_cookie(&bob.token).await.unwrap().permissions.is_empty());
    house.set_access("bob", "admin", false).await;
    assert!(matches!(house.by_cookie(&bob.token).await, Err(AuthError::Unauthenticated)));
}

#[tokio::test]
async fn a_custom_role_gives_what_it_lists_and_a_stored_copy_of_a_built_in_one_nothing() {
    let house = house(home()).await;
    let role = |id: &str, permissions: &[&str]| {
        let permissions = permissions.iter().map(|&p| p.to_owned()).collect();
        let (id, name, created_at) = (id.to_owned(), String::new(), house.clock.now());
        AccountWrite::PutRole(RoleRecord { id, name, permissions, built_in: false, created_at }).into()
    };
    let roles = vec![role("night", &["scan:execute", "of:later", "*"]), role("viewer", &["role:write"])];
    house.store.commit(roles).await.unwrap();
    let bob = house.signed_in("bob").await;
    house.set_access("bob", "night", true).await;
    let held = house.by_cookie(&bob.token).await.unwrap().permissions;
    assert_eq!(held.ids(), ["scan:execute", "update:check"]);
    house.set_access("bob", "viewer", true).await;
    assert!(!house.by_cookie(&bob.token).await.unwrap().may(Permission::RoleWrite));
    let ids: Vec<_> = house.auth.list_roles().await.unwrap().into_iter().map(|role| role.id).collect();
    assert_eq!(ids, ["viewer", "auditor", "ops_lead", "operator", "security_admin", "admin", "night"]);
}

#[tokio::test]
async fn what_is_no_session_is_nobody_and_a_bad_bearer_is_final() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await;
    let handle = house.store.list_sessions(house.user("ann").await.id).await.unwrap()[0].handle.clone();
    for wrong in ["", "x", &"0".repeat(64), &handle, &ann.token.expose_secret().to_uppercase()] {
        let refused = house.by_cookie(&wrong.into()).await.unwrap_err();
        assert_eq!(refused.to_string(), "authentication required", "{wrong}");
    }
    let nothing = house.auth.authenticate(&Credentials::default(), None, Use::Active).await;
    assert!(matches!(nothing, Err(AuthError::Unauthenticated)));
    let both = Credentials { bearer: Some("stk_bad".into()), session: Some(ann.token) };
    let refused = house.auth.authenticate(&both, None, Use::Active).await.unwrap_err();
    assert_eq!(refused.to_string(), "invalid or expired token");
}

#[tokio::test]
async fn a_session_ends_for_want_of_use_and_in_any_case() {
    let house = house(strict()).await;
    let ann = house.signed_in("ann").await;
    let minute = 60;
    let background = async |house: &House| {
        let credentials = Credentials { session: Some(ann.token.clone()), bearer: None };
        house.auth.authenticate(&credentials, None, Use::Background).await
    };
    house.pass(14 * minute);
    assert!(house.by_cookie(&ann.token).await.is_ok(), "it is used");
    house.pass(14 * minute);
    assert!(background(&house).await.is_ok());
    house.pass(minute);
    assert!(house.by_cookie(&ann.token).await.is_err(), "what runs in the background is no use");

    let ann = house.signed_in("ann").await;
    for _ in 0..12 * 6 - 1 {
        house.pass(10 * minute);
        assert!(house.by_cookie(&ann.token).await.is_ok());
    }
    house.pass(10 * minute);
    assert!(house.by_cookie(&ann.token).await.is_err(), "after twelve hours it is over");
}

#[tokio::test]
async fn requests_cost_no_commit_and_what_they_used_is_written_down_at_once() {
    let house = house(strict()).await;
    let ann = house.signed_in("ann").await;
    house.auth.maintain().await.unwrap();
    let commits = house.store.commits();
    for _ in 0..10 {
        house.pass(60);
        assert!(house.by_cookie(&ann.token).await.is_ok());
    }
    assert_eq!(house.store.commits(), commits);
    house.store.fail_commit(commits + 1, CommitFault::Busy);
    let refused = house.auth.maintain().await.unwrap_err();
    assert!(matches!(refused, AuthError::StoreBusy(_)) && refused.retry_after().is_some());
    house.auth.maintain().await.unwrap();
    house.auth.maintain().await.unwrap();
    assert_eq!(house.store.commits(), commits + 2, "with nothing to write down there is no commit");
    let again = over(house.store.clone(), house.clock.clone(), strict()).await;
    again.pass(14 * 60);
    assert!(again.by_cookie(&ann.token).await.is_ok(), "a restart does not make a session older");
}

#[tokio::test]
async fn sessions_that_are_over_are_dropped_every_hour() {
    let house = house(strict()).await;
    house.signed_in("ann").await;
    house.auth.maintain().await.unwrap();
    house.pass(3_599);
    house.auth.maintain().await.unwrap();
    let ann = house.user("ann").await.id;
    assert_eq!(house.store.list_sessions(ann).await.unwrap().len(), 1);
    house.pass(1);
    house.auth.maintain().await.unwrap();
    assert_eq!(house.store.list_sessions(ann).await.unwrap(), []);
}

#[tokio::test]
async fn switched_off_everybody_is_system_from_the_next_request_on() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await;
    house.auth.set_enabled(&ann.principal, false).await.unwrap();
    let everybody = house.auth.authenticate(&Credentials::default(), None, Use::Active).await.unwrap();
    assert!(everybody.is_system() && everybody.csrf.is_none());
    assert_eq!(coarse_permissions(&everybody).len(), 10);
    let entry = (Some("ann".to_owned()), "Authentication disabled by ann".to_owned());
    assert_eq!(house.log().await.last(), Some(&entry));
    let again = over(house.store.clone(), house.clock.clone(), home()).await;
    assert!(!again.auth.is_enabled(), "it is stored");
    house.auth.set_enabled(&everybody, true).await.unwrap();
    assert!(house.auth.authenticate(&Credentials::default(), None, Use::Active).await.is_err());
}

#[tokio::test]
async fn the_environment_decides_over_what_is_stored_and_strictly_it_stays_on() {
    let house = house(AuthConfig { enabled: Some(true), ..home() }).await;
    house.auth.set_enabled(&Principal::system(), false).await.unwrap();
    assert!(house.auth.is_enabled());
    let off = AuthConfig { enabled: Some(false), ..home() };
    assert!(!over(house.store.clone(), house.clock.clone(), off).await.auth.is_enabled());
    let off = AuthConfig { enabled: Some(false), ..strict() };
    assert!(over(house.store.clone(), house.clock.clone(), off).await.auth.is_enabled());
}

#[tokio::test]
async fn roles_of_the_program_are_written_down_once() {
    let house = empty(home()).await;
    let stored = house.store.list_roles().await.unwrap();
    assert!(stored.len() == 6 && stored.iter().all(|role| role.built_in));
    let commits = house.store.commits();
    over(house.store.clone(), house.clock.clone(), home()).await;
    assert_eq!(house.store.commits(), commits);
}

#[test]
fn loopback_and_sockets_are_this_machine() {
    for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert!(is_local(ip(local)), "{local}");
    }
    assert!(is_local(None));
    for far in ["192.0.2.1", "172.17.0.1", "::ffff:192.0.2.1", "0.0.0.0", "fe80::1"] {
        assert!(!is_local(ip(far)), "{far}");
    }
}
