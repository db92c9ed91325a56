//! Names of what an operation makes: they are unique, atomic and leave no trace afterwards.

use lodeman_domain::container::ContainerName;
use lodeman_domain::update::OperationId;

/// Longest name we derive, bytes.
const MAX_DERIVED: usize = 200;

/// The role of a container that an operation named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The replacement while it is prepared: `<name>__new__<op8>`.
    New,
    /// The old container while it is retained: `<name>__old__<op8>`.
    Old,
}

impl Role {
    fn infix(self) -> &'static str {
        match self {
            Self::New => "__new__",
            Self::Old => "__old__",
        }
    }
}

/// The derived name of `canonical` in `role`. A long name is cut and gets a hash of the whole.
pub(crate) fn derived(canonical: &ContainerName, role: Role, op: OperationId) -> ContainerName {
    let tail = format!("{}{}", role.infix(), op.op8());
    let whole = canonical.as_str();
    let stem = if whole.len() + tail.len() <= MAX_DERIVED {
        whole.to_owned()
    } else {
        // FNV-1a: only to tell two long names with the same beginning apart.
        let hash = whole.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        format!("{}-{:06x}", &whole[..MAX_DERIVED - tail.len() - 7], hash & 0x00ff_ffff)
    };
    // Cutting a valid ASCII name and appending these characters keeps it valid.
    format!("{stem}{tail}").parse().unwrap_or_else(|_| canonical.clone())
}

/// What a derived name says: the (possibly cut) canonical part, the role and the `op8`.
#[must_use]
pub fn parse_derived(name: &ContainerName) -> Option<(&str, Role, &str)> {
    [Role::New, Role::Old].into_iter().find_map(|role| {
        let (stem, op8) = name.as_str().rsplit_once(role.infix())?;
        let hex = op8.len() == 8 && op8.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (hex && !stem.is_empty()).then_some((stem, role, op8))
    })
}

/// The repository of the name that pins an operation's old image; its tag is [`PIN_TAG`].
pub(crate) fn pin_repository(op: OperationId) -> String {
    format!("{PIN_PREFIX}{}", op.op8())
}

/// What every pin's repository begins with.
pub(crate) const PIN_PREFIX: &str = "lodeman.local/pin/";

/// The tag of a pin.
pub(crate) const PIN_TAG: &str = "latest";

/// The whole name of an operation's pin.
pub(crate) fn pin_name(op: OperationId) -> String {
    format!("{}:{PIN_TAG}", pin_repository(op))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op() -> OperationId {
        "019a0000-0000-7000-8000-00000badcafe".parse().unwrap()
    }

    #[test]
    fn derived_names_parse_back() {
        let web: ContainerName = "web".parse().unwrap();
        assert_eq!(derived(&web, Role::New, op()).as_str(), "web__new__0badcafe");
        let old = derived(&web, Role::Old, op());
        assert_eq!(parse_derived(&old), Some(("web", Role::Old, "0badcafe")));
        assert_eq!(parse_derived(&"web__old__xyz".parse().unwrap()), None);
        assert_eq!(pin_name(op()), "lodeman.local/pin/0badcafe:latest");
    }

    #[test]
    fn long_names_are_cut_but_stay_distinct() {
        let a: ContainerName = format!("{}a", "x".repeat(240)).parse().unwrap();
        let b: ContainerName = format!("{}b", "x".repeat(240)).parse().unwrap();
        let (da, db) = (derived(&a, Role::Old, op()), derived(&b, Role::Old, op()));
        assert_eq!(da.as_str().len(), 200);
        assert_ne!(da, db);
    }
}
