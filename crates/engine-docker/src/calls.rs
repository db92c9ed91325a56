//! The calls that are answered in one piece.

use std::time::Duration;

use http::Method;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{
    ContainerInspect, ContainerSummary, EngineError, EngineInfo, ImageInspect, ImageSummary, RestartPolicy,
};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::engine::DockerEngine;
use crate::transport::Call;
use crate::version::ApiVersion;
use crate::{parse, path};

const ABOUT_ITSELF: &str = "tell about itself";

fn container_path(id: &ContainerId, verb: &str) -> String {
    format!("/containers/{id}/{verb}")
}

/// The path of `image`, or the refusal the engine would give.
fn image_path(action: &'static str, image: &str) -> Result<String, EngineError> {
    path::image(image).map(|image| format!("/images/{image}")).ok_or_else(|| EngineError::Refused {
        action,
        status: 400,
        message: "it is not an image's name".to_owned(),
    })
}

impl DockerEngine {
    pub(crate) async fn get(
        &self,
        action: &'static str,
        path: String,
        deadline: Duration,
    ) -> Result<Answer, EngineError> {
        self.transport.call(Call { action, method: Method::GET, path, body: None, deadline }).await
    }

    pub(crate) async fn post(
        &self,
        action: &'static str,
        path: String,
        body: Option<Value>,
        deadline: Duration,
    ) -> Result<Answer, EngineError> {
        self.transport.call(Call { action, method: Method::POST, path, body, deadline }).await?.agreed()
    }

    async fn delete(&self, action: &'static str, path: String) -> Result<(), EngineError> {
        let deadline = self.transport.deadlines.slow;
        let call = Call { action, method: Method::DELETE, path, body: None, deadline };
        self.transport.call(call).await?.agreed_or_absent()
    }

    pub(crate) async fn get_raw_info(&self) -> Result<Value, EngineError> {
        let deadline = self.transport.deadlines.quick;
        self.get(ABOUT_ITSELF, "/info".to_owned(), deadline).await?.agreed()?.json()
    }

    pub(crate) async fn get_info(&self) -> Result<EngineInfo, EngineError> {
        let action = ABOUT_ITSELF;
        let deadline = self.transport.deadlines.quick;
        let info = self.get_raw_info().await?;
        let version = self.get(action, "/version".to_owned(), deadline).await?.agreed()?.json()?;
        let spoken = self.transport.version().await?;
        parse::engine_info(&info, &version, spoken)
            .map_err(|message| EngineError::Malformed { action, message })
    }

    pub(crate) async fn get_containers(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        let answer =
            self.get("list containers", "/containers/json?all=1".to_owned(), self.transport.deadlines.list);
        let answer = answer.await?.agreed()?;
        let action = answer.action;
        parse::rows(answer.json()?, parse::container_row)
            .map_err(|message| EngineError::Malformed { action, message })
    }

    pub(crate) async fn get_images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        let answer = self.get("list images", "/images/json".to_owned(), self.transport.deadlines.list);
        let answer = answer.await?.agreed()?;
        let action = answer.action;
        parse::rows(answer.json()?, parse::image_row)
            .map_err(|message| EngineError::Malformed { action, message })
    }

    async fn inspect(&self, id_or_name: &str) -> Result<ContainerInspect, EngineError> {
        let path = format!("/containers/{}/json", path::encode(id_or_name));
        let answer = self.get("inspect a container", path, self.transport.deadlines.quick).await?;
        ContainerInspect::from_json(answer.found(id_or_name)?.json()?)
    }

    pub(crate) async fn get_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        let inspect = self.inspect(id.as_str()).await?;
        if inspect.id() == id {
            return Ok(inspect);
        }
        // The engine took the id for a name or for the beginning of another id.
        Err(EngineError::no_container(id))
    }

    pub(crate) async fn find_by_name(
        &self,
        name: &ContainerName,
    ) -> Result<Option<ContainerInspect>, EngineError> {
        match self.inspect(name.as_str()).await {
            Ok(inspect) if inspect.name() == name => return Ok(Some(inspect)),
            // The name reads like another container's id, which the engine prefers.
            Ok(_) => {}
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
        let listed = self.get_containers().await?;
        let Some(row) = listed.iter().find(|row| row.name() == Some(name)) else { return Ok(None) };
        match self.get_container(&row.id).await {
            Ok(inspect) => Ok((inspect.name() == name).then_some(inspect)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn get_image(&self, image: &str) -> Result<ImageInspect, EngineError> {
        let action = "inspect an image";
        let path = format!("{}/json", image_path(action, image)?);
        let answer = self.get(action, path.clone(), self.transport.deadlines.quick).await?;
        let mut found = answer.found(image)?.json()?;
        if let Some(origin) = self.origin(action, path, &found["Id"]).await {
            found["Identity"] = origin;
        }
        ImageInspect::from_json(found)
    }

    /// Where the image of this id came from, which only versions newer than the spoken one tell. Whatever
    /// keeps the engine from telling: it is not told.
    async fn origin(&self, action: &'static str, path: String, id: &Value) -> Option<Value> {
        let deadline = self.transport.deadlines.quick;
        let call = Call { action, method: Method::GET, path, body: None, deadline };
        let answer = self.transport.call_newer(ApiVersion::WITH_ORIGIN, call).await.ok()??;
        let told = answer.agreed().ok()?.json().ok()?;
        // Only the containerd store keeps it, where every image has a descriptor; an image that was
        // neither pulled nor pushed has nothing of it at all.
        let keeps_it = told.get("Descriptor").is_some() && told.get("Id") == Some(id);
        keeps_it.then(|| told.get("Identity").cloned().unwrap_or_else(|| json!({})))
    }

    pub(crate) async fn post_tag(
        &self,
        image: &Digest,
        repository: &str,
        tag: &str,
    ) -> Result<(), EngineError> {
        let action = "tag an image";
        let query = path::query(&[("repo", repository), ("tag", tag)]);
        let path = format!("{}/tag{query}", image_path(action, image.as_str())?);
        self.post(action, path, None, self.transport.deadlines.quick).await.map(drop)
    }

    pub(crate) async fn delete_image(&self, name_or_id: &str) -> Result<(), EngineError> {
        let action = "remove an image";
        self.delete(action, format!("{}?force=0&noprune=1", image_path(action, name_or_id)?)).await
    }

    pub(crate) async fn post_create(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        let platform = platform.to_string();
        let query = path::query(&[("name", name.as_str()), ("platform", &platform)]);
        let body = Value::Object(spec.0.clone());
        let path = format!("/containers/create{query}");
        let answer = self.post("create a container", path, Some(body), self.transport.deadlines.slow).await?;
        let action = answer.action;
        let created = answer.json()?;
        let id = created.get("Id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        id.ok_or_else(|| EngineError::Malformed { action, message: "`Id` is not a full id".to_owned() })
    }

    pub(crate) async fn post_connect(
        &self,
        id: &ContainerId,
        endpoint: &EndpointSpec,
    ) -> Result<(), EngineError> {
        let action = "connect a network";
        let deadline = self.transport.deadlines.quick;
        let path = format!("/networks/{}", path::encode(&endpoint.network));
        // For a container that does not run, Engine 20.10 agrees to a network that does not exist and
        // fails at the start.
        self.get(action, path.clone(), deadline).await?.agreed()?;
        let body = json!({ "Container": id, "EndpointConfig": endpoint.config });
        self.post(action, format!("{path}/connect"), Some(body), deadline).await.map(drop)
    }

    /// A verb on a container that takes no argument.
    pub(crate) async fn act(
        &self,
        action: &'static str,
        id: &ContainerId,
        verb: &str,
        deadline: Duration,
    ) -> Result<(), EngineError> {
        self.post(action, container_path(id, verb), None, deadline).await.map(drop)
    }

    pub(crate) async fn post_stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        // The engine counts in whole seconds, and 0 would kill at once.
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let path = format!("{}?t={seconds}", container_path(id, "stop"));
        let deadline = Duration::from_secs(seconds).saturating_add(self.transport.deadlines.stop_margin);
        self.post("stop a container", path, None, deadline).await.map(drop)
    }

    pub(crate) async fn post_rename(
        &self,
        id: &ContainerId,
        name: &ContainerName,
    ) -> Result<(), EngineError> {
        let path = format!("{}{}", container_path(id, "rename"), path::query(&[("name", name.as_str())]));
        self.post("rename a container", path, None, self.transport.deadlines.quick).await.map(drop)
    }

    pub(crate) async fn post_restart_policy(
        &self,
        id: &ContainerId,
        policy: &RestartPolicy,
    ) -> Result<(), EngineError> {
        let name = if policy.name.is_empty() { "no" } else { &policy.name };
        let policy = json!({ "Name": name, "MaximumRetryCount": policy.maximum_retry_count });
        let body = json!({ "RestartPolicy": policy });
        let action = "set a restart policy";
        self.post(action, container_path(id, "update"), Some(body), self.transport.deadlines.quick)
            .await
            .map(drop)
    }

    pub(crate) async fn delete_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.delete("remove a container", format!("/containers/{id}?v=0&force=0")).await
    }
}
