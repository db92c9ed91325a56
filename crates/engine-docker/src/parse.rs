//! Reading lists and the engine's own facts out of its JSON. Total: any JSON gives a value or a reason.

use jiff::Timestamp;
use lodeman_domain::container::{ContainerName, Labels, RunState};
use lodeman_domain::image::Platform;
use lodeman_engine::{ContainerSummary, EngineInfo, ImageStore, ImageSummary};
use serde_json::Value;

use crate::version::ApiVersion;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rows of a list. One that makes no sense is left out rather than hiding all the others: what
/// is absent from a list is not judged absent anyway.
pub(crate) fn rows<T>(list: Value, row: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, String> {
    let list = match list {
        Value::Array(list) => list,
        // An empty list of some compatible engines.
        Value::Null => return Ok(Vec::new()),
        _ => return Err("it is not a list".to_owned()),
    };
    let rows: Vec<T> = list.iter().filter_map(row).collect();
    let unread = list.len() - rows.len();
    if unread > 0 {
        tracing::warn!(rows.unread = unread, "the container engine listed rows that make no sense");
    }
    Ok(rows)
}

pub(crate) fn container_row(row: &Value) -> Option<ContainerSummary> {
    // A link appears as `/consumer/alias`; the name of its own has no further slash.
    let names: Vec<ContainerName> =
        strings(row, "Names").iter().filter_map(|name| name.parse().ok()).collect();
    let labels = row.get("Labels").and_then(Value::as_object);
    let labels: Labels = labels
        .map(|labels| labels.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
        .unwrap_or_default();
    Some(ContainerSummary {
        id: text(row, "Id").parse().ok()?,
        names,
        image: text(row, "Image").to_owned(),
        image_id: text(row, "ImageID").parse().ok(),
        labels,
        state: run_state(text(row, "State")),
    })
}

fn run_state(word: &str) -> RunState {
    word.parse().unwrap_or(match word {
        // Words of a compatible engine.
        "configured" | "initialized" => RunState::Created,
        "stopping" => RunState::Running,
        // A word of the future: nothing is done with a container in this state.
        _ => RunState::Dead,
    })
}

pub(crate) fn image_row(row: &Value) -> Option<ImageSummary> {
    // Old versions of the API write `<none>` where there is no name.
    let named = |key: &str| strings(row, key).into_iter().filter(|name| !name.contains("<none>")).collect();
    Some(ImageSummary {
        id: text(row, "Id").parse().ok()?,
        repo_tags: named("RepoTags"),
        repo_digests: named("RepoDigests"),
        size_bytes: row.get("Size").and_then(Value::as_u64).unwrap_or(0),
        created_at: row.get("Created").and_then(Value::as_i64).and_then(created_at),
    })
}

/// An image that does not say when it was made is told as made at the beginning of an era.
fn created_at(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

pub(crate) fn engine_info(info: &Value, version: &Value, spoken: ApiVersion) -> Result<EngineInfo, String> {
    let needed = |value: &Value, key: &str| match text(value, key) {
        "" => Err(format!("`{key}` is missing")),
        found => Ok(found.to_owned()),
    };
    let server_version = needed(version, "Version")?;
    Ok(EngineInfo {
        engine_id: needed(info, "ID")?,
        server_version,
        api_version: spoken.to_string(),
        storage_driver: text(info, "Driver").to_owned(),
        image_store: image_store(info),
        platform: platform(info, version)?,
        live_restore: info.get("LiveRestoreEnabled").and_then(Value::as_bool).unwrap_or(false),
        host_name: text(info, "Name").to_owned(),
    })
}

/// With the containerd store the driver's status names a snapshotter as its type; the classic store
/// tells about its file system there.
fn image_store(info: &Value) -> ImageStore {
    let pairs = info.get("DriverStatus").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_snapshotter = |pair: &Value| {
        pair.get(0).and_then(Value::as_str) == Some("driver-type")
            && pair
                .get(1)
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.starts_with("io.containerd.snapshotter."))
    };
    if pairs.iter().any(is_snapshotter) { ImageStore::Containerd } else { ImageStore::Classic }
}

/// The architecture comes from the version answer, in Go's names; only the machine's name for it, in
/// the info answer, tells the variant of 32-bit ARM.
fn platform(info: &Value, version: &Value) -> Result<Platform, String> {
    let machine = text(info, "Architecture");
    let architecture = match text(version, "Arch") {
        "" => match machine {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "i386" | "i686" => "386",
            "armv6l" | "armv7l" | "armv8l" => "arm",
            other => other,
        },
        named => named,
    };
    let os =
        [text(version, "Os"), text(info, "OSType")].into_iter().find(|os| !os.is_empty()).unwrap_or("linux");
    if architecture.is_empty() {
        return Err("`Arch` is missing".to_owned());
    }
    let variant = match (architecture, machine) {
        ("arm", "armv6l") => Some("v6"),
        ("arm", _) => Some("v7"),
        _ => None,
    };
    Ok(Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_name_is_not_the_containers_own() {
        let id = "0a".repeat(32);
        let row = serde_json::json!({"Id": id, "Names": ["/web/db", "/database"], "State": "paused"});
        let row = container_row(&row).unwrap();
        assert_eq!(row.name().unwrap().as_str(), "database");
        assert_eq!(row.state, RunState::Paused);
    }

    #[test]
    fn an_image_without_a_name_has_none() {
        let id = format!("sha256:{}", "0a".repeat(32));
        let row = serde_json::json!({
            "Id": id, "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>", "a@sha256:0"], "Size": 7,
            "Created": 1_736_950_000,
        });
        let row = image_row(&row).unwrap();
        assert_eq!(row.repo_tags, Vec::<String>::new());
        assert_eq!(row.repo_digests, ["a@sha256:0"]);
        assert_eq!(row.size_bytes, 7);
        assert_eq!(row.created_at, Timestamp::from_second(1_736_950_000).ok());
    }

    #[test]
    fn an_image_that_tells_no_time_has_none() {
        for seconds in [0, -62_135_596_800, i64::MAX, i64::MIN] {
            assert_eq!(created_at(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn an_architecture_is_named_as_images_name_it() {
        let of = |machine: &str| {
            platform(&serde_json::json!({"Architecture": machine}), &Value::Null).map(|p| p.to_string())
        };
        assert_eq!(of("x86_64").as_deref(), Ok("linux/amd64"));
        assert_eq!(of("aarch64").as_deref(), Ok("linux/arm64"));
        assert_eq!(of("armv7l").as_deref(), Ok("linux/arm/v7"));
        assert_eq!(of("riscv64").as_deref(), Ok("linux/riscv64"));
        assert!(of("").is_err());
    }

    fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let key = prop_oneof![
            Just("Id"),
            Just("Names"),
            Just("Labels"),
            Just("State"),
            Just("ImageID"),
            Just("RepoTags"),
            Just("Size"),
            Just("Created"),
            Just("ID"),
            Just("DriverStatus"),
            Just("Version"),
            Just("Arch"),
            Just("x")
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,70}|[0-9a-f]{64}|sha256:[0-9a-f]{64}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn any_json_gives_rows_or_a_reason(list in any_json()) {
            let _ = rows(list.clone(), container_row);
            let _ = rows(list.clone(), image_row);
            let told = engine_info(&list, &list, ApiVersion::OLDEST);
            proptest::prop_assert!(told.is_err() || list.is_object());
        }
    }
}
