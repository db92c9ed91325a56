//! Updates follow what containers need each other for.

use lodeman_domain::explain::{Action, ReasonCode as R};
use lodeman_domain::queue::QueueState;
use lodeman_domain::setting::Settings;
use lodeman_domain::update::Outcome;
use lodeman_engine::fake::Behaviour;
use lodeman_store::Store as _;
use lodeman_updater::control::{Control as _, RunReport, UpdateSummary, Which};
use serde_json::{Value, json};

use crate::world::{World, action, has, name};

fn auto(needs: &str) -> Value {
    json!({ "lodeman.policy": "auto", "lodeman.depends-on": needs })
}

fn of<'a>(report: &'a RunReport, container: &str) -> &'a UpdateSummary {
    let mut all = report.updates.iter();
    all.find(|update| update.name.as_str() == container).unwrap_or_else(|| panic!("{container}: {report:?}"))
}

/// Containers in the order in which their updates ended.
async fn ended(world: &World) -> Vec<String> {
    let mut rows = world.store.list_history(None, None, 100).await.unwrap();
    rows.sort_by_key(|row| row.seq);
    rows.into_iter().map(|row| row.row.workload.name.to_string()).collect()
}

/// A front that needs a middle that needs a base, all with an update, the base's perhaps broken.
fn chain(world: &World, base: Behaviour) {
    world.push("1.0.0", "one");
    for (container, needs) in [("aaa-front", "mmm-middle"), ("mmm-middle", "zzz-base"), ("other", "")] {
        world.run(container, "1.0.0", &auto(needs));
    }
    world.push("stable", "base one");
    world.run("zzz-base", "stable", &auto(""));
    world.push("1.0.1", "two");
    world.push_behaving("stable", "base two", base);
}

#[tokio::test(start_paused = true)]
async fn what_others_need_is_updated_first() {
    let world = World::new();
    chain(&world, Behaviour::default());
    let report = world.scan().await;
    assert_eq!(report.updates.len(), 4, "{report:?}");
    let all = ended(&world).await;
    let at = |container: &str| all.iter().position(|name| name == container).unwrap();
    assert!(at("zzz-base") < at("mmm-middle") && at("mmm-middle") < at("aaa-front"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn where_that_fails_those_that_need_it_wait_for_the_next_scan_and_say_so() {
    let world = World::new();
    chain(&world, Behaviour::crashes(1));
    let report = world.scan().await;
    assert_eq!(of(&report, "zzz-base").outcome, Some(Outcome::RolledBack), "{report:?}");
    assert_eq!(of(&report, "other").outcome, Some(Outcome::Updated), "{report:?}");
    for container in ["mmm-middle", "aaa-front"] {
        let held = of(&report, container);
        let why = "it needs zzz-base, whose update failed; it is looked at again by the next scan";
        assert_eq!((held.outcome, held.operation, held.reason.as_deref()), (None, None, Some(why)));
        assert_eq!(world.tag_of(container), "1.0.0");
        let told = report.explanations.iter().find(|e| e.workload.name == name(container)).unwrap();
        assert!(has(told, R::DependencyFailed) && action(told) == Some(Action::Wait), "{told:?}");
        assert!(told.sentence.contains("it waits for the next scan (it needs zzz-base"), "{}", told.sentence);
        let stored = world.app.explain(Some(name(container))).await.unwrap();
        assert_eq!(stored, std::slice::from_ref(told));
        let queue = world.app.queue().await.unwrap();
        let entry = queue.iter().find(|entry| entry.workload.name == name(container)).unwrap();
        assert_eq!((entry.state, entry.note.as_deref()), (QueueState::Waiting, Some(why)));
    }
    // What failed is not tried again, and holds nobody back for ever.
    let report = world.scan().await;
    assert_eq!(of(&report, "mmm-middle").outcome, Some(Outcome::Updated), "{report:?}");
    assert_eq!(of(&report, "aaa-front").outcome, Some(Outcome::Updated), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_wants_dependencies_to_count_they_do_not() {
    let world = World::with(Settings { dependency_aware: false, ..Settings::default() });
    chain(&world, Behaviour::crashes(1));
    let report = world.scan().await;
    assert_eq!(of(&report, "zzz-base").outcome, Some(Outcome::RolledBack));
    for container in ["mmm-middle", "aaa-front"] {
        assert_eq!(of(&report, container).outcome, Some(Outcome::Updated), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_need_each_other_are_updated_by_name() {
    let world = World::new();
    world.push("1.0.0", "one");
    for (container, needs) in [("cc", "aa"), ("aa", "bb"), ("bb", "cc"), ("behind", "aa")] {
        world.run(container, "1.0.0", &auto(needs));
    }
    world.push("1.0.1", "two");
    let report = world.scan().await;
    assert_eq!(report.updates.iter().filter(|u| u.outcome == Some(Outcome::Updated)).count(), 4);
    assert_eq!(ended(&world).await, ["aa", "bb", "cc", "behind"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_approved_stays_approved_when_it_is_held_back() {
    let world = World::new();
    world.push("1.0.0", "one");
    world.push("stable", "base one");
    world.run("zzz-base", "stable", &auto(""));
    world.run("front", "1.0.0", &json!({ "sentinel.depends-on": "zzz-base" }));
    world.push("1.0.1", "two");
    world.scan().await;
    world.app.approve_entry(name("front"), Which::Current, "ann").await.unwrap();
    world.push_behaving("stable", "base two", Behaviour::crashes(1));
    let report = world.scan().await;
    assert_eq!(of(&report, "front").outcome, None, "{report:?}");
    let queue = world.app.queue().await.unwrap();
    let entry = queue.iter().find(|entry| entry.workload.name == name("front")).unwrap();
    assert_eq!((entry.state, entry.decided_by.as_deref()), (QueueState::Approved, Some("ann")));
    assert!(entry.note.as_deref().unwrap().contains("zzz-base"));
    world.scan().await;
    assert_eq!(world.tag_of("front"), "1.0.1");
}
