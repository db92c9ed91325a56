//! What every [`Store`] must do: the fake and each adapter run these, so the fake stays honest.
//!
//! [`all`] gives each function an empty store of its own. A broken promise panics with what was expected,
//! as a test's assertion does.

mod accounts;
mod activity;
mod journal;
mod ledger;
mod queue;
pub mod sample;
mod settings;
mod sweep;

use std::sync::Arc;

use lodeman_domain::hook::HookKey;

use crate::{Store, StoreError, Write};

pub use accounts::{
    a_deleted_account_takes_its_sessions_and_tokens_along,
    a_password_is_replaced_only_while_it_is_the_expected_one,
    a_session_is_found_with_its_account_and_touched_forward, a_token_is_its_owners,
    accounts_are_read_back_whole, expired_and_idle_sessions_are_dropped,
    of_an_accounts_sessions_the_ones_used_last_stay, of_two_first_accounts_only_one_comes_to_be,
    roles_are_replaced_and_dropped, somebody_keeps_the_last_role, wrong_passwords_are_counted_and_lock,
};
pub use activity::{the_activity_log_is_paged_newest_first, the_activity_log_keeps_the_newest_entries};
pub use journal::{
    a_saved_operation_is_read_back_whole, a_short_id_finds_the_latest_operation,
    a_step_settles_once_and_an_unknown_one_may_be_settled_later, a_taken_step_number_is_a_conflict,
    only_one_open_operation_owns_a_container, specs_are_read_back_and_dropped,
    steps_and_specs_of_no_operation_are_refused, the_loser_of_a_race_for_a_row_is_told,
};
pub use ledger::{
    a_blocked_digest_keeps_its_first_reason, events_are_numbered_without_gaps_in_order,
    history_is_paged_newest_first, the_earliest_sighting_stays,
    the_newest_rollback_point_of_a_container_is_found,
};
pub use queue::{
    a_container_has_one_current_entry, a_decision_on_a_stale_revision_is_a_conflict,
    the_queue_is_listed_by_detection,
};
pub use settings::{
    a_container_has_one_hook_a_phase, checks_and_scans_are_replaced, each_change_is_another_generation,
    overrides_and_ignored_updates_are_kept_by_name, settings_are_replaced_and_dropped,
};
pub use sweep::a_sweep_drops_only_what_is_over_and_old;

/// Runs the whole suite, each part on a store that `fresh` makes.
pub async fn all(fresh: impl AsyncFn() -> Arc<dyn Store>) {
    an_empty_store_answers_everything(&*fresh().await).await;
    a_list_of_writes_is_done_whole_or_not_at_all(&*fresh().await).await;
    only_one_open_operation_owns_a_container(&*fresh().await).await;
    a_saved_operation_is_read_back_whole(&*fresh().await).await;
    the_loser_of_a_race_for_a_row_is_told(&*fresh().await).await;
    a_short_id_finds_the_latest_operation(&*fresh().await).await;
    a_step_settles_once_and_an_unknown_one_may_be_settled_later(&*fresh().await).await;
    a_taken_step_number_is_a_conflict(&*fresh().await).await;
    specs_are_read_back_and_dropped(&*fresh().await).await;
    steps_and_specs_of_no_operation_are_refused(&*fresh().await).await;
    a_container_has_one_current_entry(&*fresh().await).await;
    a_decision_on_a_stale_revision_is_a_conflict(&*fresh().await).await;
    the_queue_is_listed_by_detection(&*fresh().await).await;
    history_is_paged_newest_first(&*fresh().await).await;
    events_are_numbered_without_gaps_in_order(&*fresh().await).await;
    a_blocked_digest_keeps_its_first_reason(&*fresh().await).await;
    the_earliest_sighting_stays(&*fresh().await).await;
    the_newest_rollback_point_of_a_container_is_found(&*fresh().await).await;
    settings_are_replaced_and_dropped(&*fresh().await).await;
    each_change_is_another_generation(&*fresh().await).await;
    overrides_and_ignored_updates_are_kept_by_name(&*fresh().await).await;
    checks_and_scans_are_replaced(&*fresh().await).await;
    a_container_has_one_hook_a_phase(&*fresh().await).await;
    of_two_first_accounts_only_one_comes_to_be(&*fresh().await).await;
    accounts_are_read_back_whole(&*fresh().await).await;
    somebody_keeps_the_last_role(&*fresh().await).await;
    a_password_is_replaced_only_while_it_is_the_expected_one(&*fresh().await).await;
    wrong_passwords_are_counted_and_lock(&*fresh().await).await;
    a_session_is_found_with_its_account_and_touched_forward(&*fresh().await).await;
    of_an_accounts_sessions_the_ones_used_last_stay(&*fresh().await).await;
    expired_and_idle_sessions_are_dropped(&*fresh().await).await;
    a_token_is_its_owners(&*fresh().await).await;
    a_deleted_account_takes_its_sessions_and_tokens_along(&*fresh().await).await;
    roles_are_replaced_and_dropped(&*fresh().await).await;
    the_activity_log_is_paged_newest_first(&*fresh().await).await;
    the_activity_log_keeps_the_newest_entries(&*fresh().await).await;
    a_sweep_drops_only_what_is_over_and_old(&*fresh().await).await;
}

/// Makes writes durable, which must succeed.
async fn commit(store: &dyn Store, writes: Vec<Write>) {
    store.commit(writes).await.expect("the commit succeeds");
}

/// Tries writes whose guard on `what` does not hold.
async fn refused(store: &dyn Store, writes: Vec<Write>, what: &str) {
    match store.commit(writes).await {
        Err(StoreError::Conflict { what: told }) => assert_eq!(told, what, "the conflict names its guard"),
        other => panic!("a conflict on the {what} was expected, not {other:?}"),
    }
}

/// Absence is an answer, not an error.
pub async fn an_empty_store_answers_everything(store: &dyn Store) {
    let op = sample::operation(1, "web");
    let key = sample::key("web");
    let (repository, manifest) = (sample::repository(), sample::digest(1));
    store.ping().await.expect("it answers");
    assert_eq!(store.find_operation(op.id).await.expect("a read"), None);
    assert_eq!(store.list_open_operations().await.expect("a read"), []);
    assert_eq!(store.find_open_operation(&key).await.expect("a read"), None);
    assert_eq!(store.find_operation_by_op8(&op.host, &op.id.op8()).await.expect("a read"), None);
    assert_eq!(store.list_steps(op.id).await.expect("a read"), []);
    assert!(store.find_spec(op.id, crate::SpecKind::Old).await.expect("a read").is_none());
    assert_eq!(store.find_queue_entry(&key).await.expect("a read"), None);
    assert_eq!(store.list_queue().await.expect("a read"), []);
    assert_eq!(store.list_history(None, None, 10).await.expect("a read"), []);
    assert_eq!(store.count_history().await.expect("a read"), 0);
    assert_eq!(store.list_events(0, 10).await.expect("a read"), []);
    assert_eq!(store.find_bad_digest(&repository, &manifest).await.expect("a read"), None);
    assert_eq!(store.list_bad_digests().await.expect("a read"), []);
    assert_eq!(store.find_first_seen(&repository, &manifest).await.expect("a read"), None);
    assert_eq!(store.list_ignored(&key).await.expect("a read"), []);
    assert_eq!(store.list_overrides().await.expect("a read"), []);
    let hooks = HookKey { host: key.host.clone(), name: "web".to_owned() };
    assert_eq!(store.list_hooks(&hooks).await.expect("a read"), []);
    assert_eq!(store.find_rollback_point(&key).await.expect("a read"), None);
    assert_eq!(store.list_rollback_points().await.expect("a read"), []);
    assert_eq!(store.find_check(&key).await.expect("a read"), None);
    assert_eq!(store.list_checks().await.expect("a read"), []);
    assert_eq!(store.find_last_scan().await.expect("a read"), None);
    assert_eq!(store.list_settings().await.expect("a read"), []);
    assert!(store.find_user("ann").await.expect("a read").is_none());
    assert_eq!(store.count_users().await.expect("a read"), 0);
    assert!(store.find_user_by_id(sample::uuid(1)).await.expect("a read").is_none());
    assert_eq!(store.list_users().await.expect("a read"), []);
    assert_eq!(store.find_role("admin").await.expect("a read"), None);
    assert_eq!(store.list_roles().await.expect("a read"), []);
    assert!(store.find_session("none").await.expect("a read").is_none());
    assert_eq!(store.list_sessions(sample::uuid(1)).await.expect("a read"), []);
    assert!(store.find_token("none").await.expect("a read").is_none());
    assert_eq!(store.list_tokens(sample::uuid(1)).await.expect("a read"), []);
    assert_eq!(store.list_activity(None, 10).await.expect("a read"), []);
    assert_eq!(store.sweep(sample::at(0)).await.expect("a sweep"), 0);
    store.commit(Vec::new()).await.expect("nothing to do is done");
}

/// When the last of a list of writes is refused, nothing of the others is left.
pub async fn a_list_of_writes_is_done_whole_or_not_at_all(store: &dyn Store) {
    let held = sample::operation(1, "web");
    commit(store, vec![Write::InsertOperation(Box::new(held.clone()))]).await;
    let mut moved = held.clone();
    moved.phase = lodeman_domain::update::Phase::Pulled;
    let writes = vec![
        Write::PutSetting { key: "paused".into(), value: "true".into() },
        Write::SaveOperation(Box::new(moved)),
        Write::InsertIntent(sample::step(&held, 1)),
        Write::AppendEvent(sample::event("web", 1)),
        Write::AppendHistory(sample::history("web", 1)),
        Write::InsertQueueEntry(Box::new(sample::entry(1, "web"))),
        Write::InsertOperation(Box::new(sample::operation(2, "web"))),
    ];
    refused(store, writes, "lock of record").await;
    assert_eq!(store.list_settings().await.expect("a read"), []);
    assert_eq!(store.find_operation(held.id).await.expect("a read"), Some(held.clone()));
    assert_eq!(store.list_steps(held.id).await.expect("a read"), []);
    assert_eq!(store.list_events(0, 10).await.expect("a read"), []);
    assert_eq!(store.list_history(None, None, 10).await.expect("a read"), []);
    assert_eq!(store.list_queue().await.expect("a read"), []);
}
