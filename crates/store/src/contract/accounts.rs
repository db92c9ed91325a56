//! Accounts, roles, sessions and tokens.

use super::{commit, refused, sample};
use crate::{AccountWrite, RoleRecord, SecretHash, Store, UserRecord, Write};

fn account(write: AccountWrite) -> Vec<Write> {
    vec![write.into()]
}

async fn insert(store: &dyn Store, user: &UserRecord) {
    commit(store, account(AccountWrite::InsertUser(user.clone()))).await;
}

async fn reread(store: &dyn Store, user: &UserRecord) -> UserRecord {
    store.find_user_by_id(user.id).await.expect("a read").expect("the account is there")
}

fn session(n: u64, user: &UserRecord, seconds: i64, keep: u32) -> Vec<Write> {
    let session = Box::new(sample::session(n, user, seconds));
    account(AccountWrite::InsertSession { session, keep })
}

async fn handles(store: &dyn Store, user: &UserRecord) -> Vec<String> {
    let sessions = store.list_sessions(user.id).await.expect("a read");
    sessions.into_iter().map(|session| session.handle).collect()
}

/// The first account is made once; a name is taken once.
pub async fn of_two_first_accounts_only_one_comes_to_be(store: &dyn Store) {
    let ann = sample::user(1, "ann");
    commit(store, account(AccountWrite::InsertFirstUser(ann.clone()))).await;
    refused(store, account(AccountWrite::InsertFirstUser(sample::user(2, "bob"))), "first user").await;
    refused(store, account(AccountWrite::InsertUser(sample::user(2, "ann"))), "user").await;
    insert(store, &sample::user(2, "bob")).await;
    assert_eq!(store.count_users().await.expect("a read"), 2);
    assert!(store.find_user("ann").await.expect("a read") == Some(ann), "the account comes back");
    assert!(store.find_user("Ann").await.expect("a read").is_none(), "a name is spelled exactly");
}

/// By name, by id, and in order.
pub async fn accounts_are_read_back_whole(store: &dyn Store) {
    let ann = UserRecord {
        enabled: false,
        failed_attempts: 3,
        locked_until: Some(sample::at(5)),
        last_login_at: Some(sample::at(6)),
        password_changed_at: Some(sample::at(7)),
        ..sample::user(2, "ann")
    };
    let bob = sample::user(1, "bob");
    insert(store, &bob).await;
    insert(store, &ann).await;
    assert!(reread(store, &ann).await == ann && reread(store, &bob).await == bob);
    assert!(store.list_users().await.expect("a read") == [ann, bob]);
}

/// However it would be lost: by deletion, by another role, by being disabled.
pub async fn somebody_keeps_the_last_role(store: &dyn Store) {
    let (ann, bob) = (sample::user(1, "ann"), sample::user(2, "bob"));
    insert(store, &ann).await;
    insert(store, &UserRecord { role: "viewer".into(), ..bob.clone() }).await;
    let last_of = || "admin".to_owned();
    let set = |user: &UserRecord, role: &str, enabled| {
        let role = role.to_owned();
        account(AccountWrite::SetAccess { user: user.id, role, enabled, last_of: last_of() })
    };
    let drop = |user| account(AccountWrite::DropUser { user, last_of: last_of() });
    refused(store, drop(ann.id), "last of role").await;
    refused(store, set(&ann, "viewer", true), "last of role").await;
    refused(store, set(&ann, "admin", false), "last of role").await;
    commit(store, set(&ann, "admin", true)).await;
    commit(store, set(&bob, "admin", false)).await;
    refused(store, drop(ann.id), "last of role").await;
    commit(store, set(&bob, "admin", true)).await;
    commit(store, set(&ann, "viewer", false)).await;
    let now = reread(store, &ann).await;
    assert_eq!((now.role.as_str(), now.enabled), ("viewer", false));
    commit(store, drop(ann.id)).await;
    refused(store, drop(ann.id), "user").await;
    refused(store, set(&ann, "admin", true), "user").await;
    assert_eq!(store.count_users().await.expect("a read"), 1);
}

/// So that two changes at once cannot both succeed.
pub async fn a_password_is_replaced_only_while_it_is_the_expected_one(store: &dyn Store) {
    let ann = sample::user(1, "ann");
    insert(store, &ann).await;
    let set = |from: &str, to: &str, changed_at| {
        let (hash, expect) = (SecretHash(to.to_owned()), SecretHash(from.to_owned()));
        account(AccountWrite::SetPassword { user: ann.id, hash, expect, changed_at })
    };
    refused(store, set("another", "new", None), "password").await;
    commit(store, set(&ann.password_hash, "new", None)).await;
    let now = reread(store, &ann).await;
    assert_eq!((now.password_hash.as_str(), now.password_changed_at), ("new", None));
    commit(store, set("new", "newer", Some(sample::at(3)))).await;
    assert_eq!(reread(store, &ann).await.password_changed_at, Some(sample::at(3)));
}

/// The count goes on after a lock; a right password ends both.
pub async fn wrong_passwords_are_counted_and_lock(store: &dyn Store) {
    let ann = sample::user(1, "ann");
    insert(store, &ann).await;
    let fail = |seconds| {
        let lock_until = sample::at(seconds);
        account(AccountWrite::RecordFailure { user: ann.id, lock_after: 2, lock_until })
    };
    commit(store, fail(10)).await;
    assert_eq!(reread(store, &ann).await.locked_until, None);
    commit(store, fail(20)).await;
    commit(store, fail(30)).await;
    let now = reread(store, &ann).await;
    assert_eq!((now.failed_attempts, now.locked_until), (3, Some(sample::at(30))));
    commit(store, account(AccountWrite::RecordSignIn { user: ann.id, at: sample::at(40) })).await;
    let now = reread(store, &ann).await;
    assert_eq!((now.failed_attempts, now.locked_until), (0, None));
    assert_eq!(now.last_login_at, Some(sample::at(40)));
    let gone = sample::uuid(9);
    let lock_until = sample::at(1);
    commit(store, account(AccountWrite::RecordFailure { user: gone, lock_after: 1, lock_until })).await;
    refused(store, account(AccountWrite::RecordSignIn { user: gone, at: sample::at(1) }), "user").await;
}

/// A use that is told late does not make a session older.
pub async fn a_session_is_found_with_its_account_and_touched_forward(store: &dyn Store) {
    let ann = sample::user(1, "ann");
    refused(store, session(1, &ann, 0, 9), "user").await;
    insert(store, &ann).await;
    commit(store, session(1, &ann, 0, 9)).await;
    let stored = sample::session(1, &ann, 0);
    let found = store.find_session(&stored.token_hash).await.expect("a read").expect("it is there");
    assert!(found == (stored.clone(), ann.clone()));
    assert!(store.find_session(&stored.handle).await.expect("a read").is_none(), "a handle opens nothing");
    for seconds in [50, 40] {
        let touch =
            AccountWrite::TouchSession { token_hash: stored.token_hash.clone(), at: sample::at(seconds) };
        commit(store, account(touch)).await;
    }
    assert_eq!(store.list_sessions(ann.id).await.expect("a read")[0].last_used_at, sample::at(50));
    let gone = AccountWrite::DropSession { token_hash: stored.token_hash.clone() };
    commit(store, account(gone.clone())).await;
    commit(store, account(gone)).await;
    assert!(store.find_session(&stored.token_hash).await.expect("a read").is_none());
}

/// A new one always stays, whatever the clock says.
pub async fn of_an_accounts_sessions_the_ones_used_last_stay(store: &dyn Store) {
    let (ann, bob) = (sample::user(1, "ann"), sample::user(2, "bob"));
    insert(store, &ann).await;
    insert(store, &bob).await;
    commit(store, session(9, &bob, 0, 3)).await;
    for (n, seconds) in [(1, 10), (2, 20), (3, 30)] {
        commit(store, session(n, &ann, seconds, 3)).await;
    }
    let first = sample::session(1, &ann, 10).token_hash;
    commit(store, account(AccountWrite::TouchSession { token_hash: first, at: sample::at(40) })).await;
    commit(store, session(4, &ann, 5, 3)).await;
    assert_eq!(handles(store, &ann).await, ["handle-1", "handle-3", "handle-4"]);
    let except = Some(sample::session(3, &ann, 30).token_hash);
    commit(store, account(AccountWrite::DropSessions { user: ann.id, except })).await;
    assert_eq!(handles(store, &ann).await, ["handle-3"]);
    commit(store, account(AccountWrite::DropSessions { user: ann.id, except: None })).await;
    assert_eq!(handles(store, &ann).await, Vec::<String>::new());
    assert_eq!(handles(store, &bob).await, ["handle-9"]);
}

/// By their end, or for want of use.
pub async fn expired_and_idle_sessions_are_dropped(store: &dyn Store) {
    let ann = sample::user(1, "ann");
    insert(store, &ann).await;
    for (n, seconds) in [(1, 0), (2, 950), (3, 960)] {
        commit(store, session(n, &ann, seconds, 9)).await;
    }
    let token_hash = sample::session(1, &ann, 0).token_hash;
    commit(store, account(AccountWrite::TouchSession { token_hash, at: sample::at(990) })).await;
    commit(store, account(AccountWrite::DropExpiredSessions(sample::at(999)))).await;
    assert_eq!(handles(store, &ann).await, ["handle-1", "handle-3", "handle-2"]);
    commit(store, account(AccountWrite::DropExpiredSessions(sample::at(1_000)))).await;
    assert_eq!(handles(store, &ann).await, ["handle-3", "handle-2"], "the end is the end");
    commit(store, account(AccountWrite::DropExpiredSessions(sample::at(1_050)))).await;
    assert_eq!(handles(store, &ann).await, ["handle-3"], "unused for its limit");
}

/// Nobody drops another's.
pub async fn a_token_is_its_owners(store: &dyn Store) {
    let (ann, bob) = (sample::user(1, "ann"), sample::user(2, "bob"));
    let insert_token = |token| account(AccountWrite::InsertToken(Box::new(token)));
    let mut token = sample::token(2, &ann);
    token.permissions = Some(vec!["update:read".into(), "container:read".into()]);
    token.expires_at = Some(sample::at(99));
    refused(store, insert_token(token.clone()), "user").await;
    insert(store, &ann).await;
    insert(store, &bob).await;
    commit(store, insert_token(token.clone())).await;
    commit(store, insert_token(sample::token(1, &ann))).await;
    refused(store, insert_token(sample::token(2, &bob)), "token").await;
    let found = store.find_token(&token.token_hash).await.expect("a read").expect("it is there");
    assert!(found == (token.clone(), ann.clone()));
    for (seconds, from) in [(50, "192.0.2.1"), (40, "192.0.2.2")] {
        let (id, at, from) = (token.id.clone(), sample::at(seconds), from.to_owned());
        commit(store, account(AccountWrite::TouchToken { id, at, from })).await;
    }
    token.last_used_at = Some(sample::at(50));
    token.last_used_from = Some("192.0.2.1".into());
    assert!(store.list_tokens(ann.id).await.expect("a read") == [sample::token(1, &ann), token.clone()]);
    let drop_by = |user| account(AccountWrite::DropToken { user, id: token.id.clone() });
    refused(store, drop_by(bob.id), "token").await;
    commit(store, drop_by(ann.id)).await;
    assert!(store.find_token(&token.token_hash).await.expect("a read").is_none());
}

/// Nothing of it signs anybody in any more.
pub async fn a_deleted_account_takes_its_sessions_and_tokens_along(store: &dyn Store) {
    let (ann, bob) = (sample::user(1, "ann"), sample::user(2, "bob"));
    for (n, user) in [(1, &ann), (2, &bob)] {
        insert(store, user).await;
        commit(store, session(n, user, 0, 9)).await;
        commit(store, account(AccountWrite::InsertToken(Box::new(sample::token(n, user))))).await;
    }
    let last_of = "admin".to_owned();
    commit(store, account(AccountWrite::DropUser { user: ann.id, last_of })).await;
    for (n, user, there) in [(1, &ann, false), (2, &bob, true)] {
        let found = store.find_session(&sample::session(n, user, 0).token_hash).await.expect("a read");
        assert_eq!(found.is_some(), there);
        let found = store.find_token(&sample::token(n, user).token_hash).await.expect("a read");
        assert_eq!(found.is_some(), there);
    }
}

/// One role for each id.
pub async fn roles_are_replaced_and_dropped(store: &dyn Store) {
    let role = |id: &str, permissions: &[&str], seconds| RoleRecord {
        id: id.to_owned(),
        name: format!("The {id}"),
        permissions: permissions.iter().map(|&p| p.to_owned()).collect(),
        built_in: id == "admin",
        created_at: sample::at(seconds),
    };
    let puts = [role("night", &["update:read"], 1), role("admin", &[], 1), role("night", &["image:read"], 9)];
    commit(store, puts.map(|put| AccountWrite::PutRole(put).into()).into()).await;
    let night = role("night", &["image:read"], 1);
    assert_eq!(store.list_roles().await.expect("a read"), [role("admin", &[], 1), night.clone()]);
    assert_eq!(store.find_role("night").await.expect("a read"), Some(night));
    commit(store, account(AccountWrite::DropRole("night".into()))).await;
    assert_eq!(store.find_role("night").await.expect("a read"), None);
}
