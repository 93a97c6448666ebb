//! What the rules of resellers refuse.

use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{NAME_CHARS_MAX, NOTE_CHARS_MAX};
use crate::version::Stale;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ResellerError {
    #[error("there is no such reseller")]
    ResellerNotFound,
    #[error("this reseller is registered already")]
    ResellerAlreadyRegistered,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("a commission rate lies between 0 and 1 with at most 6 decimals, for example 0.20 for 20 %")]
    InvalidCommissionRate,
    #[error("{0:?} is no time zone: use an IANA name such as Europe/Berlin or UTC")]
    InvalidTimeZone(String),
    #[error("the reseller is suspended: resume it first")]
    ResellerSuspended,
    #[error("the reseller is not suspended")]
    ResellerNotSuspended,
    #[error("the application waits for an answer of the platform: approve or decline it first")]
    ResellerPending,
    #[error("the application was declined: ask the platform, which can still approve it")]
    ResellerDeclined,
    #[error("there is no application that waits: it has been answered, or the reseller was registered")]
    ResellerNotPending,
    #[error("the reseller is closed: reopen it first")]
    ResellerClosed,
    #[error("the reseller is not closed")]
    ResellerNotClosed,
    #[error("{0}: read the reseller again, and repeat your change on what it says now")]
    VersionConflict(Stale),
}

impl Refusal for ResellerError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ResellerNotFound => RefusalKind::NotFound,
            Self::ResellerAlreadyRegistered
            | Self::ResellerSuspended
            | Self::ResellerNotSuspended
            | Self::ResellerPending
            | Self::ResellerDeclined
            | Self::ResellerNotPending
            | Self::ResellerClosed
            | Self::ResellerNotClosed
            | Self::VersionConflict(_) => RefusalKind::Conflict,
            Self::InvalidName
            | Self::InvalidReason
            | Self::InvalidCommissionRate
            | Self::InvalidTimeZone(_) => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::VersionConflict(stale) => stale.facts(),
            Self::ResellerNotFound
            | Self::ResellerAlreadyRegistered
            | Self::InvalidName
            | Self::InvalidReason
            | Self::InvalidCommissionRate
            | Self::InvalidTimeZone(_)
            | Self::ResellerSuspended
            | Self::ResellerNotSuspended
            | Self::ResellerPending
            | Self::ResellerDeclined
            | Self::ResellerNotPending
            | Self::ResellerClosed
            | Self::ResellerNotClosed => Facts::default(),
        }
    }
}
