use super::*;
use crate::coarse::Coarse;

fn asked(name: &str, role: &str) -> NewUser {
    NewUser { username: name.into(), password: GOOD.into(), role_id: role.into() }
}

#[tokio::test]
async fn an_account_is_made_with_its_entry_and_listed() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let made = house.auth.create_user(&ann, asked("cid", "viewer")).await.unwrap();
    let listed = house.auth.list_users().await.unwrap();
    assert_eq!(listed.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["ann", "bob", "cid"]);
    assert_eq!(listed[2], made);
    assert!(!made.locked && made.enabled);
    let entry = (Some("ann".to_owned()), "User cid created by ann (role: viewer)".to_owned());
    assert_eq!(house.log().await.last(), Some(&entry));
    assert!(house.try_from("192.0.2.1", "cid", GOOD).await.is_ok());
}

#[tokio::test]
async fn what_is_no_account_is_told_in_the_words_of_the_contract() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let commits = house.store.commits();
    let cases = [
        (asked("", "viewer"), "username and password required"),
        (NewUser { password: "".into(), ..asked("cid", "viewer") }, "username and password required"),
        (asked("cid", "root"), "invalid role"),
        (asked("cid", ""), "invalid role"),
        (
            NewUser { password: "short".into(), ..asked("cid", "viewer") },
            "password must be at least 8 characters",
        ),
        (asked(&"c".repeat(129), "viewer"), "username must be at most 128 characters"),
    ];
    for (asked, message) in cases {
        assert_eq!(house.auth.create_user(&ann, asked).await.unwrap_err().to_string(), message);
    }
    assert_eq!(house.store.commits(), commits);
    let taken = house.auth.create_user(&ann, asked("bob", "viewer")).await.unwrap_err();
    assert_eq!(taken.to_string(), "username already exists");
    assert!(house.auth.create_user(&ann, asked("Bob", "viewer")).await.is_ok(), "case tells names apart");
}

#[tokio::test]
async fn nobody_gives_a_role_that_can_more_than_they() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let few = BuiltInRole::Viewer.permissions().union(Coarse::UsersManage.needs());
    let clerk = Principal { permissions: few, ..ann };
    let refused = house.auth.create_user(&clerk, asked("cid", "admin")).await.unwrap_err();
    assert_eq!(refused.to_string(), "insufficient permissions");
    assert!(house.auth.create_user(&clerk, asked("cid", "viewer")).await.is_ok());
}

#[tokio::test]
async fn a_deletion_takes_sessions_and_tokens_along_at_once() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let bob = house.signed_in("bob").await;
    let new = NewToken { name: "deploy".into(), ..NewToken::default() };
    let token = house.auth.create_token(&bob.principal, new).await.unwrap().token;
    assert!(house.by_bearer(&token).await.is_ok());
    let id = bob.principal.user.id.to_string();
    house.auth.delete_user(&ann, &id).await.unwrap();
    assert!(matches!(house.by_cookie(&bob.token).await, Err(AuthError::Unauthenticated)));
    assert!(matches!(house.by_bearer(&token).await, Err(AuthError::BadToken)));
    assert!(matches!(house.try_from("192.0.2.1", "bob", GOOD).await, Err(AuthError::BadCredentials)));
    let entry = (Some("ann".to_owned()), "User bob deleted by ann".to_owned());
    assert_eq!(house.log().await.last(), Some(&entry));
    assert_eq!(house.auth.delete_user(&ann, &id).await.unwrap_err().to_string(), "user not found");
    house.auth.maintain().await.unwrap();
}

#[tokio::test]
async fn nobody_deletes_themselves_or_the_last_administrator() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let id = ann.user.id.to_string();
    let own = house.auth.delete_user(&ann, &id).await.unwrap_err();
    assert_eq!(own.to_string(), "cannot delete your own account");
    let last = house.auth.delete_user(&Principal::system(), &id).await.unwrap_err();
    assert!(matches!(last, AuthError::LastAdmin));
    house.add(3, "cid", "admin").await;
    house.auth.delete_user(&Principal::system(), &id).await.unwrap();
    for unknown in ["", "system", "../ann", "019a0000-0000-7000-8000-00000000ffff"] {
        let refused = house.auth.delete_user(&Principal::system(), unknown).await.unwrap_err();
        assert!(matches!(refused, AuthError::NoSuchUser), "{unknown}");
    }
}
