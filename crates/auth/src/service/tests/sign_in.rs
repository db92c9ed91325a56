use std::time::Duration;

use lodeman_store::SecretHash;

use super::*;

#[tokio::test]
async fn the_right_password_makes_a_session_that_is_stored_as_a_hash_only() {
    let house = house(home()).await;
    let signed = house.try_from("192.0.2.1", "ann", GOOD).await.unwrap();
    let token = signed.token.expose_secret();
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(signed.csrf.matches(CsrfToken::of_session(token).expose()));
    assert_eq!(signed.expires_at, house.clock.now() + SignedDuration::from_hours(720));
    let ann = house.user("ann").await;
    let sessions = house.store.list_sessions(ann.id).await.unwrap();
    assert_eq!((sessions[0].ip.as_str(), sessions[0].user_agent.as_str()), ("192.0.2.1", "a browser"));
    assert!(sessions[0].token_hash != token && sessions[0].handle != token);
    assert_eq!(ann.last_login_at, Some(house.clock.now()));
    assert_eq!(house.log().await, [(None, "User ann logged in from 192.0.2.1".to_owned())]);
    let again = house.try_from("192.0.2.1", "ann", GOOD).await.unwrap();
    assert_ne!(again.token.expose_secret(), token, "each sign-in is a session of its own");
    assert!(house.by_cookie(&signed.token).await.is_ok());
}

#[tokio::test]
async fn unknown_wrong_and_disabled_are_told_the_same() {
    let house = house(home()).await;
    house.set_access("bob", "operator", false).await;
    for (name, password) in [("nobody", GOOD), ("ann", "wrong password"), ("bob", GOOD), ("Ann", GOOD)] {
        let refused = house.try_from("192.0.2.1", name, password).await.unwrap_err();
        assert_eq!(refused.to_string(), "Invalid username or password");
        assert!(matches!(refused, AuthError::BadCredentials));
    }
    for (name, password) in [("", GOOD), ("ann", "")] {
        let refused = house.try_from("192.0.2.1", name, password).await.unwrap_err();
        assert_eq!(refused.to_string(), "Username and password required");
    }
    assert_eq!(house.log().await, []);
}

#[tokio::test]
async fn the_fifth_failure_within_five_minutes_closes_the_door_to_its_address_until_they_end() {
    let house = house(home()).await;
    for n in 0..5 {
        let refused = house.try_from("192.0.2.1", "nobody", "x").await;
        assert!(matches!(refused, Err(AuthError::BadCredentials)), "{n}");
        house.pass(10);
    }
    let refused = house.try_from("192.0.2.1", "ann", GOOD).await.unwrap_err();
    assert_eq!(refused.to_string(), "Too many login attempts, try again later");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(250)));
    assert!(house.try_from("192.0.2.2", "ann", GOOD).await.is_ok(), "others are let in");
    house.pass(250);
    assert!(house.try_from("192.0.2.1", "ann", GOOD).await.is_ok());
}

#[tokio::test]
async fn a_success_forgets_the_failures_of_its_address() {
    let house = house(home()).await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert!(house.try_from("192.0.2.1", "ann", "x").await.is_err());
        }
        assert!(house.try_from("192.0.2.1", "ann", GOOD).await.is_ok());
    }
}

#[tokio::test]
async fn ten_wrong_passwords_lock_an_account_for_half_an_hour_and_the_next_one_again() {
    let house = house(home()).await;
    for n in 0..10 {
        let from = format!("192.0.2.{n}");
        let refused = house.try_from(&from, "ann", "wrong").await;
        assert!(matches!(refused, Err(AuthError::BadCredentials)));
    }
    assert_eq!(house.log().await, [(None, "User ann was locked after 10 wrong passwords".to_owned())]);
    assert!(house.auth.list_users().await.unwrap()[0].locked);
    house.pass(60);
    let refused = house.try_from("192.0.2.50", "ann", GOOD).await.unwrap_err();
    assert_eq!(refused.to_string(), "Account is temporarily locked");
    assert_eq!(refused.retry_after(), Some(Duration::from_mins(29)));
    assert!(house.try_from("192.0.2.50", "bob", GOOD).await.is_ok(), "others are not");
    house.pass(29 * 60);
    assert!(matches!(house.try_from("192.0.2.50", "ann", "wrong").await, Err(AuthError::BadCredentials)));
    assert!(matches!(house.try_from("192.0.2.50", "ann", GOOD).await, Err(AuthError::Locked { .. })));
    house.pass(30 * 60);
    assert!(house.try_from("192.0.2.50", "ann", GOOD).await.is_ok());
    assert_eq!(house.user("ann").await.failed_attempts, 0);
}

#[tokio::test]
async fn a_strict_lock_is_not_told_and_spares_the_last_administrator_on_this_machine() {
    let house = house(strict()).await;
    for n in 0..5 {
        assert!(house.try_from(&format!("192.0.2.{n}"), "ann", "wrong").await.is_err());
    }
    let refused = house.try_from("192.0.2.50", "ann", GOOD).await;
    assert!(matches!(refused, Err(AuthError::BadCredentials)));
    assert!(house.try_from("127.0.0.1", "ann", GOOD).await.is_ok());
}

#[tokio::test]
async fn strictly_a_name_is_tried_ten_times_a_minute_from_wherever() {
    let house = house(strict()).await;
    for n in 0..10 {
        let refused = house.try_from(&format!("192.0.2.{n}"), "nobody", "x").await;
        assert!(matches!(refused, Err(AuthError::BadCredentials)));
    }
    let refused = house.try_from("192.0.2.50", "nobody", "x").await.unwrap_err();
    assert_eq!(refused.to_string(), "too many requests, try again later");
}

#[tokio::test]
async fn the_eleventh_knock_within_a_minute_is_refused() {
    let house = empty(home()).await;
    for _ in 0..10 {
        assert!(house.auth.knock(ip("192.0.2.1")).is_ok());
    }
    let refused = house.auth.knock(ip("192.0.2.1")).unwrap_err();
    assert_eq!(refused.to_string(), "too many requests, try again later");
    assert_eq!(refused.retry_after(), Some(Duration::from_mins(1)));
    assert!(house.auth.knock(ip("192.0.2.2")).is_ok());
    house.pass(60);
    assert!(house.auth.knock(ip("192.0.2.1")).is_ok());
}

#[tokio::test]
async fn an_imported_bcrypt_hash_signs_in_and_is_replaced() {
    let house = house(home()).await;
    let ann = house.user("ann").await;
    let old = bcrypt::hash_with_salt(b"hunter22", 4, [7; 16]).unwrap().to_string();
    let (hash, expect) = (SecretHash(old), SecretHash(ann.password_hash));
    let write = AccountWrite::SetPassword { user: ann.id, hash, expect, changed_at: None };
    house.store.commit(vec![write.into()]).await.unwrap();
    assert!(house.try_from("192.0.2.1", "ann", "hunter23").await.is_err());
    assert!(house.try_from("192.0.2.1", "ann", "hunter22").await.is_ok());
    assert!(house.user("ann").await.password_hash.starts_with("$argon2id$"));
    assert!(house.try_from("192.0.2.1", "ann", "hunter22").await.is_ok());
    assert_eq!(house.user("ann").await.password_changed_at, None, "only its stored form is another");
}

#[tokio::test]
async fn of_many_sessions_the_one_unused_longest_goes() {
    let house = house(home()).await;
    let first = house.signed_in("ann").await;
    for _ in 0..20 {
        house.pass(1);
        house.signed_in("ann").await;
    }
    assert!(house.by_cookie(&first.token).await.is_err());
    assert_eq!(house.store.list_sessions(house.user("ann").await.id).await.unwrap().len(), 20);
}

#[tokio::test]
async fn signing_out_ends_that_session_alone_and_costs_a_stranger_no_commit() {
    let house = house(home()).await;
    let (one, two) = (house.signed_in("ann").await, house.signed_in("ann").await);
    house.auth.sign_out(&one.token).await.unwrap();
    assert!(matches!(house.by_cookie(&one.token).await, Err(AuthError::Unauthenticated)));
    assert!(house.by_cookie(&two.token).await.is_ok());
    let commits = house.store.commits();
    house.auth.sign_out(&"no session".into()).await.unwrap();
    assert_eq!(house.store.commits(), commits);
}
