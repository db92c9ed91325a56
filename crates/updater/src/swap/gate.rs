//! Looking again right before something is changed: is the world still the one that was planned for?

mod space;

use lodeman_domain::update::Step;
use lodeman_engine::EngineError;

use super::names::{Role, parse_derived};
use super::perform::{Halt, Run};
use super::plan::{Planned, config_hash};

pub(super) use space::enough_space;

fn look_failed(run: &Run, step: Step, error: &EngineError) -> Halt {
    let _ = run;
    Halt::Failed { step, reason: format!("the engine could not be asked: {error}"), gone: false }
}

/// The old container is as planned: same id, same configuration, same run.
pub(crate) async fn still_as_planned(run: &Run, step: Step) -> Result<(), Halt> {
    let op = &run.journal.op;
    let changed = |what: &str| Halt::Failed { step, reason: format!("meanwhile {what}"), gone: false };
    let now = match run.deps.engine.inspect_container(&op.old_id).await {
        Ok(now) => now,
        Err(error) if error.is_not_found() => {
            return Err(Halt::Failed {
                step,
                reason: "the container was removed meanwhile".to_owned(),
                gone: true,
            });
        }
        Err(error) if run.engine_answers().await => return Err(look_failed(run, step, &error)),
        Err(_) => return Err(Halt::EngineLost { step }),
    };
    if *now.name() != op.canonical_name {
        return Err(changed("someone renamed the container"));
    }
    if config_hash(&now) != op.old_config_hash {
        return Err(changed("someone changed the container"));
    }
    let runs = now.is_up() || now.state() == Some(lodeman_domain::container::RunState::Restarting);
    if runs != op.old_running {
        return Err(changed(if runs { "someone started the container" } else { "the container stopped" }));
    }
    Ok(())
}

/// Nobody else prepares an update of this container, and Compose made no second one of it.
pub(crate) async fn nobody_else(run: &Run, planned: &Planned) -> Result<(), Halt> {
    let step = Step::CreateNew;
    let op = &run.journal.op;
    let list = match run.deps.engine.list_containers().await {
        Ok(list) => list,
        Err(error) if run.engine_answers().await => return Err(look_failed(run, step, &error)),
        Err(_) => return Err(Halt::EngineLost { step }),
    };
    for other in &list {
        let Some(name) = other.name() else { continue };
        let Some((canonical, role, op8)) = parse_derived(name) else { continue };
        if canonical != op.canonical_name.as_str() || op8 == op.id.op8() {
            continue;
        }
        let known = run.deps.store.find_operation_by_op8(&op.host, op8).await?;
        if known.is_none() && role == Role::New && *op8 < *op.id.op8() {
            let reason =
                format!("conflict.foreign_operation: `{name}` shows that another program updates it");
            return Err(Halt::Failed { step, reason, gone: false });
        }
    }
    let labels = planned.old.labels();
    let service = |l: &lodeman_domain::container::Labels| {
        let get = |k: &str| l.get(&format!("com.docker.compose.{k}")).cloned();
        Some((get("project")?, get("service")?, get("container-number")))
    };
    let Some(ours) = service(&labels) else { return Ok(()) };
    let second = list.iter().find(|c| {
        c.id != op.old_id
            && Some(&c.id) != op.new_id.as_ref()
            && service(&c.labels).as_ref() == Some(&ours)
            && !planned.names.iter().any(|(id, _)| *id == c.id)
    });
    match second.and_then(|c| c.name()) {
        Some(name) => Err(Halt::Failed {
            step,
            reason: format!("meanwhile Compose made `{name}` for the same service"),
            gone: false,
        }),
        None => Ok(()),
    }
}
