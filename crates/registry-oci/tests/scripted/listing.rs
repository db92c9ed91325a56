//! Tag lists: every page, no page twice, and an end.

use lodeman_domain::image::Tag;
use lodeman_registry::RegistryClient;

use crate::model::{Habits, Model, Paging};
use crate::server::{Server, answer, client, client_with};

async fn list(paging: Paging, count: usize) -> (usize, bool, usize) {
    let model = Model::start(Habits { paging, ..Habits::default() }).await;
    let repository = model.server.repository("app");
    model.put_tags("app", (0..count).map(|n| format!("v{n:05}")));
    let list = client().list_tags(&repository).await.expect("the tags are listed");
    (list.tags.len(), list.truncated, model.server.seen().len())
}

#[tokio::test]
async fn every_page_is_read() {
    for (paging, count, requests) in [
        (Paging::Whole, 3, 1),
        (Paging::Whole, 2345, 1),
        (Paging::RelativeLink(50), 130, 3),
        (Paging::RelativeLink(50), 100, 2),
        (Paging::AbsoluteLink(50), 130, 3),
        (Paging::LastOnly(50), 130, 3),
        (Paging::LastOnly(100), 300, 4),
    ] {
        assert_eq!(list(paging, count).await, (count, false, requests), "{paging:?}");
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_cut_and_says_so() {
    let server = Server::start(|seen, _| async move {
        let last: usize = seen.query("last").and_then(|last| last.parse().ok()).unwrap_or(0);
        let tags: Vec<String> = (last + 1..=last + 100).map(|n| n.to_string()).collect();
        let link = format!("</v2/app/tags/list?last={}>; rel=\"next\"", last + 100);
        answer(200, &[("link", &link)], serde_json::json!({ "tags": tags }).to_string())
    })
    .await;
    let (client, _) = client_with(|config| config.max_tags = 350);
    let list = client.list_tags(&server.repository("app")).await.unwrap();
    assert_eq!((list.tags.len(), list.truncated, server.seen().len()), (350, true, 4));
}

#[tokio::test]
async fn a_page_that_comes_again_ends_the_list() {
    let tags: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let body = serde_json::json!({ "tags": tags }).to_string();
    for link in ["", "</v2/app/tags/list?last=x>; rel=\"next\"", "</v2/app/tags/list?n=1000>; rel=\"next\""] {
        let body = body.clone();
        let server = Server::start(move |_, _| {
            let response = answer(200, &[("link", link)], body.clone());
            async move { response }
        })
        .await;
        let list = client().list_tags(&server.repository("app")).await.unwrap();
        assert_eq!((list.tags.len(), list.truncated), (50, false), "{link}");
        assert!(server.seen().len() <= 2, "{link}");
    }
}

#[tokio::test]
async fn a_registry_that_refuses_our_page_size_is_asked_without_one() {
    let server = Server::start(|seen, _| async move {
        match seen.query("n") {
            Some(_) => answer(400, &[], r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#),
            None => answer(200, &[], r#"{"tags":["a"]}"#),
        }
    })
    .await;
    let list = client().list_tags(&server.repository("app")).await.unwrap();
    assert_eq!((list.tags.len(), server.seen().len()), (1, 2));
}

#[tokio::test]
async fn a_repository_without_tags_and_tags_that_are_none_are_no_errors() {
    for (body, expected) in [
        (r#"{"name":"app","tags":null}"#, &[][..]),
        (r#"{"name":"app"}"#, &[]),
        (r#"{"tags":["ok","-bad","also bad","","1.0"]}"#, &["ok", "1.0"]),
    ] {
        let server = Server::start(move |_, _| async move { answer(200, &[], body) }).await;
        let list = client().list_tags(&server.repository("app")).await.unwrap();
        assert_eq!(list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), expected, "{body}");
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let server = Server::start(|_, _| async {
        answer(200, &[("link", "<https://elsewhere.test/v2/app/tags/list>; rel=next")], r#"{"tags":["a"]}"#)
    })
    .await;
    let error = client().list_tags(&server.repository("app")).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
}

#[tokio::test]
async fn an_unchanged_list_is_confirmed_and_not_sent_again() {
    let server = Server::start(|seen, _| async move {
        match seen.header(axum::http::header::IF_NONE_MATCH) {
            Some("\"one\"") => answer(304, &[], ""),
            _ => answer(200, &[("etag", "\"one\"")], r#"{"tags":["a","b"]}"#),
        }
    })
    .await;
    let (client, repository) = (client(), server.repository("app"));
    let first = client.list_tags(&repository).await.unwrap();
    let second = client.list_tags(&repository).await.unwrap();
    assert_eq!((first.tags.len(), &first), (2, &second));
    assert_eq!(server.seen().len(), 2);
}
