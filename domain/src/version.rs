//! Versions of what people edit: two of them who edit one thing at once do not overwrite each other unknowingly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::refusal::Facts;

/// How often a thing has changed, and when each of its parts did last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    version: u64,
    changed: BTreeMap<String, u64>,
}

/// A thing is no longer what its editor has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    pub expected: u64,
    pub present: u64,
    /// The parts that changed in between.
    pub changed: Vec<String>,
}

impl Versions {
    /// Counts one event, which changed `parts`. The version is the sequence of the stream's last event.
    pub(crate) fn next(&mut self, parts: &[&str]) {
        self.version += 1;
        for part in parts {
            self.changed.insert((*part).to_owned(), self.version);
        }
    }

    /// Whether the thing is what the editor has seen; an editor that names no version takes what there is.
    ///
    /// # Errors
    /// It has changed since.
    pub(crate) fn ensure(&self, expected: Option<u64>) -> Result<(), Stale> {
        match expected {
            Some(expected) if expected != self.version => Err(Stale {
                expected,
                present: self.version,
                changed: self
                    .changed
                    .iter()
                    .filter(|(_, at)| **at > expected)
                    .map(|(part, _)| part.clone())
                    .collect(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Stale {
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            needed: i64::try_from(self.present).ok(),
            available: i64::try_from(self.expected).ok(),
            ..Facts::default()
        }
    }
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            expected,
            present,
            changed,
        } = self;
        if changed.is_empty() {
            write!(f, "there is no version {expected}, the present one is {present}")
        } else {
            let changed = changed.join(", ");
            write!(
                f,
                "changed since version {expected}, in version {present}: {changed}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_learns_what_changed_since_the_version_that_was_seen() {
        let mut versions = Versions::default();
        versions.next(&["name", "phone"]);
        versions.next(&["status"]);
        versions.next(&["phone"]);
        assert_eq!(versions.ensure(Some(3)), Ok(()));
        assert_eq!(versions.ensure(None), Ok(()));
        let stale = versions.ensure(Some(1)).unwrap_err();
        assert_eq!(
            stale.to_string(),
            "changed since version 1, in version 3: phone, status"
        );
        let unknown = versions.ensure(Some(9)).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no version 9, the present one is 3");
    }
}
