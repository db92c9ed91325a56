//! The columns of a table of containers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A column that pages may show of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DashboardColumn {
    /// What it runs.
    Image,
    /// What happens with updates.
    Policy,
    /// Whether it runs.
    Status,
    /// What it publishes.
    Ports,
}

impl DashboardColumn {
    /// Every column, in the order in which they stand.
    pub const ALL: [Self; 4] = [Self::Image, Self::Policy, Self::Status, Self::Ports];

    /// The column's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Policy => "policy",
            Self::Status => "status",
            Self::Ports => "ports",
        }
    }
}

/// No column has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such column")]
pub struct NoSuchColumn;

impl FromStr for DashboardColumn {
    type Err = NoSuchColumn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|column| column.as_str() == text).ok_or(NoSuchColumn)
    }
}
