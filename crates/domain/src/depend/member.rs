//! What one container says about those it needs.

use std::collections::BTreeMap;

use crate::container::{ContainerName, Labels};
use crate::label::read_depends_on;

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

/// The fewest digits of an id that stand for the whole.
const SHORT_ID: usize = 12;

/// Why one container needs another; weightier ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// A label names it.
    Label,
    /// Compose says so.
    Compose,
    /// It lends its network, process or IPC namespace.
    Namespace,
    /// It lends its volumes, or is linked to.
    Soft,
}

impl EdgeKind {
    /// Whether a person declared it.
    #[must_use]
    pub fn is_declared(self) -> bool {
        matches!(self, Self::Label | Self::Compose)
    }

    /// Whether the one has to wait when the other could not be updated. A soft edge only orders.
    #[must_use]
    pub fn holds_back(self) -> bool {
        self != Self::Soft
    }
}

/// One container, as far as the graph needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: ContainerName,
    /// Its full id.
    pub id: String,
    /// Its labels.
    pub labels: Labels,
    /// Names or ids of the containers whose network, process or IPC namespace it uses.
    pub namespaces: Vec<String>,
    /// Names or ids of the containers whose volumes it uses or that it is linked to.
    pub soft: Vec<String>,
}

/// Finds containers by what others call them.
pub(super) struct Directory<'a> {
    names: BTreeMap<&'a str, usize>,
    ids: BTreeMap<&'a str, usize>,
    services: BTreeMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Directory<'a> {
    /// The directory of `members`, which are known by their places from here on.
    pub(super) fn of(members: &[&'a Member]) -> Self {
        let mut directory = Self { names: BTreeMap::new(), ids: BTreeMap::new(), services: BTreeMap::new() };
        for (at, member) in members.iter().enumerate() {
            directory.names.insert(member.name.as_str(), at);
            directory.ids.insert(&member.id, at);
            if let (Some(project), Some(service)) = (said(member, PROJECT), said(member, SERVICE)) {
                directory.services.entry((project, service)).or_default().push(at);
            }
        }
        directory
    }

    /// As engines resolve it: a whole id, a name, the beginning of an id.
    fn find(&self, text: &str) -> Option<usize> {
        let text = text.trim().trim_start_matches('/');
        if let Some(at) = self.ids.get(text).or_else(|| self.names.get(text)) {
            return Some(*at);
        }
        let is_short = text.len() >= SHORT_ID && text.bytes().all(|b| b.is_ascii_hexdigit());
        let mut found = self.ids.range(text..).take_while(|(id, _)| is_short && id.starts_with(text));
        let first = found.next()?;
        found.next().is_none().then_some(*first.1)
    }

    /// The containers of a service in the project of `member`. One that is in no project means names.
    fn service(&self, member: &Member, service: &str) -> Vec<usize> {
        match said(member, PROJECT) {
            Some(project) => self.services.get(&(project, service)).cloned().unwrap_or_default(),
            None => self.names.get(service).copied().into_iter().collect(),
        }
    }

    /// What `member` needs, and why. What nobody is called is left out.
    pub(super) fn needs(&self, member: &Member) -> Vec<(usize, EdgeKind)> {
        let mut needs = Vec::new();
        let named = read_depends_on(&member.labels);
        let named = named.iter().filter_map(|name| self.names.get(name.as_str()).copied());
        needs.extend(named.map(|at| (at, EdgeKind::Label)));
        for item in said(member, DEPENDS_ON).unwrap_or_default().split(',') {
            // `service:condition:restart`
            let service = item.split(':').next().unwrap_or_default().trim();
            needs.extend(self.service(member, service).into_iter().map(|at| (at, EdgeKind::Compose)));
        }
        let found = |texts: &[String], kind| -> Vec<(usize, EdgeKind)> {
            texts.iter().filter_map(|text| self.find(text)).map(|at| (at, kind)).collect()
        };
        needs.extend(found(&member.namespaces, EdgeKind::Namespace));
        needs.extend(found(&member.soft, EdgeKind::Soft));
        needs
    }
}

fn said<'a>(member: &'a Member, label: &str) -> Option<&'a str> {
    member.labels.get(label).map(String::as_str).filter(|text| !text.is_empty())
}
