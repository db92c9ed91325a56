//! What every engine behind the port does: the suite that keeps the fake honest.
//!
//! The facts are those of the crash-safety contract, section 1 (the D-list), as far as an update relies
//! on them. [`all`] lists the checks; [`run`] plays them in a [`World`]: an engine, and the few things
//! around one that a test needs. A check that wants more of its world than it offers (a restart of the
//! engine) passes without having looked, and says so in its [`Outcome`].

mod exec;
mod image;
mod lifecycle;
mod network;
mod place;
mod recreate;
mod restart;
mod sample;
mod volume;

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use lodeman_domain::image::Platform;
use serde_json::Value;

pub use sample::SampleImage;

use crate::fake::Shutdown;
use crate::spec::CreateSpec;
use crate::{ContainerEngine, ContainerInspect, EngineError};

/// An engine and what surrounds it.
#[async_trait]
pub trait World: Send + Sync {
    /// The engine under test.
    fn engine(&self) -> &dyn ContainerEngine;

    /// Has the engine hold this image locally, under the reference that is given back. Repeating it
    /// changes nothing. Containers made from it find a static `busybox` at `/bin/busybox`.
    async fn provide(&self, image: &SampleImage) -> String;

    /// Puts this image behind a tag of a registry the engine can pull from, moving the tag, and gives
    /// the reference; `None` when there is no registry.
    async fn publish(&self, tag: &str, image: &SampleImage) -> Option<String> {
        let _ = (tag, image);
        None
    }

    /// Makes a user network whose addresses begin with the three bytes. Repeating it changes nothing.
    async fn network(&self, name: &str, prefix: [u8; 3]);

    /// Writes a file into a container, running or not, through its mounts.
    async fn write_file(&self, id: &ContainerId, path: &str, content: &str);

    /// Reads a file of a container; `None` when there is none.
    async fn read_file(&self, id: &ContainerId, path: &str) -> Option<String>;

    /// Names of all volumes.
    async fn volumes(&self) -> Vec<String>;

    /// A host port nobody listens on.
    async fn free_port(&self) -> u16;

    /// Whether containers can be dialled from where the checks run.
    fn reaches_containers(&self) -> bool {
        true
    }

    /// Takes the engine down, brings it back and waits until it answers; `false` when it cannot.
    async fn restart(&self, how: Shutdown) -> bool {
        let _ = how;
        false
    }
}

/// One check: a name that says what holds, and the code that looks.
pub type Check = for<'a> fn(&'a Scene) -> BoxFuture<'a, ()>;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Held,
    /// The world lacks what it takes to look.
    Skipped,
    /// It does not hold, with the message of the assertion.
    Failed(String),
}

macro_rules! checks {
    ($($module:ident: $($name:ident),+;)+) => {
        vec![$($((stringify!($name), (|scene| Box::pin($module::$name(scene))) as Check)),+),+]
    };
}

/// All checks, by name.
#[must_use]
pub fn all() -> Vec<(&'static str, Check)> {
    checks! {
        lifecycle:
            a_repeated_start_or_stop_succeeds,
            a_name_belongs_to_one_container,
            what_is_not_there_is_reported_as_such,
            a_container_is_found_by_its_name_and_never_by_a_short_id,
            long_names_are_accepted,
            a_paused_container_can_be_stopped,
            a_killed_container_stays_down,
            an_abandoned_stop_still_happens_and_a_start_does_not_undo_it,
            a_failed_start_leaves_its_reason,
            logs_end_with_the_last_lines,
            a_log_is_followed_from_its_tail_until_the_end,
            a_terminals_log_is_told_like_any_other,
            the_list_follows_names_and_states,
            events_tell_what_happened_to_which_container;
        exec:
            a_command_tells_its_exit_code_and_both_streams,
            a_program_that_is_not_there_ends_with_its_own_code,
            a_command_beyond_its_time_is_killed_with_what_it_began,
            a_container_that_does_not_run_takes_no_command;
        restart:
            a_crash_loop_is_restarted_and_can_be_stopped,
            retries_on_failure_are_bounded,
            a_policy_can_be_changed_in_every_state,
            a_container_that_removes_itself_keeps_its_policy,
            health_becomes_known,
            a_clean_restart_of_the_engine_starts_what_its_policy_says,
            a_killed_engine_leaves_unless_stopped_containers_down;
        network:
            a_taken_host_port_shows_at_the_start_only,
            a_taken_address_shows_at_the_start_only,
            networks_connected_before_the_start_keep_their_settings,
            a_network_is_connected_once_and_must_exist,
            the_default_network_takes_no_aliases,
            a_shared_namespace_needs_its_provider_running;
        volume:
            removing_a_container_keeps_its_volumes,
            a_referenced_volume_outlives_a_container_that_removes_itself,
            a_read_only_volume_is_reported_as_such;
        place:
            free_space_is_told_by_the_engines_own_disk_or_not_at_all,
            a_port_takes_connections_only_while_something_listens_on_it;
        image:
            an_image_in_use_is_not_removed,
            a_pin_is_one_more_name,
            a_listed_image_tells_its_names_its_size_and_its_age,
            a_container_inherits_what_its_image_declares,
            a_pull_moves_the_tag_and_keeps_the_old_image,
            an_image_tells_whether_it_was_pulled_or_nothing_of_it;
        recreate:
            a_replacement_differs_by_its_image_only,
            a_container_made_again_from_its_own_image_is_the_same,
            a_swapped_container_keeps_its_data;
    }
}

/// Plays every check whose name contains `filter`, one after the other.
pub async fn run(world: Arc<dyn World>, filter: &str) -> Vec<(&'static str, Outcome)> {
    let mut outcomes = Vec::new();
    for (name, check) in all().into_iter().filter(|(name, _)| name.contains(filter)) {
        outcomes.push((name, run_one(Arc::clone(&world), check).await));
    }
    outcomes
}

/// Plays one check and removes what it made.
pub async fn run_one(world: Arc<dyn World>, check: Check) -> Outcome {
    let scene = Scene { world, made: Mutex::default(), skipped: AtomicBool::new(false) };
    let result = AssertUnwindSafe(check(&scene)).catch_unwind().await;
    scene.sweep().await;
    match result {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
            Outcome::Failed(text.unwrap_or_default())
        }
        Ok(()) if scene.skipped.load(Ordering::Relaxed) => Outcome::Skipped,
        Ok(()) => Outcome::Held,
    }
}

/// What one check has in hand.
pub struct Scene {
    world: Arc<dyn World>,
    made: Mutex<Vec<ContainerId>>,
    skipped: AtomicBool,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").field("made", &self.made).finish_non_exhaustive()
    }
}

/// As long as a check waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than enough for a process that obeys its stop signal.
const GRACE: Duration = Duration::from_secs(5);

impl Scene {
    fn engine(&self) -> &dyn ContainerEngine {
        self.world.engine()
    }

    /// The world lacks what it takes.
    fn skip(&self) {
        self.skipped.store(true, Ordering::Relaxed);
    }

    async fn platform(&self) -> Platform {
        self.engine().info().await.expect("the engine tells its platform").platform
    }

    async fn try_create(&self, name: &ContainerName, request: &Value) -> Result<ContainerId, EngineError> {
        let spec = CreateSpec(request.as_object().cloned().expect("a request is an object"));
        let id = self.engine().create_container(name, &spec, &self.platform().await).await?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
        Ok(id)
    }

    async fn create(&self, name: &ContainerName, request: &Value) -> ContainerId {
        self.try_create(name, request).await.expect("it can be created")
    }

    /// Makes and starts a container.
    async fn run(&self, stem: &str, request: &Value) -> ContainerId {
        let id = self.create(&fresh_name(stem), request).await;
        self.engine().start(&id).await.expect("it starts");
        id
    }

    async fn inspect(&self, id: &ContainerId) -> ContainerInspect {
        self.engine().inspect_container(id).await.expect("it is there")
    }

    async fn state(&self, id: &ContainerId) -> Option<RunState> {
        self.inspect(id).await.state()
    }

    /// Waits until the container is as wanted.
    async fn until(&self, id: &ContainerId, what: &str, wanted: impl Fn(&ContainerInspect) -> bool) {
        let steps = PATIENCE.as_millis() / 100;
        for _ in 0..steps {
            if wanted(&self.inspect(id).await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{what}: it never came to that; state {:?}", self.inspect(id).await.section("State"));
    }

    async fn until_gone(&self, id: &ContainerId) {
        for _ in 0..PATIENCE.as_millis() / 100 {
            match self.engine().inspect_container(id).await {
                Err(error) if error.is_not_found() => return,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("the container never went away");
    }

    /// Removes what the check made, as far as that is possible.
    async fn sweep(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for id in made.iter().rev() {
            let _ = self.engine().unpause(id).await;
            let _ = self.engine().stop(id, Duration::ZERO).await;
            let _ = self.engine().remove_container(id).await;
        }
    }
}

/// A name nobody else has.
fn fresh_name(stem: &str) -> ContainerName {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("contract-{stem}-{}-{number}", std::process::id()).parse().expect("a name")
}

/// Whether an inspect said that there is no such thing.
fn is_gone<T>(inspected: &Result<T, EngineError>) -> bool {
    matches!(inspected, Err(error) if error.is_not_found())
}

/// The status of a refusal; anything else ends the check.
fn status<T: std::fmt::Debug>(result: Result<T, EngineError>) -> u16 {
    let error = result.expect_err("the engine refuses");
    error.status().unwrap_or_else(|| panic!("not a refusal: {error:?}"))
}
