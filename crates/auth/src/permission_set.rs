//! Sets of permissions.

use std::fmt;

use crate::coarse::Coarse;
use crate::permission::{Permission, UnknownPermission};

/// A set of permissions, closed under what they imply.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u128);

const _: () = assert!(Permission::ALL.len() <= 128, "a set has one bit for each permission");

impl PermissionSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// All there are.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// The set that ids name: a permission, all of a category (`container:*`), or a coarse name
    /// (`containers.view`). A bare `*` is no id.
    ///
    /// # Errors
    /// [`UnknownPermission`] that names the first one that is none.
    pub fn parse<'a>(ids: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownPermission> {
        let mut set = Self::EMPTY;
        for id in ids {
            set = set.union(Self::named(id).ok_or_else(|| UnknownPermission(id.to_owned()))?);
        }
        Ok(set)
    }

    /// The set that ids name, without those that are unknown: an id of another version gives nothing.
    #[must_use]
    pub fn parse_known<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        ids.into_iter().filter_map(Self::named).fold(Self::EMPTY, Self::union)
    }

    fn named(id: &str) -> Option<Self> {
        if let Ok(permission) = id.parse::<Permission>() {
            return Some([permission].into_iter().collect());
        }
        if let Ok(coarse) = id.parse::<Coarse>() {
            return Some(coarse.needs());
        }
        let category = id.strip_suffix(":*")?;
        let set: Self = Permission::ALL.iter().copied().filter(|p| p.category() == category).collect();
        (!set.is_empty()).then_some(set)
    }

    /// Whether it has `permission`.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether it has all of `other`.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What either has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many it has.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What it has, in canonical order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// The ids of what it has, in canonical order.
    #[must_use]
    pub fn ids(self) -> Vec<&'static str> {
        self.iter().map(Permission::id).collect()
    }
}

const fn bit(permission: Permission) -> u128 {
    1 << (permission as u32)
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let with_implied = |permission: Permission| bit(permission) | permission.implied().map_or(0, bit);
        Self(permissions.into_iter().fold(0, |bits, permission| bits | with_implied(permission)))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of_in_canonical_order() {
        let set: PermissionSet = [Permission::UpdateRead, Permission::AuthRead].into_iter().collect();
        assert_eq!(set.ids(), ["auth:read", "update:read"]);
        assert!(set.contains(Permission::AuthRead) && !set.contains(Permission::AuthWrite));
        assert_eq!((set.len(), PermissionSet::EMPTY.len()), (2, 0));
        assert_eq!(PermissionSet::all().len(), Permission::ALL.len());
    }

    #[test]
    fn implied_permissions_come_along() {
        let set = PermissionSet::parse(["scan:execute", "remediation:approve"]).unwrap();
        let implied = ["scan:execute", "remediation:approve", "update:check", "update:approve"];
        assert_eq!(set.ids(), implied);
        for permission in Permission::ALL {
            let twice = permission.implied().and_then(Permission::implied);
            assert_eq!(twice, None, "one step is enough");
        }
    }

    #[test]
    fn ids_categories_and_coarse_names_are_read_and_a_bare_star_is_not() {
        let set = PermissionSet::parse(["role:*", "containers.rollback"]).unwrap();
        assert_eq!(set.ids(), ["role:read", "role:write", "role:assign", "update:rollback"]);
        for bad in ["*", "nothing:*", ":*", "update:*:*", "containers.fly"] {
            let refused = PermissionSet::parse(["role:read", bad]);
            assert_eq!(refused, Err(UnknownPermission(bad.to_owned())));
        }
        assert_eq!(PermissionSet::parse_known(["*", "role:read", "of:later"]).ids(), ["role:read"]);
    }
}
