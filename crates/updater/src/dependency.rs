//! What the containers of a host need each other for.

use lodeman_domain::depend::Member;
use lodeman_engine::ContainerInspect;
use lodeman_inventory::HostSnapshot;
use serde_json::Value;

/// The containers of a host, as far as their dependencies go.
#[must_use]
pub fn members(snapshot: &HostSnapshot) -> Vec<Member> {
    snapshot.visible().map(|entry| member(&entry.inspect)).collect()
}

fn member(container: &ContainerInspect) -> Member {
    let host = container.section("HostConfig");
    let text = |key: &str| host.get(key).and_then(Value::as_str).unwrap_or_default();
    let list = |key: &str| {
        let items = host.get(key).and_then(Value::as_array).into_iter().flatten();
        // `name:ro`, `/name:/other/alias`
        items.filter_map(Value::as_str).filter_map(|item| item.split(':').next()).map(str::to_owned)
    };
    let lent = ["NetworkMode", "IpcMode", "PidMode"].map(text);
    Member {
        name: container.name().clone(),
        id: container.id().to_string(),
        labels: container.labels(),
        namespaces: lent
            .iter()
            .filter_map(|mode| mode.strip_prefix("container:"))
            .map(str::to_owned)
            .collect(),
        soft: list("VolumesFrom").chain(list("Links")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_engine_tells_becomes_a_member() {
        let inspect = ContainerInspect::from_json(json!({
            "Id": "ab".repeat(32),
            "Name": "/web",
            "State": {},
            "NetworkSettings": {},
            "Config": { "Labels": { "sentinel.depends-on": "db" } },
            "HostConfig": {
                "NetworkMode": "container:vpn", "IpcMode": "private", "PidMode": "container:cd",
                "VolumesFrom": ["data:ro", "more"], "Links": ["/cache:/web/cache"]
            }
        }))
        .unwrap();
        let member = member(&inspect);
        assert_eq!(member.name.as_str(), "web");
        assert_eq!(member.namespaces, ["vpn", "cd"]);
        assert_eq!(member.soft, ["data", "more", "/cache"]);
        assert_eq!(member.labels["sentinel.depends-on"], "db");
    }
}
