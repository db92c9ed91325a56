//! The document is complete, and what is answered is in it.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::World;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&lodeman_http::openapi()).unwrap());

/// The operation that a request is of, where it is one of the document.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (mut asked, mut told) = (path.split('/'), template.split('/'));
        loop {
            match (asked.next(), told.next()) {
                (None, None) => return true,
                (Some(asked), Some(told)) if told.starts_with('{') && !asked.is_empty() => {}
                (Some(asked), Some(told)) if asked == told => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let (_, item) =
        paths.iter().filter(|(template, _)| fits(template)).min_by_key(|(t, _)| t.matches('{').count())?;
    item.get(method.as_str().to_lowercase())
}

/// Holds every answer of every test of this suite against the document: its status must be told there.
pub fn told_of(method: &Method, path: &str, status: StatusCode) {
    let Some(operation) = operation(method, path) else { return };
    let told = operation["responses"].as_object().unwrap();
    assert!(told.contains_key(status.as_str()), "{method} {path}: the document does not tell of {status}");
}

/// What a reference refers to, or the value itself.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            DOCUMENT.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} is nowhere"))
        }
        None => value,
    }
}

/// Whether somebody who reads of this content sees an example of it.
fn has_example(content: &'static Value) -> bool {
    let own = |value: &Value| value.get("example").or_else(|| value.get("examples")).is_some();
    let schema = resolved(&content["schema"]);
    let element = || schema.get("items").is_some_and(|items| own(resolved(items)));
    let one_of = || {
        let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        choices.and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| own(resolved(one))))
    };
    own(content) || own(schema) || element() || one_of()
}

fn operations() -> impl Iterator<Item = (String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, told)| (format!("{method} {path}"), told))
    })
}

#[test]
fn every_operation_says_what_it_is_takes_and_answers() {
    let mut lacking = Vec::new();
    let mut count = 0;
    for (name, told) in operations() {
        count += 1;
        let mut need = |has: bool, what: &str| {
            if !has {
                lacking.push(format!("{name}: {what}"));
            }
        };
        need(told["operationId"].is_string(), "no operationId");
        need(told["tags"][0].is_string(), "no tag");
        need(told["summary"].as_str().is_some_and(|text| !text.is_empty()), "no summary");
        need(told["x-required-permission"].is_string(), "no permission");
        for parameter in told["parameters"].as_array().into_iter().flatten() {
            let at = format!("parameter {}", parameter["name"]);
            need(parameter["description"].is_string(), &format!("{at}: no description"));
            need(parameter["schema"].is_object(), &format!("{at}: no schema"));
            let has = parameter.get("example").is_some() || parameter["schema"].get("example").is_some();
            need(has, &format!("{at}: no example"));
        }
        if let Some(body) = told.get("requestBody") {
            for (kind, content) in body["content"].as_object().unwrap() {
                need(has_example(content), &format!("body {kind}: no example"));
            }
        }
        for (status, response) in told["responses"].as_object().unwrap() {
            need(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                &format!("{status}: no description"),
            );
            let contents = response["content"].as_object();
            for (kind, content) in contents.into_iter().flatten() {
                need(has_example(content), &format!("{status} {kind}: no example"));
            }
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                need(schema == "#/components/schemas/SentinelError", &format!("{status}: no error schema"));
            }
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
    assert!(count > 40, "{count}");
}

#[test]
fn every_operation_tells_how_its_gate_and_its_body_refuse() {
    for (name, told) in operations() {
        let status = |status: &str| told["responses"].get(status).is_some();
        assert!(status("500") && status("503"), "{name}");
        let permission = told["x-required-permission"].as_str().unwrap();
        if permission == "public" {
            assert_eq!(told["security"], json!([]), "{name}");
        } else {
            assert!(status("401") && status("429"), "{name}");
            let may_lack = permission != "authenticated" || !name.starts_with("get");
            assert!(status("403") || !may_lack, "{name}");
            assert_eq!(told["security"], json!([{ "bearer": [] }, { "session": [] }]), "{name}");
        }
        if told.get("requestBody").is_some() {
            assert!(status("400") && status("413"), "{name}");
            assert!(status("415") || permission == "public", "{name}");
        }
        let takes_id = name.contains('{');
        assert!(!takes_id || status("400") || status("404") || status("503"), "{name}");
    }
}

/// Every tag is told of, and every schema is used.
#[test]
fn nothing_in_the_document_is_left_over() {
    let tags: Vec<&str> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (name, told) in operations() {
        for tag in told["tags"].as_array().unwrap() {
            assert!(tags.contains(&tag.as_str().unwrap()), "{name}: the tag {tag} is not told of");
        }
    }
    let text = DOCUMENT.to_string();
    for schema in DOCUMENT["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{schema}\"")), "{schema} is used nowhere");
    }
}

#[tokio::test]
async fn the_document_can_be_switched_off() {
    let world = World::without_docs().await;
    for path in ["/openapi.json", "/docs", "/docs/", "/docs/swagger-ui.css"] {
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
