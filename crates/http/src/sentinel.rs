//! The API under `/api` that clients of Docker Sentinel speak.
//!
//! A translation, nothing else: paths, field names, statuses and the envelope `{"error":"…"}` are this
//! module's, what is done is the updater's.

mod about;
mod account;
mod actions;
mod activity;
mod body;
mod containers;
mod cookies;
mod csv;
mod decisions;
mod dependencies;
mod door;
mod envelope;
mod events;
mod explain;
mod history;
mod hooks;
mod host;
mod images;
mod key;
mod logs;
mod name;
mod people;
mod places;
mod policy;
mod power;
mod preview;
mod queue;
mod rate_limits;
mod reply;
mod settings;
pub mod span;
mod surroundings;
mod versions;

use std::sync::Arc;

use lodeman_auth::Permission;
use lodeman_domain::container::ContainerName;
use lodeman_updater::app::App;
use lodeman_updater::feed::Feed;
use utoipa_axum::routes;

pub use about::About;
pub use cookies::Cookies;
pub use door::Door;
pub use envelope::{ErrorBody, Failure};
pub use reply::{Message, Reply};
pub use surroundings::Surroundings;

use containers::Listing;
use places::Places;

use crate::surface::{Doorkeeper, Gate, Routes};

/// What the routes of this surface work with.
#[derive(Clone)]
pub struct Sentinel {
    /// The application.
    pub app: App,
    /// Who is let in.
    pub door: Door,
    /// What happens, for those who follow.
    pub feed: Feed,
    /// How many follow.
    places: Places,
    /// The list of containers as it was last written.
    listing: Listing,
    /// What is told of the server itself.
    about: About,
    /// What the configuration says beside the settings.
    surroundings: Surroundings,
}

impl Sentinel {
    /// The surface of `app`, for those whom `door` lets in.
    #[must_use]
    pub fn new(app: App, door: Door, feed: Feed, about: About, surroundings: Surroundings) -> Self {
        let (places, listing) = (Places::default(), Listing::default());
        Self { app, door, feed, places, listing, about, surroundings }
    }

    /// Whether a container is this server's own.
    async fn is_own(&self, name: &ContainerName) -> bool {
        self.app.find_container(name).await.ok().flatten().is_some_and(|view| view.is_self)
    }
}

/// All routes of this surface.
#[must_use]
pub fn routes(door: Arc<dyn Doorkeeper>) -> Routes<Sentinel> {
    let container = Gate::Permission(Permission::ContainerRead);
    let update = Gate::Permission(Permission::UpdateRead);
    let apply = Gate::Permission(Permission::UpdateApply);
    let check = Gate::Permission(Permission::UpdateCheck);
    let roll_back = Gate::Permission(Permission::UpdateRollback);
    let administer = Gate::Permission(Permission::SystemConfigWrite);
    let approve = Gate::Permission(Permission::UpdateApprove);
    let configure = Gate::Permission(Permission::ContainerConfigure);
    let control = Gate::Permission(Permission::ContainerControl);
    let logs = Gate::Permission(Permission::ContainerLogs);
    let prune = Gate::Permission(Permission::ImagePrune);
    let activity = Gate::Permission(Permission::AuditRead);
    let hooks = Gate::Permission(Permission::HookWrite);
    let settings = Gate::Permission(Permission::SystemRead);
    let people = Gate::Permission(Permission::UserRead);
    Routes::new(door, "SentinelError")
        .add(Gate::Public("nobody is signed in yet"), routes!(account::sign_in))
        .add(Gate::Public("signing out harms nobody"), routes!(account::sign_out))
        .add(Gate::Public("there is nobody yet"), routes!(account::set_up_form))
        .add(Gate::Public("there is nobody yet"), routes!(account::set_up_json))
        .add(Gate::Authenticated, routes!(account::get_me))
        .add(Gate::Authenticated, routes!(people::list_tokens))
        .add(Gate::Authenticated, routes!(people::create_token))
        .add(Gate::Authenticated, routes!(people::delete_token))
        .add(people, routes!(people::list_users))
        .add(Gate::Permission(Permission::UserWrite), routes!(people::create_user))
        .add(Gate::Permission(Permission::UserDelete), routes!(people::delete_user))
        .add(settings, routes!(settings::list_settings))
        .add(administer, routes!(settings::set_poll_interval))
        .add(administer, routes!(settings::set_pause))
        .add(administer, routes!(settings::set_default_policy))
        .add(administer, routes!(settings::set_rollback_policy))
        .add(administer, routes!(settings::set_version_scope))
        .add(administer, routes!(settings::set_grace_period))
        .add(administer, routes!(settings::set_update_delay))
        .add(administer, routes!(settings::set_schedule))
        .add(administer, routes!(settings::set_maintenance_window))
        .add(administer, routes!(settings::set_filters))
        .add(administer, routes!(settings::set_scan_concurrency))
        .add(administer, routes!(settings::set_latest_auto_update))
        .add(administer, routes!(settings::set_image_cleanup))
        .add(administer, routes!(settings::set_image_backup))
        .add(administer, routes!(settings::set_hooks_enabled))
        .add(administer, routes!(settings::set_dependency_aware))
        .add(administer, routes!(settings::set_dry_run))
        .add(administer, routes!(settings::set_pull_only))
        .add(administer, routes!(settings::set_show_stopped))
        .add(administer, routes!(settings::set_stack_order))
        .add(administer, routes!(settings::set_dashboard_columns))
        .add(container, routes!(containers::list_containers))
        .add(container, routes!(containers::get_container))
        .add(container, routes!(containers::get_stats))
        .add(container, routes!(explain::explain_container))
        .add(check, routes!(preview::preview_scan))
        .add(container, routes!(about::get_last_scan))
        .add(settings, routes!(about::get_about))
        .add(container, routes!(rate_limits::get_rate_limits))
        .add(apply, routes!(actions::update_container))
        .add(roll_back, routes!(actions::roll_back_container))
        .add(check, routes!(actions::check_container))
        .add(check, routes!(actions::start_scan))
        .add(apply, routes!(actions::switch_registry))
        .add(administer, routes!(actions::update_self))
        .add(container, routes!(dependencies::list_dependencies))
        .add(container, routes!(dependencies::get_dependencies))
        .add(container, routes!(events::follow_events))
        .add(container, routes!(versions::list_versions))
        .add(container, routes!(versions::list_tags))
        .add(apply, routes!(versions::update_to_version))
        .add(control, routes!(power::restart_container))
        .add(control, routes!(power::stop_container))
        .add(control, routes!(power::start_container))
        .add(logs, routes!(logs::get_logs))
        .add(logs, routes!(logs::follow_logs))
        .add(Gate::Permission(Permission::ImageRead), routes!(images::list_images))
        .add(prune, routes!(images::prune_images))
        .add(prune, routes!(images::remove_image))
        .add(update, routes!(queue::list_queue))
        .add(update, routes!(queue::count_queue))
        .add(update, routes!(queue::export_queue))
        .add(approve, routes!(decisions::approve_update))
        .add(approve, routes!(decisions::ignore_update))
        .add(approve, routes!(decisions::reject_update))
        .add(configure, routes!(policy::set_policy))
        .add(configure, routes!(policy::clear_policy))
        .add(configure, routes!(policy::set_policies))
        .add(settings, routes!(hooks::list_hooks))
        .add(hooks, routes!(hooks::set_hook))
        .add(hooks, routes!(hooks::delete_hook))
        .add(activity, routes!(activity::list_activity))
        .add(update, routes!(history::list_history))
        .add(update, routes!(history::export_history))
}
