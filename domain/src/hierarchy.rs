//! The hierarchy: who hangs below whom, and how much a parent allows.
//!
//! One stream for all resellers, because a circle can only be seen by who sees every edge: two moves at once want the
//! same next event, and the second one is decided again. A reseller that the stream does not name hangs below the
//! platform.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{HOUSE, ResellerId};
use crate::text::{self, NOTE_CHARS_MAX};

pub use error::HierarchyError;

mod error;

/// The one stream.
pub const HIERARCHY_ID: &str = "hierarchy";
/// Longest line of resellers, the first one below the platform and the last one included.
pub const LEVELS_MAX: usize = 16;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Shared, because every command looks at it and few change it.
    #[serde(with = "shared")]
    nodes: Arc<BTreeMap<ResellerId, Node>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    /// `None` below the platform.
    parent_id: Option<ResellerId>,
    limits: Limits,
    /// Closed: it counts no more.
    retired: bool,
}

/// What a parent allows a reseller. `None` is without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Customers of its own that are not closed.
    #[serde(default)]
    pub customers_max: Option<u32>,
    /// Sub-resellers right below it that are not closed.
    #[serde(default)]
    pub sub_resellers_max: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum HierarchyCommand {
    /// Puts a new reseller below another one.
    Place {
        reseller_id: ResellerId,
        parent_id: ResellerId,
        limits: Limits,
    },
    Move {
        reseller_id: ResellerId,
        /// `None` is the platform.
        parent_id: Option<ResellerId>,
        reason: String,
    },
    SetLimits {
        reseller_id: ResellerId,
        limits: Limits,
    },
    /// With the reseller's closing.
    Retire {
        reseller_id: ResellerId,
    },
    /// With its reopening.
    Reinstate {
        reseller_id: ResellerId,
    },
}

/// Facts about the hierarchy. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum HierarchyEvent {
    ResellerPlaced {
        reseller_id: ResellerId,
        parent_id: ResellerId,
        limits: Limits,
    },
    ResellerMoved {
        reseller_id: ResellerId,
        from: Option<ResellerId>,
        to: Option<ResellerId>,
        reason: String,
    },
    ResellerLimitsSet {
        reseller_id: ResellerId,
        limits: Limits,
    },
    ResellerRetired {
        reseller_id: ResellerId,
    },
    ResellerReinstated {
        reseller_id: ResellerId,
    },
}

aggregate!(
    Hierarchy,
    "hierarchy",
    HierarchyCommand,
    HierarchyEvent,
    HierarchyError
);

impl HierarchyEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::ResellerPlaced { .. }
            | Self::ResellerMoved { .. }
            | Self::ResellerLimitsSet { .. }
            | Self::ResellerRetired { .. }
            | Self::ResellerReinstated { .. } => "1",
        }
    }
}

impl Hierarchy {
    /// Right above the reseller; `None` where that is the platform.
    pub fn parent_of(&self, reseller_id: ResellerId) -> Option<ResellerId> {
        self.nodes.get(&reseller_id).and_then(|node| node.parent_id)
    }

    /// The reseller, its parent, and so on up to the platform.
    pub fn line(&self, reseller_id: ResellerId) -> impl Iterator<Item = ResellerId> {
        std::iter::successors(Some(reseller_id), |id| self.parent_of(*id))
    }

    /// Whether `reseller_id` is `ancestor_id` or hangs below it.
    pub fn is_within(&self, reseller_id: ResellerId, ancestor_id: ResellerId) -> bool {
        self.line(reseller_id).any(|id| id == ancestor_id)
    }

    /// What the parent allows.
    pub fn limits_of(&self, reseller_id: ResellerId) -> Limits {
        self.nodes
            .get(&reseller_id)
            .map(|node| node.limits)
            .unwrap_or_default()
    }

    fn is_retired(&self, reseller_id: ResellerId) -> bool {
        self.nodes.get(&reseller_id).is_some_and(|node| node.retired)
    }

    fn open_below(&self, parent_id: ResellerId) -> usize {
        self.nodes
            .values()
            .filter(|node| node.parent_id == Some(parent_id) && !node.retired)
            .count()
    }

    /// Levels from the reseller down to the lowest one below it, itself included.
    fn height(&self, reseller_id: ResellerId) -> usize {
        self.nodes
            .keys()
            .filter_map(|id| self.line(*id).position(|above| above == reseller_id))
            .max()
            .unwrap_or_default()
            + 1
    }

    fn decide(&self, command: HierarchyCommand) -> Result<Vec<HierarchyEvent>, HierarchyError> {
        match command {
            HierarchyCommand::Place {
                reseller_id,
                parent_id,
                limits,
            } => {
                if self.nodes.contains_key(&reseller_id) {
                    return Err(HierarchyError::ResellerAlreadyPlaced);
                }
                self.ensure_room(parent_id, reseller_id)?;
                Ok(vec![HierarchyEvent::ResellerPlaced {
                    reseller_id,
                    parent_id,
                    limits,
                }])
            }
            HierarchyCommand::Move {
                reseller_id,
                parent_id,
                reason,
            } => self.moved(reseller_id, parent_id, &reason),
            HierarchyCommand::SetLimits { reseller_id, .. } if reseller_id == HOUSE => {
                Err(HierarchyError::HouseStays)
            }
            HierarchyCommand::SetLimits { reseller_id, limits } if self.limits_of(reseller_id) == limits => {
                Ok(Vec::new())
            }
            HierarchyCommand::SetLimits { reseller_id, limits } => {
                Ok(vec![HierarchyEvent::ResellerLimitsSet { reseller_id, limits }])
            }
            HierarchyCommand::Retire { reseller_id } => self.retired(reseller_id),
            HierarchyCommand::Reinstate { reseller_id } => {
                if !self.is_retired(reseller_id) {
                    return Err(HierarchyError::ResellerNotClosed);
                }
                if let Some(parent_id) = self.parent_of(reseller_id) {
                    self.ensure_room(parent_id, reseller_id)?;
                }
                Ok(vec![HierarchyEvent::ResellerReinstated { reseller_id }])
            }
        }
    }

    fn moved(
        &self,
        reseller_id: ResellerId,
        parent_id: Option<ResellerId>,
        reason: &str,
    ) -> Result<Vec<HierarchyEvent>, HierarchyError> {
        if reseller_id == HOUSE {
            return Err(HierarchyError::HouseStays);
        }
        let from = self.parent_of(reseller_id);
        if from == parent_id {
            return Err(HierarchyError::ResellerAlreadyThere);
        }
        if let Some(parent_id) = parent_id {
            if self.is_within(parent_id, reseller_id) {
                return Err(HierarchyError::CircularHierarchy);
            }
            if self.is_retired(reseller_id) {
                return Err(HierarchyError::ResellerClosed);
            }
            self.ensure_room(parent_id, reseller_id)?;
        }
        Ok(vec![HierarchyEvent::ResellerMoved {
            reseller_id,
            from,
            to: parent_id,
            reason: text::checked(reason, NOTE_CHARS_MAX).ok_or(HierarchyError::InvalidReason)?,
        }])
    }

    fn retired(&self, reseller_id: ResellerId) -> Result<Vec<HierarchyEvent>, HierarchyError> {
        if reseller_id == HOUSE {
            return Err(HierarchyError::HouseStays);
        }
        if self.is_retired(reseller_id) {
            return Err(HierarchyError::ResellerClosed);
        }
        match self.open_below(reseller_id) {
            0 => Ok(vec![HierarchyEvent::ResellerRetired { reseller_id }]),
            open => Err(HierarchyError::HasSubResellers { open }),
        }
    }

    /// Whether `reseller_id`, with all below it, may hang below `parent_id`.
    fn ensure_room(&self, parent_id: ResellerId, reseller_id: ResellerId) -> Result<(), HierarchyError> {
        if parent_id == HOUSE {
            return Err(HierarchyError::HouseStays);
        }
        let levels = self.line(parent_id).count() + self.height(reseller_id);
        if levels > LEVELS_MAX {
            return Err(HierarchyError::HierarchyTooDeep { levels });
        }
        let open = u32::try_from(self.open_below(parent_id)).unwrap_or(u32::MAX);
        match self.limits_of(parent_id).sub_resellers_max {
            Some(max) if open >= max => Err(HierarchyError::SubResellerLimitReached { max }),
            Some(_) | None => Ok(()),
        }
    }

    fn evolve(&mut self, event: HierarchyEvent) {
        let nodes = Arc::make_mut(&mut self.nodes);
        match event {
            HierarchyEvent::ResellerPlaced {
                reseller_id,
                parent_id,
                limits,
            } => {
                nodes.insert(
                    reseller_id,
                    Node {
                        parent_id: Some(parent_id),
                        limits,
                        retired: false,
                    },
                );
            }
            HierarchyEvent::ResellerMoved { reseller_id, to, .. } => {
                nodes.entry(reseller_id).or_default().parent_id = to;
            }
            HierarchyEvent::ResellerLimitsSet { reseller_id, limits } => {
                nodes.entry(reseller_id).or_default().limits = limits;
            }
            HierarchyEvent::ResellerRetired { reseller_id } => {
                nodes.entry(reseller_id).or_default().retired = true;
            }
            HierarchyEvent::ResellerReinstated { reseller_id } => {
                nodes.entry(reseller_id).or_default().retired = false;
            }
        }
    }
}

/// The shared map, written as the map.
mod shared {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Node;
    use crate::ids::ResellerId;

    type Nodes = Arc<BTreeMap<ResellerId, Node>>;

    pub(super) fn serialize<S: Serializer>(nodes: &Nodes, serializer: S) -> Result<S::Ok, S::Error> {
        nodes.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nodes, D::Error> {
        BTreeMap::deserialize(deserializer).map(Arc::new)
    }
}

#[cfg(test)]
mod tests;
