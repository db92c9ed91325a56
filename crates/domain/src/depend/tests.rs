use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::container::{ContainerName, Labels};

fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

fn member(name: &str, labels: &[(&str, &str)]) -> Member {
    let labels: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let id = name.bytes().fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
    Member {
        name: name.parse().unwrap(),
        id: format!("{id:0<64}"),
        labels,
        namespaces: Vec::new(),
        soft: Vec::new(),
    }
}

fn needing(name: &str, others: &str) -> Member {
    member(name, &[("sentinel.depends-on", others)])
}

fn words(names: &[&ContainerName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn labels_name_containers_and_the_native_one_wins() {
    let graph = DependencyGraph::new(&[
        needing("api", " store ,/cache,, ghost, api"),
        member("web", &[("sentinel.depends-on", "store"), ("lodeman.depends-on", "api")]),
        member("store", &[]),
        member("cache", &[]),
    ]);
    assert_eq!(words(&graph.dependencies(&name("api"))), ["cache", "store"]);
    assert_eq!(words(&graph.dependencies(&name("web"))), ["api"]);
    assert_eq!(words(&graph.dependents(&name("store"))), ["api"]);
    assert_eq!(words(&graph.order().sorted), ["cache", "store", "api", "web"]);
    assert_eq!(graph.level(&name("web")), 2);
    assert!(graph.dependencies(&name("ghost")).is_empty() && graph.level(&name("ghost")) == 0);
}

#[test]
fn compose_means_services_of_the_same_project() {
    let of = |name: &str, project: &str, service: &str, needs: &str| {
        member(
            name,
            &[
                ("com.docker.compose.project", project),
                ("com.docker.compose.service", service),
                ("com.docker.compose.depends_on", needs),
            ],
        )
    };
    let graph = DependencyGraph::new(&[
        of("shop-web-1", "shop", "web", "db:service_healthy:true,queue:service_started:false"),
        of("shop-db-1", "shop", "db", ""),
        of("shop-db-2", "shop", "db", ""),
        of("other-db-1", "other", "db", ""),
        // The name of a service is not that of a container.
        member("db", &[]),
        member("loner", &[("com.docker.compose.depends_on", "db:service_started:false")]),
    ]);
    assert_eq!(words(&graph.dependencies(&name("shop-web-1"))), ["shop-db-1", "shop-db-2"]);
    assert_eq!(words(&graph.dependencies(&name("loner"))), ["db"]);
    assert!(graph.dependents(&name("other-db-1")).is_empty());
}

#[test]
fn namespaces_and_volumes_count_by_name_and_by_id_but_are_not_declared() {
    let vpn = member("vpn", &[]);
    let mut by_id = member("by-id", &[]);
    by_id.namespaces = vec![vpn.id.clone()];
    let mut by_short_id = member("by-short-id", &[]);
    by_short_id.namespaces = vec![vpn.id[..12].to_owned()];
    let mut by_name = member("by-name", &[]);
    by_name.namespaces = vec!["vpn".to_owned(), "gone".to_owned(), "abc".to_owned()];
    let mut reader = member("reader", &[]);
    reader.soft = vec!["/vpn".to_owned()];
    let members = [vpn, by_id, by_short_id, by_name, reader];
    let graph = DependencyGraph::new(&members);
    assert_eq!(words(&graph.dependents(&name("vpn"))), ["by-id", "by-name", "by-short-id", "reader"]);
    assert!(DependencyGraph::declared(&members).dependents(&name("vpn")).is_empty());
    let failed = BTreeSet::from([name("vpn")]);
    assert_eq!(graph.held_back_by(&name("by-id"), &failed), Some(&name("vpn")));
    assert_eq!(graph.held_back_by(&name("reader"), &failed), None, "it only orders");
    assert_eq!(graph.level(&name("reader")), 1);
}

#[test]
fn a_failure_holds_back_everything_above_it_and_nothing_else() {
    let graph = DependencyGraph::new(&[
        member("db", &[]),
        needing("api", "db"),
        needing("web", "api"),
        member("other", &[]),
    ]);
    let failed = BTreeSet::from([name("db")]);
    for (held, by) in [("api", Some("db")), ("web", Some("db")), ("db", None), ("other", None)] {
        assert_eq!(graph.held_back_by(&name(held), &failed), by.map(name).as_ref(), "{held}");
    }
    let both = BTreeSet::from([name("db"), name("api")]);
    assert_eq!(graph.held_back_by(&name("web"), &both), Some(&name("api")), "the nearest");
}

#[test]
fn a_cycle_stands_together_and_what_is_behind_it_comes_after() {
    let graph = DependencyGraph::new(&[
        needing("aa", "bb"),
        needing("bb", "aa,base"),
        needing("front", "bb"),
        member("base", &[]),
        member("zoo", &[]),
    ]);
    let cycles: Vec<_> = graph.cycles().iter().map(|cycle| words(cycle)).collect();
    assert_eq!(cycles, [["aa", "bb"]]);
    let order = graph.order();
    assert_eq!((words(&order.sorted), order.is_complete), (vec!["base".to_owned(), "zoo".to_owned()], false));
    let levels = ["base", "zoo", "aa", "bb", "front"].map(|text| graph.level(&name(text)));
    assert_eq!(levels, [0, 0, 1, 1, 2]);
    assert_eq!((graph.cycle_of(&name("aa")), graph.cycle_of(&name("front"))), (Some(0), None));
}

#[test]
fn a_long_chain_is_no_deep_recursion() {
    let chain: Vec<Member> =
        (0..5_000).map(|at| needing(&format!("c{at:05}"), &format!("c{:05}", at + 1))).collect();
    let graph = DependencyGraph::new(&chain);
    assert_eq!(graph.level(&name("c00000")), 4_999);
    assert!(graph.order().is_complete);
}

/// Containers that need some of each other, in any way.
fn members() -> impl Strategy<Value = Vec<Member>> {
    let one = (proptest::collection::vec(0..12_usize, 0..4), 0..3_u8);
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let named = |at: usize| format!("c{at:02}");
        all.iter()
            .enumerate()
            .map(|(at, (needs, how))| {
                let needs: Vec<String> = needs.iter().map(|other| named(*other)).collect();
                match how {
                    0 => needing(&named(at), &needs.join(",")),
                    1 => Member { namespaces: needs, ..member(&named(at), &[]) },
                    _ => Member { soft: needs, ..member(&named(at), &[]) },
                }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn levels_hold_every_container_once_and_after_what_it_needs(members in members()) {
        let graph = DependencyGraph::new(&members);
        prop_assert_eq!(graph.names().len(), members.len());
        for one in graph.names() {
            for other in graph.dependencies(one) {
                let in_one_cycle = graph.cycle_of(one).is_some() && graph.cycle_of(one) == graph.cycle_of(other);
                if in_one_cycle {
                    prop_assert_eq!(graph.level(other), graph.level(one));
                } else {
                    prop_assert!(graph.level(other) < graph.level(one));
                }
                prop_assert!(graph.dependents(other).contains(&one));
            }
        }
    }

    #[test]
    fn the_order_is_total_without_cycles_and_has_dependencies_first(members in members()) {
        let graph = DependencyGraph::new(&members);
        let order = graph.order();
        prop_assert_eq!(order.is_complete, graph.cycles().is_empty());
        let once: BTreeSet<_> = order.sorted.iter().collect();
        prop_assert_eq!(once.len(), order.sorted.len());
        for (at, one) in order.sorted.iter().enumerate() {
            for other in graph.dependencies(one) {
                prop_assert!(order.sorted[..at].contains(&other));
            }
        }
    }

    #[test]
    fn how_containers_are_listed_does_not_matter(members in members(), turn in 0..12_usize) {
        let graph = DependencyGraph::new(&members);
        let mut other = members;
        other.reverse();
        let turn = turn.min(other.len());
        other.rotate_left(turn);
        prop_assert_eq!(graph, DependencyGraph::new(&other));
    }

    #[test]
    fn any_label_is_read(text in "\\PC{0,60}") {
        let needs = [("com.docker.compose.depends_on", text.as_str()), ("lodeman.depends-on", text.as_str())];
        let graph = DependencyGraph::new(&[member("aa", &needs), member("bb", &[])]);
        prop_assert!(graph.order().is_complete);
    }
}
