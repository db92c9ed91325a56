//! What the next scan would do.

use std::collections::BTreeSet;

use axum::extract::State;
use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_updater::scan::{Forecast, Prospect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::containers::views;
use super::envelope::{ErrorBody, Failure};
use super::explain::{Reason, Target};
use super::name::no_such_container;
use super::reply::Reply;

/// Which containers to look at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = PreviewRequest, example = json!({ "containers": ["proxy", "cache"] }))]
pub struct Asked {
    /// Their names; all where there is none.
    containers: Vec<String>,
}

/// What would become of one container.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PreviewItem, example = json!({
    "name": "proxy", "current": "caddy:2.8.4", "pull_only": false,
    "target": { "reference": "caddy:2.8.5", "digest": "sha256:7be2", "version": "2.8.5", "already_pulled": false },
    "reasons": [], "next_at": null, "sentence": "proxy runs caddy:2.8.4; 2.8.5 exists, it is installed now."
}))]
pub struct Item {
    /// The container.
    name: String,
    /// The reference it runs by.
    current: String,
    /// What would be installed; `null` where there is nothing newer, or nobody knows.
    #[schema(required)]
    target: Option<Target>,
    /// Whether only the image would be pulled.
    pull_only: bool,
    /// All reasons, weightiest first.
    reasons: Vec<Reason>,
    /// When it would go on by itself.
    #[schema(required)]
    next_at: Option<Timestamp>,
    /// The same for people.
    sentence: String,
}

/// What the next scan would do, each container in one of the lists, by name.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Preview, example = json!({
    "apply": [{
        "name": "proxy", "current": "caddy:2.8.4", "pull_only": false,
        "target": { "reference": "caddy:2.8.5", "digest": "sha256:7be2", "version": "2.8.5", "already_pulled": false },
        "reasons": [], "next_at": null, "sentence": "proxy runs caddy:2.8.4; 2.8.5 exists, it is installed now."
    }],
    "hold": [], "refuse": [], "unchanged": [], "unknown": []
}))]
pub struct Preview {
    /// An update that would be installed at once: by policy, or because a person approved it.
    apply: Vec<Item>,
    /// An update that would wait, for a person or for a time.
    hold: Vec<Item>,
    /// An update that would neither be installed nor offered: it failed before, or was rejected or ignored,
    /// or the container cannot be replaced, or the dry run is on.
    refuse: Vec<Item>,
    /// Nothing newer exists within the rules, or the container is not looked after.
    unchanged: Vec<Item>,
    /// The registry could not be asked.
    unknown: Vec<Item>,
}

impl Preview {
    fn add(&mut self, forecast: Forecast) {
        let list = match forecast.prospect {
            Prospect::Apply => &mut self.apply,
            Prospect::Hold => &mut self.hold,
            Prospect::Refuse => &mut self.refuse,
            Prospect::Unchanged => &mut self.unchanged,
            Prospect::Unknown => &mut self.unknown,
        };
        list.push(Item {
            name: forecast.explanation.workload.name.to_string(),
            current: forecast.explanation.reference,
            target: forecast.target.map(Target::from),
            pull_only: forecast.pull_only,
            reasons: forecast.reasons.into_iter().map(Reason::from).collect(),
            next_at: forecast.next_at,
            sentence: forecast.explanation.sentence,
        });
    }
}

/// Tells what a scan of all containers would do now, and why; the registries are asked, nothing is changed,
/// queued or recorded.
#[utoipa::path(
    post, path = "/api/preview", tag = "Container Actions",
    request_body(content = Option<Asked>, description = "Optional: only these containers"),
    responses((status = 200, description = "What would be done", body = Preview),
              (status = 400, description = "No JSON, or no name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "Engine or store cannot be asked", body = ErrorBody))
)]
pub async fn preview_scan(State(sentinel): State<Sentinel>, body: Body) -> Result<Reply<Preview>, Failure> {
    let asked: Asked = body.optional("invalid JSON body")?;
    let names: Result<BTreeSet<ContainerName>, Failure> = asked
        .containers
        .iter()
        .map(|name| name.parse().map_err(|_| Failure::bad_request("invalid container name")))
        .collect();
    let names = names?;
    if !names.is_empty() {
        let known: BTreeSet<ContainerName> =
            views(&sentinel).await?.iter().map(|view| view.name.clone()).collect();
        if let Some(missing) = names.difference(&known).next() {
            return Err(no_such_container(missing.as_str()));
        }
    }
    let forecasts = sentinel.app.preview(names).await;
    let forecasts = forecasts.map_err(|error| Failure::inside(&error, "failed to preview the scan"))?;
    let mut preview = Preview::default();
    for forecast in forecasts {
        preview.add(forecast);
    }
    Ok(Reply(preview))
}
