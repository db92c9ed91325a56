//! The graph and what follows from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::member::{Directory, EdgeKind, Member};
use crate::container::ContainerName;

/// Which container needs which. Nodes are sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DependencyGraph {
    names: Vec<ContainerName>,
    /// What each needs, and why.
    needs: Vec<BTreeMap<usize, EdgeKind>>,
    /// What needs each.
    needed_by: Vec<BTreeSet<usize>>,
    /// How far each stands above what needs nothing; those of a cycle stand together.
    levels: Vec<usize>,
    /// Groups of more than one that need each other.
    cycles: Vec<Vec<usize>>,
}

/// Containers sorted so that each comes after what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order<'a> {
    /// Those that can be sorted; ties by name.
    pub sorted: Vec<&'a ContainerName>,
    /// Whether these are all. Those in a cycle, and those that need one of these, cannot be sorted.
    pub is_complete: bool,
}

impl DependencyGraph {
    /// The graph of `members`, of all that they need each other for.
    #[must_use]
    pub fn new(members: &[Member]) -> Self {
        Self::with(members, |_| true)
    }

    /// The graph of `members`, of what people declared alone.
    #[must_use]
    pub fn declared(members: &[Member]) -> Self {
        Self::with(members, EdgeKind::is_declared)
    }

    fn with(members: &[Member], counts: impl Fn(EdgeKind) -> bool) -> Self {
        let by_name: BTreeMap<&ContainerName, &Member> = members.iter().map(|m| (&m.name, m)).collect();
        let members: Vec<&Member> = by_name.into_values().collect();
        let directory = Directory::of(&members);
        let mut needs: Vec<BTreeMap<usize, EdgeKind>> = vec![BTreeMap::new(); members.len()];
        let mut needed_by: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); members.len()];
        for (at, member) in members.iter().enumerate() {
            for (other, kind) in directory.needs(member) {
                if other != at && counts(kind) {
                    let known = needs[at].entry(other).or_insert(kind);
                    *known = kind.min(*known);
                    needed_by[other].insert(at);
                }
            }
        }
        let names = members.iter().map(|member| member.name.clone()).collect();
        let mut graph = Self { names, needs, needed_by, levels: Vec::new(), cycles: Vec::new() };
        graph.layer();
        graph
    }

    /// Sorts groups of nodes that need each other into levels.
    fn layer(&mut self) {
        let groups = self.groups();
        let mut group_of = vec![0; self.names.len()];
        for (at, group) in groups.iter().enumerate() {
            for node in group {
                group_of[*node] = at;
            }
        }
        let mut level_of_group = vec![0; groups.len()];
        // What a group needs stands before it.
        for (at, group) in groups.iter().enumerate() {
            let below = group.iter().flat_map(|node| self.needs[*node].keys()).map(|other| group_of[*other]);
            level_of_group[at] =
                below.filter(|other| *other != at).map(|other| level_of_group[other] + 1).max().unwrap_or(0);
        }
        self.levels = group_of.iter().map(|group| level_of_group[*group]).collect();
        self.cycles = groups.into_iter().filter(|group| group.len() > 1).collect();
        self.cycles.sort();
    }

    /// Nodes that reach each other, as sorted groups; each group after those that it needs (Kosaraju).
    fn groups(&self) -> Vec<Vec<usize>> {
        let count = self.names.len();
        let mut finished = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        for start in 0..count {
            // Each step is a node and whether everything below it is done.
            let mut stack = vec![(start, false)];
            while let Some((node, is_done)) = stack.pop() {
                if is_done {
                    finished.push(node);
                } else if !std::mem::replace(&mut seen[node], true) {
                    stack.push((node, true));
                    stack.extend(self.needs[node].keys().filter(|other| !seen[**other]).map(|o| (*o, false)));
                }
            }
        }
        let mut groups = Vec::new();
        let mut taken = vec![false; count];
        for start in finished.into_iter().rev() {
            let mut group = Vec::new();
            let mut stack = vec![start];
            while let Some(node) = stack.pop() {
                if !std::mem::replace(&mut taken[node], true) {
                    group.push(node);
                    stack.extend(self.needed_by[node].iter().filter(|other| !taken[**other]));
                }
            }
            if !group.is_empty() {
                group.sort_unstable();
                groups.push(group);
            }
        }
        groups.reverse();
        groups
    }

    fn find(&self, name: &ContainerName) -> Option<usize> {
        self.names.binary_search(name).ok()
    }

    /// Every container, by name.
    #[must_use]
    pub fn names(&self) -> &[ContainerName] {
        &self.names
    }

    /// What a container needs, by name.
    #[must_use]
    pub fn dependencies(&self, name: &ContainerName) -> Vec<&ContainerName> {
        let found = self.find(name).map(|at| self.needs[at].keys());
        found.into_iter().flatten().map(|at| &self.names[*at]).collect()
    }

    /// What needs a container, by name.
    #[must_use]
    pub fn dependents(&self, name: &ContainerName) -> Vec<&ContainerName> {
        let found = self.find(name).map(|at| self.needed_by[at].iter());
        found.into_iter().flatten().map(|at| &self.names[*at]).collect()
    }

    /// How many steps a container stands above what needs nothing. Those of one level, but for those of
    /// one cycle, need nothing of each other.
    #[must_use]
    pub fn level(&self, name: &ContainerName) -> usize {
        self.find(name).map_or(0, |at| self.levels[at])
    }

    /// Groups of containers that need each other, each by name.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<&ContainerName>> {
        self.cycles.iter().map(|cycle| cycle.iter().map(|at| &self.names[*at]).collect()).collect()
    }

    /// The place among [`Self::cycles`] of the one that a container is in.
    #[must_use]
    pub fn cycle_of(&self, name: &ContainerName) -> Option<usize> {
        let at = self.find(name)?;
        self.cycles.iter().position(|cycle| cycle.binary_search(&at).is_ok())
    }

    /// What needs nothing first, then what needs only what came before; ties by name.
    #[must_use]
    pub fn order(&self) -> Order<'_> {
        let mut open: Vec<usize> = self.needs.iter().map(BTreeMap::len).collect();
        let mut free: BTreeSet<usize> = (0..open.len()).filter(|at| open[*at] == 0).collect();
        let mut sorted = Vec::with_capacity(open.len());
        while let Some(at) = free.pop_first() {
            sorted.push(&self.names[at]);
            for other in &self.needed_by[at] {
                open[*other] -= 1;
                if open[*other] == 0 {
                    free.insert(*other);
                }
            }
        }
        let is_complete = sorted.len() == self.names.len();
        Order { sorted, is_complete }
    }

    /// The one of `failed` that a container has to wait for: the nearest that it needs, directly or not;
    /// among equals the first by name. What only orders does not hold back.
    #[must_use]
    pub fn held_back_by(
        &self,
        name: &ContainerName,
        failed: &BTreeSet<ContainerName>,
    ) -> Option<&ContainerName> {
        let start = self.find(name)?;
        let mut seen = BTreeSet::from([start]);
        let mut next = VecDeque::from([start]);
        while let Some(at) = next.pop_front() {
            for (other, _) in self.needs[at].iter().filter(|(_, kind)| kind.holds_back()) {
                if seen.insert(*other) {
                    if failed.contains(&self.names[*other]) {
                        return Some(&self.names[*other]);
                    }
                    next.push_back(*other);
                }
            }
        }
        None
    }
}
