//! The ten permissions that Docker Sentinel's clients know, in terms of ours (governance contract, section
//! 11.15; sentinel contract, section 8).

use std::fmt;
use std::str::FromStr;

use crate::permission::{Permission, UnknownPermission};
use crate::permission_set::PermissionSet;
use crate::principal::Principal;

macro_rules! coarse {
    ($($variant:ident = $id:literal [$($needs:ident)*])*) => {
        /// A coarse permission. Ordered as `/api/auth/me` lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Coarse {
            $(#[doc = concat!("`", $id, "`.")] $variant,)*
        }

        impl Coarse {
            /// All of them, in canonical order.
            pub const ALL: [Self; 10] = [$(Self::$variant,)*];

            /// Its name on the wire.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What must be held for it to be held.
            #[must_use]
            pub fn needs(self) -> PermissionSet {
                match self {
                    $(Self::$variant => [$(Permission::$needs),*].into_iter().collect(),)*
                }
            }
        }
    };
}

coarse! {
    ContainersView = "containers.view" [ContainerRead UpdateRead ImageRead HostRead]
    ContainersUpdate = "containers.update" [UpdateCheck UpdateApply]
    ContainersApprove = "containers.approve" [UpdateApprove]
    ContainersRollback = "containers.rollback" [UpdateRollback]
    ContainersManage = "containers.manage" [ContainerControl ContainerConfigure]
    SettingsView = "settings.view" [SystemRead]
    SettingsModify = "settings.modify" [SystemConfigWrite]
    UsersManage = "users.manage" [UserRead UserWrite UserDelete RoleAssign AdminUserManage]
    LogsView = "logs.view" [AuditRead ContainerLogs]
    HistoryView = "history.view" [UpdateRead]
}

impl fmt::Display for Coarse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Coarse {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let known = Self::ALL.into_iter().find(|coarse| coarse.id() == text);
        known.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// The names of what `principal` holds, in canonical order, for `/api/auth/me`.
#[must_use]
pub fn coarse_permissions(principal: &Principal) -> Vec<&'static str> {
    let held = |coarse: &Coarse| principal.permissions.contains_all(coarse.needs());
    Coarse::ALL.into_iter().filter(held).map(Coarse::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::BuiltInRole;

    fn of(role: BuiltInRole) -> Vec<&'static str> {
        let permissions = role.permissions();
        coarse_permissions(&Principal { permissions, ..Principal::system() })
    }

    #[test]
    fn roles_hold_what_the_permission_matrix_says() {
        let all = [
            "containers.view",
            "containers.update",
            "containers.approve",
            "containers.rollback",
            "containers.manage",
            "settings.view",
            "settings.modify",
            "users.manage",
            "logs.view",
            "history.view",
        ];
        assert_eq!(of(BuiltInRole::Admin), all);
        let not_of_operator = ["settings.modify", "users.manage"];
        let operator: Vec<_> = all.into_iter().filter(|id| !not_of_operator.contains(id)).collect();
        assert_eq!(of(BuiltInRole::Operator), operator);
        let viewer = ["containers.view", "settings.view", "logs.view", "history.view"];
        assert_eq!(of(BuiltInRole::Viewer), viewer);
    }

    #[test]
    fn a_coarse_permission_is_held_when_all_of_its_parts_are() {
        let part = PermissionSet::parse(["update:check", "update:rollback"]).unwrap();
        let principal = Principal { permissions: part, ..Principal::system() };
        assert_eq!(coarse_permissions(&principal), ["containers.rollback"]);
    }

    #[test]
    fn every_name_is_read_back() {
        for coarse in Coarse::ALL {
            assert_eq!(coarse.to_string().parse(), Ok(coarse));
            assert!(!coarse.needs().is_empty());
        }
        assert!("containers.View".parse::<Coarse>().is_err());
    }
}
