//! An engine that answers what a server asks of it while nothing is updated: lists, inspects, silence on the
//! stream of events.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use lodeman_tests::image::{architecture, digest_of};
use serde_json::{Value, json};
use tokio::net::UnixListener;

use super::Registry;

/// The containers of an engine, as its answers by path.
pub struct Fleet(HashMap<String, Bytes>);

impl Fleet {
    /// This many containers, of the registry's images.
    pub fn new(registry: &Registry, containers: usize) -> Self {
        let mut answers = HashMap::new();
        let (mut rows, mut images) = (Vec::new(), HashMap::new());
        for number in 0..containers {
            let (reference, digest, built) = registry.of_container(number);
            let id = digest_of(format!("container {number}").as_bytes())["sha256:".len()..].to_owned();
            let name = format!("app-{number:04}");
            let image = built.config.digest.clone();
            let labels = labels(number);
            rows.push(json!({ "Id": id, "Names": [format!("/{name}")], "Image": reference, "ImageID": image,
                "Labels": labels, "State": "running", "Status": "Up 2 days" }));
            put(
                &mut answers,
                &format!("/containers/{id}/json"),
                &inspect(number, &id, &name, &reference, &image),
            );
            images.entry(image.clone()).or_insert_with(|| {
                json!({ "Id": image, "RepoTags": [reference], "RepoDigests": [digest], "Size": 7_000_000,
                    "Os": "linux", "Architecture": architecture(),
                    "Config": { "Env": ["PATH=/bin", "VERSION=1"], "Cmd": ["/serve"], "Labels": {} } })
            });
        }
        put(&mut answers, "/containers/json", &Value::Array(rows));
        put(&mut answers, "/images/json", &images.values().cloned().collect());
        for (id, image) in &images {
            put(&mut answers, &format!("/images/{id}/json"), image);
        }
        put(&mut answers, "/_ping", &json!("OK"));
        put(
            &mut answers,
            "/version",
            &json!({ "Version": "27.0.0", "ApiVersion": "1.46", "MinAPIVersion": "1.24", "Os": "linux", "Arch": architecture() }),
        );
        put(
            &mut answers,
            "/info",
            &json!({ "ID": "bench", "Name": "bench", "Driver": "overlay2", "DriverStatus": [], "OSType": "linux",
                "Architecture": std::env::consts::ARCH, "LiveRestoreEnabled": false, "Containers": containers }),
        );
        Self(answers)
    }
}

fn put(answers: &mut HashMap<String, Bytes>, path: &str, answer: &Value) {
    answers.insert(path.to_owned(), Bytes::from(answer.to_string()));
}

fn labels(number: usize) -> Value {
    json!({ "com.docker.compose.project": format!("stack-{}", number / 5),
        "com.docker.compose.service": format!("app-{number}"), "com.docker.compose.container-number": "1",
        "com.docker.compose.config-hash": digest_of(&number.to_be_bytes()), "maintainer": "somebody",
        "traefik.http.routers.app.rule": format!("Host(`app-{number}.example`)"), "lodeman.policy": "manual" })
}

/// An inspect as long as real ones are.
fn inspect(number: usize, id: &str, name: &str, reference: &str, image: &str) -> Value {
    let env: Vec<String> = (0..12).map(|n| format!("SETTING_{n}=value of setting {n} of {name}")).collect();
    json!({
        "Id": id, "Created": "2026-01-01T00:00:00.000000000Z", "Path": "/serve", "Args": ["--listen", ":80"],
        "Name": format!("/{name}"), "Image": image, "RestartCount": 0, "Driver": "overlay2", "Platform": "linux",
        "ResolvConfPath": format!("/var/lib/docker/containers/{id}/resolv.conf"),
        "LogPath": format!("/var/lib/docker/containers/{id}/{id}-json.log"),
        "State": { "Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": false,
            "Dead": false, "Pid": 4000 + number, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-01-01T00:00:01.000000000Z", "FinishedAt": "0001-01-01T00:00:00Z" },
        "HostConfig": { "Binds": [format!("/srv/{name}:/data:rw")], "NetworkMode": "front",
            "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": (20_000 + number).to_string() }] },
            "RestartPolicy": { "Name": "unless-stopped", "MaximumRetryCount": 0 }, "AutoRemove": false,
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m" } }, "CapAdd": null, "CapDrop": null,
            "CgroupnsMode": "private", "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": null,
            "IpcMode": "private", "PidMode": "", "Privileged": false, "ReadonlyRootfs": false, "SecurityOpt": null,
            "ShmSize": 67_108_864, "Runtime": "runc", "Memory": 268_435_456, "NanoCpus": 0, "PidsLimit": null,
            "Ulimits": null, "MaskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"] },
        "Mounts": [{ "Type": "bind", "Source": format!("/srv/{name}"), "Destination": "/data", "Mode": "rw",
            "RW": true, "Propagation": "rprivate" }],
        "Config": { "Hostname": &id[..12], "User": "", "ExposedPorts": { "80/tcp": {} }, "Tty": false, "Env": env,
            "Cmd": ["/serve"], "Image": reference, "WorkingDir": "", "Entrypoint": null, "Labels": labels(number) },
        "NetworkSettings": { "SandboxID": id, "Ports": { "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": (20_000 + number).to_string() }] },
            "Networks": { "front": { "Aliases": [name, &id[..12]], "NetworkID": digest_of(b"front"), "EndpointID": id,
                "Gateway": "10.1.0.1", "IPAddress": format!("10.1.{}.{}", number / 250, 2 + number % 250),
                "IPPrefixLen": 16, "MacAddress": "02:42:0a:01:00:02", "IPAMConfig": null, "Links": null } } },
    })
}

/// Has the engine answer at `socket`.
pub fn listen(socket: &Path, fleet: Fleet) -> Result<()> {
    let listener =
        UnixListener::bind(socket).with_context(|| format!("listening at {}", socket.display()))?;
    let router = Router::new().fallback(answer).with_state(Arc::new(fleet));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn answer(State(fleet): State<Arc<Fleet>>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let versioned = path.strip_prefix("/v").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let path = versioned.unwrap_or(path).replace("%3A", ":");
    let mut response = Response::new(Body::empty());
    if path == "/events" {
        // Nothing ever happens.
        let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        *response.body_mut() = Body::from_stream(never);
    } else if let Some(bytes) = fleet.0.get(&path) {
        *response.body_mut() = Body::from(bytes.clone());
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        *response.body_mut() = Body::from(r#"{"message":"there is no such thing"}"#);
    }
    let headers = response.headers_mut();
    headers.insert("api-version", HeaderValue::from_static("1.46"));
    headers.insert("ostype", HeaderValue::from_static("linux"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    response
}
