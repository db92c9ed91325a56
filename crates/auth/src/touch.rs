//! When sessions and tokens were last used, kept in memory until it is written down together with the rest,
//! so that a request costs no commit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use lodeman_store::{AccountWrite, Write};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Used {
    /// A session, by the stored form of its token.
    Session(String),
    /// A token, by its id.
    Token(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) at: Timestamp,
    pub(crate) from: String,
}

#[derive(Debug, Default)]
pub(crate) struct Touches(Mutex<HashMap<Used, Touch>>);

impl Touches {
    fn lock(&self) -> MutexGuard<'_, HashMap<Used, Touch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, used: Used, touch: Touch) {
        let mut touches = self.lock();
        if touches.get(&used).is_none_or(|known| known.at <= touch.at) {
            touches.insert(used, touch);
        }
    }

    pub(crate) fn find(&self, used: &Used) -> Option<Touch> {
        self.lock().get(used).cloned()
    }

    /// All there are, which are forgotten.
    pub(crate) fn take(&self) -> HashMap<Used, Touch> {
        std::mem::take(&mut *self.lock())
    }
}

/// As writes.
pub(crate) fn writes(touches: &HashMap<Used, Touch>) -> Vec<Write> {
    let write = |(used, touch): (&Used, &Touch)| {
        let Touch { at, from } = touch.clone();
        match used.clone() {
            Used::Session(token_hash) => AccountWrite::TouchSession { token_hash, at },
            Used::Token(id) => AccountWrite::TouchToken { id, at, from },
        }
    };
    touches.iter().map(write).map(Write::from).collect()
}
