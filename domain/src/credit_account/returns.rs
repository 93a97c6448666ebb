//! What of past movements has been returned: enough to return nothing twice, and no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::credits::Credits;

/// Most movements that are remembered. Older ones cannot be taken back any more.
pub const RETURNS_REMEMBERED_MAX: usize = 4_096;

/// Credits returned, by the number of the movement. Clones share the entries: a command copies its account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Returns {
    of: Arc<BTreeMap<u64, Credits>>,
    /// Number of the first movement of which all is remembered.
    from: u64,
}

impl Returns {
    /// What has been returned of a movement; `None` where it is too old to tell.
    pub(super) fn of(&self, number: u64) -> Option<Credits> {
        (number >= self.from).then(|| self.of.get(&number).copied().unwrap_or_default())
    }

    pub(super) fn add(&mut self, number: u64, credits: Credits) {
        if number < self.from {
            return;
        }
        let entries = Arc::make_mut(&mut self.of);
        let known = entries.entry(number).or_default();
        *known = Credits(known.0.saturating_add(credits.0));
        if entries.len() > RETURNS_REMEMBERED_MAX
            && let Some((oldest, _)) = entries.pop_first()
        {
            self.from = oldest.saturating_add(1);
        }
    }

    /// The return was taken back.
    pub(super) fn remove(&mut self, number: u64, credits: Credits) {
        let entries = Arc::make_mut(&mut self.of);
        if let Some(known) = entries.get_mut(&number) {
            known.0 = known.0.saturating_sub(credits.0);
            if known.0 <= 0 {
                entries.remove(&number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_can_no_longer_be_returned() {
        let mut returns = Returns::default();
        for number in 10..10 + u64::try_from(RETURNS_REMEMBERED_MAX).unwrap() {
            returns.add(number, Credits(3));
        }
        assert_eq!(
            (returns.of(1), returns.of(10)),
            (Some(Credits(0)), Some(Credits(3)))
        );
        returns.add(100_000, Credits(1));
        assert_eq!((returns.of(10), returns.of(11)), (None, Some(Credits(3))));
        returns.remove(11, Credits(2));
        assert_eq!(returns.of(11), Some(Credits(1)));
        returns.remove(11, Credits(1));
        assert_eq!(returns.of(11), Some(Credits(0)));
    }
}
