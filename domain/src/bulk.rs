//! A bulk: one command for many rows, carried out row by row or all at once. Its rows lie in a work list beside the
//! log; what each of them did is in the streams of what it changed.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::ResellerId;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NOTE_CHARS_MAX};

/// Most rows of a bulk.
pub const ROWS_MAX: u32 = 100_000;
/// Most rows that are carried out as one, or tried.
pub const ROWS_AT_ONCE_MAX: u32 = 5_000;

/// What is done with every row.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BulkKind {
    Create,
    Extend,
    Suspend,
    Resume,
    Move,
}

/// What becomes of the others when one row is refused.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum BulkMode {
    /// They are carried out.
    BestEffort,
    /// None is.
    AllOrNothing,
}

/// How a bulk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BulkOutcome {
    /// Every row was carried out or refused.
    Completed,
    /// A row was refused, so none was carried out.
    NothingDone,
    /// It was cancelled before its last row.
    Cancelled,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bulk {
    /// Whose customers it is about; `None` before it has begun.
    reseller_id: Option<ResellerId>,
    cancelled: bool,
    ended: bool,
}

#[derive(Clone, Debug)]
pub enum BulkCommand {
    Begin {
        reseller_id: ResellerId,
        kind: BulkKind,
        mode: BulkMode,
        rows: u32,
        sha256: String,
    },
    /// Rows that have not been begun are left.
    Cancel { reason: String },
    End {
        outcome: BulkOutcome,
        done: u32,
        failed: u32,
    },
}

/// Facts about a bulk. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum BulkEvent {
    BulkBegun {
        reseller_id: ResellerId,
        kind: BulkKind,
        mode: BulkMode,
        rows: u32,
        /// Of the file, lower-case hex.
        sha256: String,
    },
    BulkCancelled {
        reason: String,
    },
    BulkEnded {
        outcome: BulkOutcome,
        done: u32,
        failed: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum BulkError {
    #[error("there is no such bulk")]
    BulkNotFound,
    #[error("this bulk has begun already")]
    BulkAlreadyBegun,
    #[error("the bulk has ended: there is nothing left to cancel")]
    BulkEnded,
    #[error("the bulk has been cancelled already")]
    BulkAlreadyCancelled,
    #[error("the file has no rows: send a header and at least one row")]
    BulkEmpty,
    #[error("a bulk has at most {max} rows in the mode {mode}: send several", mode = mode.as_ref())]
    BulkTooLong { max: u32, mode: BulkMode },
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
}

impl Refusal for BulkError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::BulkNotFound => RefusalKind::NotFound,
            Self::BulkAlreadyBegun | Self::BulkEnded | Self::BulkAlreadyCancelled => RefusalKind::Conflict,
            Self::BulkEmpty | Self::BulkTooLong { .. } | Self::InvalidReason => RefusalKind::Invalid,
        }
    }
}

aggregate!(Bulk, "bulk", BulkCommand, BulkEvent, BulkError);

impl BulkEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::BulkBegun { .. } | Self::BulkCancelled { .. } | Self::BulkEnded { .. } => "1",
        }
    }
}

/// Most rows of a bulk of this mode.
pub fn rows_max(mode: BulkMode) -> u32 {
    match mode {
        BulkMode::BestEffort => ROWS_MAX,
        BulkMode::AllOrNothing => ROWS_AT_ONCE_MAX,
    }
}

impl Bulk {
    /// Whose customers it is about; `None` for a bulk that has not begun.
    pub fn reseller_id(&self) -> Option<ResellerId> {
        self.reseller_id
    }

    /// Whether its rows are to be left.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    fn decide(&self, command: BulkCommand) -> Result<Vec<BulkEvent>, BulkError> {
        match command {
            BulkCommand::Begin { .. } if self.reseller_id.is_some() => Err(BulkError::BulkAlreadyBegun),
            BulkCommand::Begin {
                reseller_id,
                kind,
                mode,
                rows,
                sha256,
            } => {
                if rows == 0 {
                    return Err(BulkError::BulkEmpty);
                }
                let max = rows_max(mode);
                if rows > max {
                    return Err(BulkError::BulkTooLong { max, mode });
                }
                Ok(vec![BulkEvent::BulkBegun {
                    reseller_id,
                    kind,
                    mode,
                    rows,
                    sha256,
                }])
            }
            BulkCommand::Cancel { reason } => {
                self.ensure_running()?;
                if self.cancelled {
                    return Err(BulkError::BulkAlreadyCancelled);
                }
                let reason = text::checked(&reason, NOTE_CHARS_MAX).ok_or(BulkError::InvalidReason)?;
                Ok(vec![BulkEvent::BulkCancelled { reason }])
            }
            BulkCommand::End {
                outcome,
                done,
                failed,
            } => {
                self.ensure_running()?;
                Ok(vec![BulkEvent::BulkEnded {
                    outcome,
                    done,
                    failed,
                }])
            }
        }
    }

    fn ensure_running(&self) -> Result<(), BulkError> {
        if self.reseller_id.is_none() {
            Err(BulkError::BulkNotFound)
        } else if self.ended {
            Err(BulkError::BulkEnded)
        } else {
            Ok(())
        }
    }

    fn evolve(&mut self, event: BulkEvent) {
        match event {
            BulkEvent::BulkBegun { reseller_id, .. } => self.reseller_id = Some(reseller_id),
            BulkEvent::BulkCancelled { .. } => self.cancelled = true,
            BulkEvent::BulkEnded { .. } => self.ended = true,
        }
    }
}

#[cfg(test)]
mod tests;
