//! The mutating engine calls of an operation: how each is issued, and how an inspect tells whether
//! it took effect. A call's own answer is never evidence.

use std::time::Duration;

use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use lodeman_engine::spec::{EndpointSpec, Plan};
use lodeman_engine::{ContainerEngine, ContainerInspect, EngineError, RestartPolicy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a started container must have stayed up before its start counts.
const STARTED_FOR: Duration = Duration::from_secs(1);

/// One mutating call with all its arguments, as the journal keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub(crate) enum Call {
    Tag {
        image: Digest,
        repository: String,
        tag: String,
    },
    Untag {
        name: String,
    },
    Create {
        name: ContainerName,
        plan_hash: String,
        /// The image id it must come out with.
        image: Digest,
        platform: Platform,
        /// Holds secrets, so it lives in the sealed spec only.
        #[serde(skip)]
        plan: Option<Box<Plan>>,
    },
    Connect {
        id: ContainerId,
        endpoint: EndpointSpec,
    },
    Pause {
        id: ContainerId,
    },
    Unpause {
        id: ContainerId,
    },
    Stop {
        id: ContainerId,
        grace_seconds: u64,
    },
    Kill {
        id: ContainerId,
    },
    Rename {
        id: ContainerId,
        name: ContainerName,
    },
    SetPolicy {
        id: ContainerId,
        policy: RestartPolicy,
    },
    Start {
        id: ContainerId,
        started_before: String,
    },
    Remove {
        id: ContainerId,
    },
}

/// What an inspect says about a call.
#[derive(Debug)]
pub(crate) enum Check {
    /// The post-condition holds, by these facts.
    Holds(Value),
    /// Not (yet).
    Open(Value),
    /// It does not hold and will not, for this reason.
    Never(String, Value),
}

/// The facts of a container that outcomes are judged by.
pub(crate) fn facts(c: &ContainerInspect) -> Value {
    json!({
        "id": c.id(),
        "name": c.name(),
        "state": c.state(),
        "pid": c.pid(),
        "started_at": c.started_at(),
        "exit_code": c.exit_code(),
        "error": c.state_error(),
        "restart_count": c.restart_count(),
        "restart_policy": c.restart_policy(),
        "image_id": c.image_id(),
        "health": c.health(),
    })
}

impl Call {
    /// How long the call, issued again and again, is given to show effect.
    pub(crate) fn settle_deadline(&self) -> Duration {
        let call = match self {
            Self::Stop { grace_seconds, .. } => grace_seconds + 30,
            Self::Create { .. } | Self::Start { .. } | Self::Remove { .. } => 60,
            _ => 15,
        };
        Duration::from_secs(call * 3)
    }

    /// Whether it changes a container, as against an image's names.
    pub(crate) fn is_on_a_container(&self) -> bool {
        !matches!(self, Self::Tag { .. } | Self::Untag { .. })
    }

    /// The engine's refusal with this status will not change.
    pub(crate) fn is_final_refusal(&self, status: u16) -> bool {
        match self {
            Self::Create { .. } | Self::Connect { .. } | Self::Start { .. } => true,
            Self::Tag { .. } => matches!(status, 400 | 404),
            Self::Untag { .. } | Self::Rename { .. } => status == 409,
            Self::SetPolicy { .. } => matches!(status, 400 | 409),
            Self::Pause { .. } | Self::Unpause { .. } | Self::Kill { .. } => matches!(status, 404 | 409),
            Self::Stop { .. } | Self::Remove { .. } => false,
        }
    }

    pub(crate) async fn issue(&self, engine: &dyn ContainerEngine) -> Result<(), EngineError> {
        match self {
            Self::Tag { image, repository, tag } => engine.tag_image(image, repository, tag).await,
            Self::Untag { name } => engine.remove_image(name).await,
            Self::Create { name, plan, platform, .. } => {
                let Some(plan) = plan else {
                    return Err(EngineError::Malformed {
                        action: "create a container",
                        message: "its plan is not at hand".to_owned(),
                    });
                };
                engine.create_container(name, &plan.spec, platform).await.map(|_| ())
            }
            Self::Connect { id, endpoint } => engine.connect_network(id, endpoint).await,
            Self::Pause { id } => engine.pause(id).await,
            Self::Unpause { id } => engine.unpause(id).await,
            Self::Stop { id, grace_seconds } => engine.stop(id, Duration::from_secs(*grace_seconds)).await,
            Self::Kill { id } => engine.kill(id).await,
            Self::Rename { id, name } => engine.rename(id, name).await,
            Self::SetPolicy { id, policy } => engine.set_restart_policy(id, policy).await,
            Self::Start { id, .. } => engine.start(id).await,
            Self::Remove { id } => engine.remove_container(id).await,
        }
    }

    /// Whether the call's post-condition holds, by inspect.
    pub(crate) async fn check(&self, engine: &dyn ContainerEngine) -> Result<Check, EngineError> {
        match self {
            Self::Tag { image, repository, tag } => {
                match engine.inspect_image(&format!("{repository}:{tag}")).await {
                    Ok(found) if found.id() == image => Ok(Check::Holds(json!({ "image_id": image }))),
                    Ok(found) => Ok(Check::Open(json!({ "image_id": found.id() }))),
                    Err(error) if error.is_not_found() => Ok(Check::Open(Value::Null)),
                    Err(error) => Err(error),
                }
            }
            Self::Untag { name } => match engine.inspect_image(name).await {
                Ok(found) => Ok(Check::Open(json!({ "image_id": found.id() }))),
                Err(error) if error.is_not_found() => Ok(Check::Holds(Value::Null)),
                Err(error) => Err(error),
            },
            Self::Create { name, image, .. } => match engine.find_container(name).await? {
                None => Ok(Check::Open(Value::Null)),
                Some(found) => Ok(check_created(&found, image)),
            },
            Self::Remove { id } => match engine.inspect_container(id).await {
                Ok(found) => Ok(Check::Open(facts(&found))),
                Err(error) if error.is_not_found() => Ok(Check::Holds(Value::Null)),
                Err(error) => Err(error),
            },
            Self::Start { id, started_before } => check_started(engine, id, started_before).await,
            Self::Connect { id, .. }
            | Self::Pause { id }
            | Self::Unpause { id }
            | Self::Stop { id, .. }
            | Self::Kill { id }
            | Self::Rename { id, .. }
            | Self::SetPolicy { id, .. } => match engine.inspect_container(id).await {
                Ok(found) => Ok(self.check_container(&found)),
                Err(error) if error.is_not_found() => {
                    Ok(Check::Never("the container is gone".to_owned(), Value::Null))
                }
                Err(error) => Err(error),
            },
        }
    }

    fn check_container(&self, c: &ContainerInspect) -> Check {
        let state = c.state();
        let holds = match self {
            Self::Connect { endpoint, .. } => c.networks().contains(&endpoint.network),
            Self::Pause { .. } => state == Some(RunState::Paused),
            Self::Unpause { .. } => state.is_some_and(|s| s != RunState::Paused),
            Self::Stop { .. } | Self::Kill { .. } => {
                c.pid() == 0 && matches!(state, Some(RunState::Exited | RunState::Created | RunState::Dead))
            }
            Self::Rename { name, .. } => c.name() == name,
            Self::SetPolicy { policy, .. } => {
                let now = c.restart_policy();
                now == *policy || (now.is_no() && policy.is_no())
            }
            _ => false,
        };
        if holds { Check::Holds(facts(c)) } else { Check::Open(facts(c)) }
    }
}

fn check_created(found: &ContainerInspect, image: &Digest) -> Check {
    if found.was_ever_started() {
        return Check::Never("a container of that name was started already".to_owned(), facts(found));
    }
    match found.image_id() {
        Some(id) if id == *image => Check::Holds(facts(found)),
        other => {
            let made = other.map_or_else(|| "an unknown image".to_owned(), |id| id.to_string());
            Check::Never(format!("it was made from {made}, not from {image}"), facts(found))
        }
    }
}

async fn check_started(
    engine: &dyn ContainerEngine,
    id: &ContainerId,
    started_before: &str,
) -> Result<Check, EngineError> {
    let first = match engine.inspect_container(id).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => {
            return Ok(Check::Never("the container is gone".to_owned(), Value::Null));
        }
        Err(error) => return Err(error),
    };
    if first.started_at() == started_before {
        return Ok(Check::Open(facts(&first)));
    }
    if !first.is_up() {
        return Ok(Check::Never(ended(&first), facts(&first)));
    }
    tokio::time::sleep(STARTED_FOR).await;
    let second = match engine.inspect_container(id).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => {
            return Ok(Check::Never("the container is gone".to_owned(), Value::Null));
        }
        Err(error) => return Err(error),
    };
    if second.is_up() && second.started_at() == first.started_at() {
        Ok(Check::Holds(facts(&second)))
    } else {
        Ok(Check::Never(ended(&second), facts(&second)))
    }
}

/// How a container ended, for people.
pub(crate) fn ended(c: &ContainerInspect) -> String {
    let mut text = if c.oom_killed() {
        "it ran out of memory".to_owned()
    } else if c.state() == Some(RunState::Restarting) || c.restart_count() > 0 {
        format!("it keeps ending, last with exit code {}", c.exit_code())
    } else {
        format!("it ended with exit code {}", c.exit_code())
    };
    if !c.state_error().is_empty() {
        text.push_str(": ");
        text.push_str(c.state_error());
    }
    text
}
