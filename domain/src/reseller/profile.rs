//! What is known of a reseller's business, and the rules that its fields keep.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ResellerError;
use crate::commission::Rate;
use crate::personal::Sealed;
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};

/// What is known of the business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub name: String,
    /// As it stands in its register, where that differs from the name.
    #[serde(default)]
    pub company: Option<String>,
    #[serde(default)]
    pub contact_person: Option<Sealed>,
    /// `None` for the house reseller alone.
    #[serde(default)]
    pub contact_email: Option<Sealed>,
    #[serde(default)]
    pub phone: Option<Sealed>,
    /// IANA name; months begin at midnight there.
    pub time_zone: String,
}

impl Profile {
    /// The parts in which the other one differs.
    pub(super) fn changed_parts(&self, other: &Self) -> Vec<&'static str> {
        [
            ("name", self.name != other.name),
            ("company", self.company != other.company),
            ("contactPerson", self.contact_person != other.contact_person),
            ("contactEmail", self.contact_email != other.contact_email),
            ("phone", self.phone != other.phone),
            ("timeZone", self.time_zone != other.time_zone),
        ]
        .into_iter()
        .filter_map(|(part, changed)| changed.then_some(part))
        .collect()
    }
}

pub(super) fn checked_name(name: &str) -> Result<String, ResellerError> {
    text::checked(name, NAME_CHARS_MAX).ok_or(ResellerError::InvalidName)
}

pub(super) fn checked_reason(reason: &str) -> Result<String, ResellerError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(ResellerError::InvalidReason)
}

pub(super) fn checked_rate(rate: Decimal) -> Result<Decimal, ResellerError> {
    Rate::try_from(rate).map_err(|_| ResellerError::InvalidCommissionRate)?;
    Ok(rate)
}

pub(super) fn checked_zone(time_zone: String) -> Result<String, ResellerError> {
    if time_zone.parse::<Tz>().is_ok() {
        Ok(time_zone)
    } else {
        Err(ResellerError::InvalidTimeZone(time_zone))
    }
}

pub(super) fn checked_profile(profile: Profile) -> Result<Profile, ResellerError> {
    let company = profile.company.as_deref().map(checked_name).transpose()?;
    Ok(Profile {
        name: checked_name(&profile.name)?,
        company,
        time_zone: checked_zone(profile.time_zone)?,
        ..profile
    })
}
