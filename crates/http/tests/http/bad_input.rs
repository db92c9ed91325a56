//! What is not understood is refused by name, and nothing is asked of anybody.

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use lodeman_http::socket_path;
use tokio::net::UnixStream;

use crate::sample::{Server, answers, server};

async fn send(server: &Server, request: Request<Body>) -> (u16, String) {
    let stream = UnixStream::connect(socket_path(server.directory.path())).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response: Response<_> = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    let json = "application/json";
    let request = Request::builder().method(method).uri(path).header("host", "lodeman");
    request.header("content-type", json).body(body.into()).unwrap()
}

#[tokio::test]
async fn a_malformed_body_is_refused_with_the_name_of_its_field() {
    let server = server(answers()).await;
    for (route, body, says) in [
        ("update", r#"{"name":"a/b","by":"ann"}"#, "name: a container name is 2 to 255 characters"),
        ("update", r#"{"by":"ann"}"#, "missing field `name`"),
        ("update", r#"{"name":"web","by":"ann","force":true}"#, "unknown field `force`"),
        ("update", r#"{"name":7,"by":"ann"}"#, "name: invalid type"),
        ("run", r#"{"names":["web","-x"],"by":"ann"}"#, "names[1]: a container name"),
        ("approve", r#"{"name":"web","which":{"revision":-1},"by":"ann"}"#, "which.revision: invalid value"),
        ("approve", r#"{"name":"web","which":{"digest":"sha256:0"},"by":"ann"}"#, "which.digest: "),
        ("check", r#"{"reference":"Nginx:1"}"#, "reference: "),
        ("history", r#"{"limit":0}"#, "limit: is 0; allowed is 1 to 1000"),
        ("history", r#"{"limit":4294967296}"#, "limit: invalid value"),
        ("administrators", r#"{"name":"a b","password_hash":"$argon2id$x"}"#, "name: allowed is"),
        ("administrators", r#"{"name":"ann","password_hash":"secret"}"#, "password_hash: allowed is"),
        ("explain", "{", "the body is no JSON"),
        ("explain", "", "the body is no JSON"),
        ("explain", "{}{}", "the body is no JSON"),
    ] {
        let (status, answer) =
            send(&server, request(Method::POST, &format!("/control/v1/{route}"), body)).await;
        assert_eq!(status, 400, "{route} {body}: {answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["kind"], "invalid", "{route} {body}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(says), "{route} {body}: {message}");
    }
    assert_eq!(server.control.asked(), [""; 0]);
}

#[tokio::test]
async fn a_body_without_its_type_or_of_too_many_bytes_is_refused() {
    let server = server(answers()).await;
    let untyped = Request::builder()
        .method(Method::POST)
        .uri("/control/v1/explain")
        .header("host", "lodeman")
        .body(Body::from("{}"))
        .unwrap();
    let (status, answer) = send(&server, untyped).await;
    assert_eq!(status, 415);
    assert!(answer.contains("allowed is `application/json`"), "{answer}");

    let large = format!(r#"{{"name":"{}","by":"ann"}}"#, "x".repeat(300 * 1024));
    let (status, answer) = send(&server, request(Method::POST, "/control/v1/update", large)).await;
    assert_eq!(status, 413);
    assert_eq!(answer, r#"{"kind":"invalid","message":"the body has more than 262144 bytes"}"#);
    assert_eq!(server.control.asked(), [""; 0]);
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_are_told_in_json() {
    let server = server(answers()).await;
    for path in ["/", "/control/v1/nothing", "/control/v2/queue", "/queue"] {
        let (status, answer) = send(&server, request(Method::GET, path, Body::empty())).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(answer, format!(r#"{{"kind":"not_found","message":"there is nothing at `{path}`"}}"#));
    }
    let (status, answer) = send(&server, request(Method::GET, "/control/v1/update", Body::empty())).await;
    assert_eq!(status, 405);
    assert!(answer.starts_with(r#"{"kind":"invalid""#), "{answer}");
}
