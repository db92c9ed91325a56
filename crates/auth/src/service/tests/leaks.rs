//! No secret in what is shown to those who debug, in errors, in logs or in what is stored.

use std::io::Write;
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

const CANARY: &str = "canary-7f3a91-sings";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_shown_logged_or_stored() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let house = empty(home()).await;
    let mut shown = Vec::new();
    let setup = SetUp {
        peer: ip("192.0.2.1"),
        user_agent: "a browser".into(),
        username: "ann".into(),
        password: CANARY.into(),
        setup_code: Some(house.auth.setup_code().clone()),
        settings: Vec::new(),
    };
    shown.push(format!("{setup:?}"));
    let first = house.auth.set_up(setup).await.unwrap();
    let wrong = format!("{CANARY}-not");
    for (name, password) in [("ann", wrong.as_str()), ("nobody", CANARY), (CANARY, "x")] {
        let refused = house.try_from("192.0.2.2", name, password).await.unwrap_err();
        shown.push(format!("{refused:?} {refused}"));
    }
    let signed = house.try_from("192.0.2.2", "ann", CANARY).await.unwrap();
    let new = NewToken { name: "deploy".into(), ..NewToken::default() };
    let made = house.auth.create_token(&signed.principal, new).await.unwrap();
    let bearer = Credentials { bearer: Some(made.token.clone()), session: Some(signed.token.clone()) };
    let principal = house.auth.authenticate(&bearer, None, Use::Active).await.unwrap();
    let asked = NewUser { username: "bob".into(), password: CANARY.into(), role_id: "viewer".into() };
    shown.push(format!("{asked:?} {bearer:?} {principal:?} {signed:?} {made:?} {:?}", house.auth));
    house.auth.create_user(&signed.principal, asked).await.unwrap();
    house.auth.maintain().await.unwrap();
    shown.push(format!("{:?}", house.store.log()));
    shown.push(format!("{:?}", house.log().await));
    drop(guard);
    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a sign-in was refused"), "something was logged");
    shown.push(logged);

    let hash = house.user("ann").await.password_hash;
    let code = house.auth.setup_code().expose_secret();
    let secrets = [
        CANARY,
        code,
        &hash,
        first.token.expose_secret(),
        signed.token.expose_secret(),
        signed.csrf.expose(),
        made.token.expose_secret(),
    ];
    for secret in secrets {
        assert!(shown.iter().all(|text| !text.contains(secret)), "{secret}");
    }
}
