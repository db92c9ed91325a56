use super::*;

fn asked(house: &House, peer: &str) -> SetUp {
    SetUp {
        peer: ip(peer),
        user_agent: "a browser".into(),
        username: "ann".into(),
        password: GOOD.into(),
        setup_code: Some(house.auth.setup_code().clone()),
        settings: vec![("instance_role".into(), "server".into())],
    }
}

fn said(result: Result<SignedIn, AuthError>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn the_first_administrator_is_made_and_signed_in_with_what_was_set() {
    let house = empty(home()).await;
    let until = house.clock.now() + SignedDuration::from_mins(5);
    assert_eq!(house.auth.setup_state().await.unwrap(), SetupState::Open { until });
    let signed = house.auth.set_up(asked(&house, "192.0.2.1")).await.unwrap();
    assert_eq!(signed.principal.role, "admin");
    assert_eq!(house.by_cookie(&signed.token).await.unwrap().user.name, "ann");
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let settings = house.store.list_settings().await.unwrap();
    assert_eq!(settings, [setting("auth_setup_complete", "true"), setting("instance_role", "server")]);
    let entry = (None, "Initial admin user ann created via setup wizard".to_owned());
    assert_eq!(house.log().await, [entry]);
    let seeding = 1;
    assert_eq!(house.store.commits(), seeding + 1, "all of it at once");
    assert!(house.try_from("192.0.2.1", "ann", GOOD).await.is_ok());
}

#[tokio::test]
async fn set_up_is_done_once_and_never_open_again() {
    let house = empty(home()).await;
    house.auth.set_up(asked(&house, "127.0.0.1")).await.unwrap();
    assert_eq!(said(house.auth.set_up(asked(&house, "127.0.0.1")).await), "setup already complete");
    assert_eq!(house.auth.setup_state().await.unwrap(), SetupState::Complete);
    let again = over(house.store.clone(), house.clock.clone(), home()).await;
    assert_eq!(again.auth.setup_state().await.unwrap(), SetupState::Complete);
}

#[tokio::test]
async fn of_two_at_once_one_is_made() {
    let house = empty(home()).await;
    let (one, two) =
        (asked(&house, "192.0.2.1"), SetUp { username: "bob".into(), ..asked(&house, "192.0.2.2") });
    let (one, two) = tokio::join!(house.auth.set_up(one), house.auth.set_up(two));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    assert_eq!(said(if one.is_ok() { two } else { one }), "setup already complete");
    assert_eq!(house.store.count_users().await.unwrap(), 1);
}

#[tokio::test]
async fn after_five_minutes_it_is_closed_until_the_next_start() {
    let house = empty(home()).await;
    house.pass(299);
    assert!(house.auth.check_setup().await.is_ok());
    house.pass(1);
    let expired = "setup window has expired — restart the container to try again";
    assert_eq!(said(house.auth.set_up(asked(&house, "127.0.0.1")).await), expired);
    assert_eq!(house.auth.setup_state().await.unwrap(), SetupState::Expired);
    let again = over(house.store.clone(), house.clock.clone(), home()).await;
    assert!(again.auth.check_setup().await.is_ok());
    again.pass(-900);
    assert!(again.auth.check_setup().await.is_err(), "to set the clock back opens nothing");
}

#[tokio::test]
async fn from_elsewhere_the_code_of_the_log_is_needed_and_wrong_ones_count_as_failures() {
    let house = empty(home()).await;
    let code = house.auth.setup_code().expose_secret().to_owned();
    assert_eq!(code.len(), 23);
    let with = |code: Option<&str>| SetUp { setup_code: code.map(Into::into), ..asked(&house, "192.0.2.1") };
    let required = "setup code required: see the server's log";
    for _ in 0..9 {
        assert_eq!(said(house.auth.set_up(with(None)).await), required, "none is no guess");
    }
    for _ in 0..5 {
        assert_eq!(said(house.auth.set_up(with(Some("AAAAA-AAAAA-AAAAA-AAAAA"))).await), required);
    }
    let refused = house.auth.set_up(with(Some(&code))).await;
    assert_eq!(said(refused), "Too many login attempts, try again later");
    let other = SetUp { peer: ip("192.0.2.2"), ..with(Some(&code.to_lowercase().replace('-', " "))) };
    assert!(house.auth.set_up(other).await.is_ok(), "case and dashes do not matter");
}

#[tokio::test]
async fn this_machine_needs_no_code_at_home_and_one_strictly() {
    for (config, allowed) in [(home(), true), (strict(), false)] {
        let house = empty(config).await;
        for peer in [None, ip("::1")] {
            assert_eq!(house.auth.needs_setup_code(peer), !allowed);
        }
        let asked = SetUp { setup_code: None, ..asked(&house, "127.0.0.1") };
        assert_eq!(house.auth.set_up(asked).await.is_ok(), allowed);
    }
}

#[tokio::test]
async fn each_start_has_a_code_of_its_own() {
    let config = home();
    let entropy = CountingEntropy::default();
    let codes = [(); 2].map(|()| {
        let setup = super::super::setup::Setup::open(Timestamp::UNIX_EPOCH, &config, &entropy).unwrap();
        setup.code().expose_secret().to_owned()
    });
    assert_ne!(codes[0], codes[1]);
}

#[tokio::test]
async fn what_is_no_account_is_refused_and_changes_nothing() {
    let house = empty(home()).await;
    let cases = [
        ("", GOOD, "username and password required"),
        ("ann", "", "username and password required"),
        ("ann", "short", "password must be at least 8 characters"),
        ("ann", "password", "password is one of the most common ones"),
        ("a\nb", GOOD, "username must not contain control characters"),
    ];
    for (username, password, message) in cases {
        let (username, password) = (username.to_owned(), password.into());
        let asked = SetUp { username, password, ..asked(&house, "127.0.0.1") };
        assert_eq!(said(house.auth.set_up(asked).await), message);
    }
    assert_eq!(house.store.count_users().await.unwrap(), 0);
    assert_eq!(house.store.list_settings().await.unwrap(), []);
}
