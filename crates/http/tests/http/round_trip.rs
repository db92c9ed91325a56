//! Every method, asked at one end and answered at the other.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use lodeman_updater::control::{Control as _, ControlError, ErrorKind, FieldProblem, Which};

use crate::sample::{answers, digest, name, server};

#[tokio::test]
async fn every_method_arrives_with_its_arguments_and_its_answer_comes_back() {
    let server = server(answers()).await;
    let (client, want) = (&server.client, answers());

    assert_eq!(client.run(vec![name("web"), name("db")], "ann").await, Ok(want.run.unwrap()));
    assert_eq!(client.update(name("web"), "ann").await, Ok(want.summary.clone().unwrap()));
    assert_eq!(client.explain(None).await, Ok(want.explanations.clone()));
    assert_eq!(client.explain(Some(name("web"))).await, Ok(want.explanations));
    assert_eq!(client.queue().await, Ok(want.queue.clone()));
    let which = Which::Digest(digest('b').parse().unwrap());
    assert_eq!(client.approve(name("web"), which, "ann").await, Ok(want.summary.clone().unwrap()));
    assert_eq!(client.reject(name("web"), Which::Revision(3), "ann").await, Ok(want.queue[0].clone()));
    assert_eq!(client.ignore(name("web"), Which::Current, "ann").await, Ok(want.queue[0].clone()));
    assert_eq!(client.rollback(name("web"), "ann").await, Ok(want.summary.unwrap()));
    assert_eq!(client.history(Some(name("web")), Some(9), 20).await, Ok(want.history));
    assert_eq!(client.check("nginx:1.26".parse().unwrap()).await, Ok(want.check.unwrap()));
    assert_eq!(client.recovery_plan().await, Ok(want.recovery.clone().unwrap()));
    assert_eq!(client.recover().await, Ok(want.recovery.unwrap()));
    assert_eq!(client.settings().await, Ok(want.settings.clone()));
    let changes = BTreeMap::from([("paused".to_owned(), Some("true".to_owned())), ("soak".to_owned(), None)]);
    assert_eq!(client.change_settings(changes, "ann").await, Ok(want.settings));
    assert_eq!(client.readiness().await, Ok(want.readiness.unwrap()));
    let notes: Vec<_> = client.progress().await.unwrap().collect().await;
    assert_eq!(notes, want.progress);

    assert_eq!(client.create_admin("ann", "$argon2id$v=19$x").await, Ok(()));

    let digest = format!("approve web Digest(Digest(\"{}\")) by ann", digest('b'));
    assert_eq!(
        server.control.asked(),
        [
            "run [web,db] by ann",
            "update web by ann",
            "explain []",
            "explain [web]",
            "queue",
            &digest,
            "reject web Revision(3) by ann",
            "ignore web Current by ann",
            "rollback web by ann",
            "history [web] before Some(9) limit 20",
            "check nginx:1.26",
            "recovery_plan",
            "recover",
            "settings",
            r#"change_settings {"paused": Some("true"), "soak": None} by ann"#,
            "readiness",
            "progress",
            "create_admin ann $argon2id$v=19$x",
        ]
    );
}

#[tokio::test]
async fn every_kind_of_error_comes_back_as_it_was() {
    let server = server(answers()).await;
    for kind in [
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Refused,
        ErrorKind::Unavailable,
        ErrorKind::Internal,
    ] {
        let error = ControlError::new(kind, "there is no container `web`");
        server.control.answer(lodeman_http::fake::Answers { error: Some(error.clone()), ..answers() });
        assert_eq!(server.client.update(name("web"), "ann").await, Err(error.clone()));
        assert_eq!(server.client.progress().await.err(), Some(error));
    }
    let field = FieldProblem { field: "soak".to_owned(), message: "setting `soak` is `x`".to_owned() };
    let error = ControlError::of_fields(ErrorKind::Invalid, vec![field]);
    server.control.answer(lodeman_http::fake::Answers { error: Some(error.clone()), ..answers() });
    assert_eq!(server.client.change_settings(BTreeMap::new(), "ann").await, Err(error));
}

#[tokio::test]
async fn the_server_says_which_it_is() {
    let server = server(answers()).await;
    assert_eq!(server.client.server().process_id, std::process::id());
    assert_eq!(server.client.server().version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn what_was_asked_goes_on_when_the_caller_leaves() {
    let server = server(answers()).await;
    let gate = server.control.hold();
    let asked = tokio::spawn({
        let client = server.client.clone();
        async move { client.update(name("web"), "ann").await }
    });
    gate.reached().await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    gate.open();
    gate.passed().await;
    assert_eq!(server.control.asked(), ["update web by ann"]);
}
