use super::*;
use crate::permission::Permission;
use crate::principal::Via;

fn named(name: &str) -> NewToken {
    NewToken { name: name.into(), ..NewToken::default() }
}

#[tokio::test]
async fn a_token_acts_for_its_owner_with_the_rights_of_their_role_at_that_moment() {
    let house = house(home()).await;
    let bob = house.signed_in("bob").await.principal;
    let made = house.auth.create_token(&bob, named(" deploy job ")).await.unwrap();
    let text = made.token.expose_secret();
    assert!(text.starts_with("stk_") && text.len() == 47);
    assert!(made.id.len() == 16 && made.id.bytes().all(|b| b.is_ascii_hexdigit()));
    let entry = (Some("bob".to_owned()), "API token deploy job created by bob".to_owned());
    assert_eq!(house.log().await.last(), Some(&entry));
    let principal = house.by_bearer(&made.token).await.unwrap();
    assert_eq!(principal.user, bob.user);
    assert_eq!(principal.via, Via::Bearer { token_id: made.id });
    assert!(principal.csrf.is_none() && principal.may(Permission::UpdateApprove));
    house.set_access("bob", "viewer", true).await;
    assert!(!house.by_bearer(&made.token).await.unwrap().may(Permission::UpdateApprove));
    house.set_access("bob", "viewer", false).await;
    assert!(matches!(house.by_bearer(&made.token).await, Err(AuthError::BadToken)));
}

#[tokio::test]
async fn only_the_exact_token_is_taken_and_only_its_hash_is_stored() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let made = house.auth.create_token(&ann, named("deploy")).await.unwrap();
    let text = made.token.expose_secret();
    let stored = house.store.list_tokens(house.user("ann").await.id).await.unwrap();
    assert_eq!(stored[0].token_hash, crate::secret::stored_form(text));
    let cut = &text[..46];
    for wrong in [cut, "", "stk_", &stored[0].token_hash, &stored[0].id, &format!("{text} ")] {
        assert!(matches!(house.by_bearer(&wrong.into()).await, Err(AuthError::BadToken)), "{wrong}");
    }
}

#[tokio::test]
async fn tokens_are_listed_with_their_last_use_and_deleted_by_their_owner() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    let bob = house.signed_in("bob").await.principal;
    let made = house.auth.create_token(&ann, named("deploy")).await.unwrap();
    let listed = house.auth.list_tokens(&ann).await.unwrap();
    assert_eq!((listed[0].id.as_str(), listed[0].last_used_at), (made.id.as_str(), None));
    assert_eq!(listed[0].expires_at, None, "at home a token lives until it is deleted");
    house.pass(5);
    let commits = house.store.commits();
    assert!(house.by_bearer(&made.token).await.is_ok());
    let used = house.auth.list_tokens(&ann).await.unwrap();
    assert_eq!(used[0].last_used_at, Some(house.clock.now()));
    assert_eq!((house.store.commits(), used[0].last_used_from.as_deref()), (commits, Some("192.0.2.99")));
    house.auth.maintain().await.unwrap();
    assert_eq!(house.auth.list_tokens(&ann).await.unwrap(), used);
    for (caller, id) in [(&bob, made.id.as_str()), (&ann, "0000000000000000"), (&ann, "")] {
        let refused = house.auth.delete_token(caller, id).await.unwrap_err();
        assert_eq!(refused.to_string(), "token not found");
    }
    house.auth.delete_token(&ann, &made.id).await.unwrap();
    assert!(matches!(house.by_bearer(&made.token).await, Err(AuthError::BadToken)));
    assert_eq!(house.auth.list_tokens(&ann).await.unwrap(), []);
}

#[tokio::test]
async fn a_token_that_was_given_less_can_no_more_and_makes_no_token() {
    let house = house(home()).await;
    let bob = house.signed_in("bob").await.principal;
    let set = |ids: &[&str]| Some(PermissionSet::parse(ids.iter().copied()).unwrap());
    let few = NewToken { permissions: set(&["update:check", "audit:read"]), ..named("few") };
    let few = house.auth.create_token(&bob, few).await.unwrap();
    let principal = house.by_bearer(&few.token).await.unwrap();
    assert_eq!(principal.permissions.ids(), ["audit:read", "update:check"]);
    let refused = house.auth.create_token(&principal, named("more")).await;
    assert!(matches!(refused, Err(AuthError::Forbidden)));
    let more = NewToken { permissions: set(&["role:write"]), ..named("more") };
    assert!(matches!(house.auth.create_token(&bob, more).await, Err(AuthError::Forbidden)));
    let all = house.auth.create_token(&bob, named("all")).await.unwrap();
    let principal = house.by_bearer(&all.token).await.unwrap();
    assert!(house.auth.create_token(&principal, named("another")).await.is_ok());
}

#[tokio::test]
async fn a_token_ends_when_it_was_said_to() {
    let house = house(strict()).await;
    let ann = house.signed_in("ann").await.principal;
    let end = house.clock.now() + SignedDuration::from_secs(10);
    let made = NewToken { expires_at: Some(end), ..named("short") };
    let made = house.auth.create_token(&ann, made).await.unwrap();
    house.pass(9);
    assert!(house.by_bearer(&made.token).await.is_ok());
    house.pass(1);
    assert!(matches!(house.by_bearer(&made.token).await, Err(AuthError::BadToken)));
    let past = NewToken { expires_at: Some(end), ..named("past") };
    assert!(matches!(house.auth.create_token(&ann, past).await, Err(AuthError::Invalid(_))));
    house.auth.create_token(&ann, named("usual")).await.unwrap();
    let usual = house.auth.list_tokens(&ann).await.unwrap().pop().unwrap();
    assert_eq!(usual.expires_at, Some(house.clock.now() + SignedDuration::from_hours(90 * 24)));
}

#[tokio::test]
async fn a_token_has_a_name_and_an_owner() {
    let house = house(home()).await;
    let ann = house.signed_in("ann").await.principal;
    for name in ["", "  "] {
        let refused = house.auth.create_token(&ann, named(name)).await.unwrap_err();
        assert_eq!(refused.to_string(), "token name required");
    }
    for name in ["a\nb", &"x".repeat(129)] {
        assert!(matches!(house.auth.create_token(&ann, named(name)).await, Err(AuthError::Invalid(_))));
    }
    let system = Principal::system();
    let refused = house.auth.create_token(&system, named("x")).await.unwrap_err();
    assert_eq!(refused.to_string(), "authentication is disabled");
    assert!(matches!(house.auth.list_tokens(&system).await, Err(AuthError::Disabled)));
    assert!(matches!(house.auth.delete_token(&system, "x").await, Err(AuthError::Disabled)));
}
