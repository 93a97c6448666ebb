//! What the rules of the hierarchy refuse.

use super::LEVELS_MAX;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum HierarchyError {
    #[error("this reseller has its place already: move it instead")]
    ResellerAlreadyPlaced,
    #[error("the reseller hangs there already: choose another parent, or leave it where it is")]
    ResellerAlreadyThere,
    #[error("a reseller cannot hang below itself or one of its own sub-resellers: choose a parent outside")]
    CircularHierarchy,
    #[error(
        "this would make a line of {levels} resellers, and {LEVELS_MAX} are possible: choose a parent further up"
    )]
    HierarchyTooDeep { levels: usize },
    #[error(
        "the parent may have {max} sub-resellers and has them: close one, or ask for a higher limit above it"
    )]
    SubResellerLimitReached { max: u32 },
    #[error("the reseller has {open} open sub-resellers: close or move them first")]
    HasSubResellers { open: usize },
    #[error(
        "the house reseller is the platform's own: it has no parent, no sub-resellers and no limits, and stays"
    )]
    HouseStays,
    #[error("the reseller is closed: reopen it first")]
    ResellerClosed,
    #[error("the reseller is not closed")]
    ResellerNotClosed,
    #[error(
        "a reseller further up is suspended or closed, and with it all below: it has to be resumed first"
    )]
    SuspendedAbove,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
}

impl Refusal for HierarchyError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ResellerAlreadyPlaced
            | Self::ResellerAlreadyThere
            | Self::CircularHierarchy
            | Self::HierarchyTooDeep { .. }
            | Self::SubResellerLimitReached { .. }
            | Self::HasSubResellers { .. }
            | Self::HouseStays
            | Self::ResellerClosed
            | Self::ResellerNotClosed
            | Self::SuspendedAbove => RefusalKind::Conflict,
            Self::InvalidReason => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        let (needed, available) = match self {
            Self::HierarchyTooDeep { levels } => {
                (i64::try_from(*levels).ok(), i64::try_from(LEVELS_MAX).ok())
            }
            Self::SubResellerLimitReached { max } => (Some(i64::from(*max) + 1), Some(i64::from(*max))),
            Self::HasSubResellers { open } => (Some(0), i64::try_from(*open).ok()),
            Self::ResellerAlreadyPlaced
            | Self::ResellerAlreadyThere
            | Self::CircularHierarchy
            | Self::HouseStays
            | Self::ResellerClosed
            | Self::ResellerNotClosed
            | Self::SuspendedAbove
            | Self::InvalidReason => (None, None),
        };
        Facts {
            needed,
            available,
            ..Facts::default()
        }
    }
}
