//! The registry of permissions (governance contract, sections 4.1 and 4.3).

use std::fmt;
use std::str::FromStr;

/// A permission id that no version of this server knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission `{0}`")]
pub struct UnknownPermission(pub String);

macro_rules! permissions {
    ($($variant:ident = $id:literal $grants:literal $description:literal)*) => {
        /// One thing a caller may be allowed to do. Ordered as the registry lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $(#[doc = $description] $variant,)*
        }

        impl Permission {
            /// All of them, in canonical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The id, `category:action`, as `x-required-permission` and stored roles say it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What it allows, as a sentence for people.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            /// The built-in roles that hold it, a letter each, and `!` where it is dangerous.
            const fn grants(self) -> &'static str {
                match self { $(Self::$variant => $grants,)* }
            }
        }
    };
}

// Letters: V viewer, A auditor, O ops_lead, P what operator has beyond ops_lead, S security_admin, X admin.
permissions! {
    AuthRead = "auth:read" "VAOSX" "See the own account."
    AuthWrite = "auth:write" "AOSX" "Change the own account."
    UserRead = "user:read" "SX" "See accounts."
    UserWrite = "user:write" "SX" "Make and change accounts."
    UserDelete = "user:delete" "X!" "Delete accounts."
    HostRead = "host:read" "VAOSX" "See hosts."
    HostWrite = "host:write" "OSX" "Add and change hosts."
    HostDelete = "host:delete" "SX!" "Delete hosts."
    HostConnectivityCheck = "host:connectivity_check" "OSX" "Check whether a host can be reached."
    HostIntelligenceRefresh = "host:intelligence_refresh" "OSX" "Collect a host's inventory anew."
    CredentialRead = "credential:read" "OSX" "See credentials without their secrets."
    CredentialWrite = "credential:write" "SX" "Make and change credentials."
    CredentialDelete = "credential:delete" "SX!" "Delete credentials."
    ScanRead = "scan:read" "VAOSX" "See scans and their results."
    ScanExecute = "scan:execute" "OSX" "Start scans."
    ScanCancel = "scan:cancel" "OSX" "Stop scans."
    ScanTemplateRead = "scan_template:read" "VAOSX" "See scan templates."
    ScanTemplateWrite = "scan_template:write" "OSX" "Make and change scan templates."
    ScanTemplateDelete = "scan_template:delete" "SX!" "Delete scan templates."
    ComplianceRead = "compliance:read" "VAOSX" "See policy checks and scores."
    BaselineRead = "baseline:read" "VAOSX" "See baselines."
    BaselineWrite = "baseline:write" "OSX" "Make and change baselines."
    BaselineDelete = "baseline:delete" "SX!" "Delete baselines."
    ExceptionRead = "exception:read" "VAOSX" "See waivers."
    ExceptionRequest = "exception:request" "AOSX" "Ask for a waiver."
    ExceptionComment = "exception:comment" "AOSX" "Comment on a waiver."
    ExceptionApprove = "exception:approve" "ASX" "Decide on a waiver."
    ExceptionRevoke = "exception:revoke" "SX!" "Take a waiver back."
    AlertRead = "alert:read" "VAOSX" "See alerts."
    AlertAcknowledge = "alert:acknowledge" "OSX" "Acknowledge alerts."
    AlertResolve = "alert:resolve" "OSX" "Resolve alerts."
    AlertWrite = "alert:write" "SX" "Change when alerts are raised."
    NotificationRead = "notification:read" "VAOSX" "See notification channels without their secrets."
    NotificationWrite = "notification:write" "SX" "Make and change notification channels."
    NotificationDelete = "notification:delete" "SX!" "Delete notification channels."
    NotificationTest = "notification:test" "OSX" "Send a test notification."
    TokenRead = "token:read" "SX" "See everyone's API tokens without their secrets."
    TokenWrite = "token:write" "SX" "Make API tokens for others."
    TokenDelete = "token:delete" "SX!" "Delete everyone's API tokens."
    LicenseRead = "license:read" "VAOSX" "See what is licensed."
    LicenseInstall = "license:install" "SX!" "Install a licence."
    LicenseRevoke = "license:revoke" "X!" "Revoke a licence."
    PolicyRead = "policy:read" "VAOSX" "See policies."
    PolicyReload = "policy:reload" "SX" "Load policies anew."
    PolicyInstall = "policy:install" "SX!" "Install policies."
    RemediationRead = "remediation:read" "VAOSX" "See fixes."
    RemediationRequest = "remediation:request" "OSX" "Ask for a fix."
    RemediationApprove = "remediation:approve" "SX" "Approve a fix."
    RemediationExecute = "remediation:execute" "OSX!" "Carry a fix out."
    RemediationRollback = "remediation:rollback" "OSX!" "Take a fix back."
    IntegrationRead = "integration:read" "VAOSX" "See connections to other products without their secrets."
    IntegrationWrite = "integration:write" "SX" "Make and change connections to other products."
    IntegrationExecute = "integration:execute" "SX" "Have other products do something."
    AuditRead = "audit:read" "VAOSX" "See the audit trail and the activity log."
    AuditExport = "audit:export" "ASX" "Export the audit trail."
    SystemRead = "system:read" "VAOSX" "See settings without their secrets."
    SystemConfigWrite = "system:config_write" "X!" "Change settings."
    SystemAuthPolicyRead = "system:auth_policy_read" "SX" "See the rules for passwords and sessions."
    SystemAuthPolicyWrite = "system:auth_policy_write" "SX!" "Change the rules for passwords and sessions."
    RoleRead = "role:read" "VX" "See roles."
    RoleWrite = "role:write" "X!" "Make and change roles."
    RoleAssign = "role:assign" "X!" "Give roles to accounts."
    AdminUserManage = "admin:user_manage" "X!" "Manage accounts in every respect."
    AdminRoleManage = "admin:role_manage" "X!" "Manage roles in every respect."
    AdminRetentionPolicy = "admin:retention_policy" "X!" "Change how long records are kept."
    AdminSsoProvider = "admin:sso_provider" "X!" "Manage providers of single sign-on."
    AdminSystemSetting = "admin:system_setting" "X!" "Change settings of the system itself."
    ContainerRead = "container:read" "VAOSX" "See containers."
    ContainerControl = "container:control" "OSX" "Start, stop and restart containers."
    ContainerLogs = "container:logs" "VOSX" "Read the output of containers."
    ContainerConfigure = "container:configure" "OSX" "Set policy, pin and what is ignored of containers."
    UpdateRead = "update:read" "VAOSX" "See the queue and the history."
    UpdateCheck = "update:check" "OSX" "Check for updates."
    UpdateApply = "update:apply" "OSX!" "Apply updates."
    UpdateApprove = "update:approve" "PSX" "Approve, ignore and reject updates."
    UpdateRollback = "update:rollback" "OSX!" "Roll containers back."
    ImageRead = "image:read" "VAOSX" "See images."
    ImagePrune = "image:prune" "PSX!" "Remove images."
    RegistryRead = "registry:read" "VAOSX" "See registries and their limits without their secrets."
    HookWrite = "hook:write" "SX!" "Change hooks."
    AgentEnroll = "agent:enroll" "SX!" "Let agents join and leave."
    MetricsRead = "metrics:read" "VAOSX" "Read metrics."
}

impl Permission {
    /// The part of the id before the colon.
    #[must_use]
    pub fn category(self) -> &'static str {
        self.id().split_once(':').map_or("", |(category, _)| category)
    }

    /// Whether a person is asked again before it is used, and a refusal is looked at first.
    #[must_use]
    pub fn is_dangerous(self) -> bool {
        self.grants().contains('!')
    }

    /// Whether the built-in role with this letter holds it.
    pub(crate) fn is_granted_to(self, letter: char) -> bool {
        self.grants().contains(letter)
    }

    /// What whoever holds this holds as well (governance contract, section 4.3).
    #[must_use]
    pub const fn implied(self) -> Option<Self> {
        match self {
            Self::ScanExecute => Some(Self::UpdateCheck),
            Self::RemediationExecute => Some(Self::UpdateApply),
            Self::RemediationApprove => Some(Self::UpdateApprove),
            Self::RemediationRollback => Some(Self::UpdateRollback),
            _ => None,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let known = Self::ALL.iter().find(|permission| permission.id() == text);
        known.copied().ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn is_word(text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    #[test]
    fn every_id_is_of_the_grammar_once_and_read_back() {
        let ids: BTreeSet<_> = Permission::ALL.iter().map(|p| p.id()).collect();
        assert_eq!(ids.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            let (category, action) = permission.id().split_once(':').unwrap();
            assert!(is_word(category) && is_word(action), "{permission}");
            assert_eq!(permission.id().parse(), Ok(*permission));
            assert!(permission.description().ends_with('.'), "{permission}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for bad in ["", "*", "container", "container:", "container:*", "Container:read", "container:read "] {
            assert_eq!(bad.parse::<Permission>(), Err(UnknownPermission(bad.to_owned())));
        }
    }

    #[test]
    fn there_are_67_of_the_governance_contract_in_20_categories_and_15_of_the_container_domain() {
        let (old, new) = Permission::ALL.split_at(67);
        let categories: BTreeSet<_> = old.iter().map(|p| p.category()).collect();
        assert_eq!((categories.len(), new.len()), (20, 15));
        assert_eq!(new[0], Permission::ContainerRead);
    }

    #[test]
    fn admin_holds_everything() {
        assert!(Permission::ALL.iter().all(|permission| permission.is_granted_to('X')));
    }
}
