//! Roles (governance contract, sections 4.1 to 4.3; sentinel contract, section 7.7).

use crate::permission::Permission;
use crate::permission_set::PermissionSet;

/// The roles that every installation has. They come with the program, so that a new permission reaches
/// those who are to have it, and cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuiltInRole {
    /// Reads everywhere.
    Viewer,
    /// Reads, decides waivers, exports the audit trail.
    Auditor,
    /// Runs hosts and updates; approves nothing.
    OpsLead,
    /// Runs hosts and updates and approves them: Docker Sentinel's operator.
    Operator,
    /// All operational and security domains.
    SecurityAdmin,
    /// Everything.
    Admin,
}

impl BuiltInRole {
    /// All of them, the weakest first.
    pub const ALL: [Self; 6] =
        [Self::Viewer, Self::Auditor, Self::OpsLead, Self::Operator, Self::SecurityAdmin, Self::Admin];

    /// The role's id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::OpsLead => "ops_lead",
            Self::Operator => "operator",
            Self::SecurityAdmin => "security_admin",
            Self::Admin => "admin",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Auditor => "Auditor",
            Self::OpsLead => "Operations lead",
            Self::Operator => "Operator",
            Self::SecurityAdmin => "Security administrator",
            Self::Admin => "Administrator",
        }
    }

    /// The role with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// What it holds.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        let letters = match self {
            Self::Viewer => "V",
            Self::Auditor => "A",
            Self::OpsLead => "O",
            Self::Operator => "OP",
            Self::SecurityAdmin => "S",
            Self::Admin => "X",
        };
        let held = |permission: &Permission| letters.chars().any(|letter| permission.is_granted_to(letter));
        Permission::ALL.iter().copied().filter(held).collect()
    }
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it holds.
    pub permissions: PermissionSet,
    /// Whether it comes with the program and cannot be changed.
    pub built_in: bool,
}

impl From<BuiltInRole> for Role {
    fn from(role: BuiltInRole) -> Self {
        Self {
            id: role.id().to_owned(),
            name: role.name().to_owned(),
            permissions: role.permissions(),
            built_in: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_governance(role: BuiltInRole) -> usize {
        Permission::ALL[..67].iter().filter(|p| role.permissions().contains(**p)).count()
    }

    #[test]
    fn bundles_have_the_sizes_of_the_governance_contract() {
        let sizes = [
            (BuiltInRole::Viewer, 16),
            (BuiltInRole::Auditor, 20),
            (BuiltInRole::OpsLead, 32),
            (BuiltInRole::SecurityAdmin, 56),
            (BuiltInRole::Admin, 67),
        ];
        for (role, size) in sizes {
            assert_eq!(of_governance(role), size, "{role:?}");
        }
    }

    #[test]
    fn operator_is_ops_lead_who_may_approve_and_remove_images() {
        let (operator, lead) = (BuiltInRole::Operator.permissions(), BuiltInRole::OpsLead.permissions());
        let beyond: Vec<_> = operator.iter().filter(|p| !lead.contains(*p)).collect();
        assert!(operator.contains_all(lead));
        assert_eq!(beyond, [Permission::UpdateApprove, Permission::ImagePrune]);
    }

    #[test]
    fn viewer_reads_container_output_and_changes_nothing() {
        let viewer = BuiltInRole::Viewer.permissions();
        assert!(viewer.contains(Permission::ContainerLogs));
        let writes: Vec<_> = viewer.ids().into_iter().filter(|id| !id.ends_with(":read")).collect();
        assert_eq!(writes, ["container:logs"]);
    }

    #[test]
    fn a_role_is_found_by_its_exact_id_only() {
        for role in BuiltInRole::ALL {
            assert_eq!(BuiltInRole::find(role.id()), Some(role));
        }
        for unknown in ["", "Admin", "root"] {
            assert_eq!(BuiltInRole::find(unknown), None);
        }
    }
}
