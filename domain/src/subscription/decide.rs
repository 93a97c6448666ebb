//! What follows from a command to a subscription.

use chrono::{DateTime, Days, Utc};
use uuid::Uuid;

use super::grant::{Grant, GrantCut, GrantSource};
use super::proration::Value;
use super::{CancelWhen, DAYS_MAX, NewGrant, NewPlan, Standing, Subscription, SubscriptionCommand};
use super::{SubscriptionError, SubscriptionEvent};
use crate::credits::Credits;
use crate::ids::GrantId;
use crate::text::{self, NOTE_CHARS_MAX};
use crate::tier::Tier;

type Decided = Result<Vec<SubscriptionEvent>, SubscriptionError>;

impl Subscription {
    pub(super) fn decide(&self, command: SubscriptionCommand) -> Decided {
        match command {
            SubscriptionCommand::Grant(grant) => self.granted(&grant, grant.at),
            SubscriptionCommand::Extend(grant) => {
                self.ensure_running()?;
                let starts_at = self.extension_start(grant.at)?;
                self.granted(&grant, starts_at)
            }
            SubscriptionCommand::Date {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
            } => self.date(Grant {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                credits_per_day: 0,
                carry: 0,
                payments: vec![],
            }),
            SubscriptionCommand::ChangePlan(plan) => self.change_plan(&plan),
            SubscriptionCommand::Pause { reason, at } => self.pause(&reason, at),
            SubscriptionCommand::Resume { grant_id, reason, at } => self.resume(grant_id, &reason, at),
            SubscriptionCommand::Cancel {
                when,
                reason,
                returned,
                at,
            } => self.cancel(when, &reason, returned, at),
            SubscriptionCommand::SetAutoRenewal { days } => self.set_auto_renewal(days),
            SubscriptionCommand::FailRenewal {
                code,
                message,
                retry_at,
                grace,
            } => {
                let failed = SubscriptionEvent::RenewalFailed {
                    attempt: self.renewals_failed.saturating_add(1),
                    code,
                    message,
                    retry_at,
                };
                let bridged = match (grace, self.ends_at()) {
                    (Some(grace), Some(ends_at)) => {
                        let starts_at = ends_at.max(grace.at);
                        self.granted(&grace, starts_at)?
                    }
                    (Some(_) | None, _) => vec![],
                };
                Ok(std::iter::once(failed).chain(bridged).collect())
            }
        }
    }

    fn date(&self, grant: Grant) -> Decided {
        if grant.ends_at < grant.starts_at {
            return Err(SubscriptionError::InvalidPeriod);
        }
        let before = self.grants.iter().find(|known| known.grant_id == grant.grant_id);
        let unchanged = match before {
            Some(before) => *before == grant,
            None => grant.starts_at == grant.ends_at,
        };
        if unchanged {
            return Ok(vec![]);
        }
        let others = self
            .grants
            .iter()
            .filter(|known| known.grant_id != grant.grant_id);
        let last = others
            .chain([&grant])
            .filter(|left| left.starts_at < left.ends_at)
            .max_by_key(|left| left.ends_at)
            .unwrap_or(&grant);
        Ok(vec![SubscriptionEvent::AccessDated {
            grant_id: grant.grant_id,
            tier: grant.tier,
            source: grant.source,
            starts_at: grant.starts_at,
            ends_at: grant.ends_at,
            leaves: Standing {
                tier: last.tier,
                ends_at: last.ends_at,
            },
        }])
    }

    /// Days of grace are no gift: as long as they last, what is paid goes on where the days before them ended. Days
    /// that are paid do not wait for the end of a trial.
    fn extension_start(&self, at: DateTime<Utc>) -> Result<DateTime<Utc>, SubscriptionError> {
        let of = |source: GrantSource| self.grants.iter().filter(move |grant| grant.source == source);
        let is_bridged = of(GrantSource::Grace).any(|grant| grant.ends_at > at);
        let is_tried = of(GrantSource::Trial).next().is_some();
        let others = self
            .grants
            .iter()
            .filter(|grant| ![GrantSource::Grace, GrantSource::Trial].contains(&grant.source));
        match (others.map(|grant| grant.ends_at).max(), self.ends_at()) {
            (Some(ended_at), _) if is_bridged => Ok(ended_at),
            (Some(ended_at), _) => Ok(ended_at.max(at)),
            (None, Some(_)) if is_tried => Ok(at),
            (None, Some(ends_at)) => Ok(ends_at.max(at)),
            (None, None) => Err(SubscriptionError::SubscriptionNotFound),
        }
    }

    fn granted(&self, grant: &NewGrant, starts_at: DateTime<Utc>) -> Decided {
        // What a store sells it sells, whether or not our time stands still.
        if grant.source != GrantSource::Store {
            self.ensure_running()?;
        }
        ensure_period(grant.days)?;
        let ends_at = starts_at
            .checked_add_days(Days::new(grant.days.into()))
            .ok_or(SubscriptionError::InvalidPeriod)?;
        Ok(vec![SubscriptionEvent::AccessGranted {
            grant_id: grant.grant_id,
            tier: grant.tier,
            source: grant.source,
            days: grant.days,
            starts_at,
            ends_at,
            credits_per_day: grant.credits_per_day,
            reason: grant.reason.as_deref().map(checked_reason).transpose()?,
            payment: grant.payment,
        }])
    }

    fn change_plan(&self, plan: &NewPlan) -> Decided {
        self.ensure_running()?;
        if plan.from == plan.to {
            return Err(SubscriptionError::PlanUnchanged(plan.to));
        }
        let changed: Vec<&Grant> = self
            .grants
            .iter()
            .filter(|grant| grant.source == GrantSource::Credits)
            .filter(|grant| grant.tier == plan.from && grant.ends_at > plan.at)
            .collect();
        let mut granted = Value::left(changed.iter().copied(), plan.at)
            .buy(plan.grant_id, plan.to, plan.credits_per_day, plan.at)
            .ok_or(SubscriptionError::NothingToChange(plan.from))?;
        let payments = changed.iter().flat_map(|grant| grant.payments.iter().copied());
        granted.payments = payments.collect();
        let cut: Vec<_> = changed.iter().map(|grant| grant.cut(plan.at)).collect();
        Ok(vec![SubscriptionEvent::PlanChanged {
            at: plan.at,
            from: plan.from,
            to: plan.to,
            leaves: self.left_by(&cut, std::slice::from_ref(&granted), plan.to, plan.at),
            cut,
            granted,
        }])
    }

    /// A store's time is the store's: it does not stand still.
    fn pause(&self, reason: &str, at: DateTime<Utc>) -> Decided {
        self.ensure_running()?;
        let reason = checked_reason(reason)?;
        let tier = self.ours(at)?.tier;
        let cut: Vec<_> = self.own(at).map(|grant| grant.cut(at)).collect();
        let leaves = self.left_by(&cut, &[], tier, at);
        Ok(vec![SubscriptionEvent::SubscriptionPaused {
            at,
            reason,
            cut,
            leaves,
        }])
    }

    fn resume(&self, grant_id: GrantId, reason: &str, at: DateTime<Utc>) -> Decided {
        let Some(pause) = &self.pause else {
            return Err(SubscriptionError::SubscriptionNotPaused);
        };
        let stood_still = at - pause.at;
        let goes_on = |(number, held): (u32, &Grant)| Grant {
            grant_id: GrantId(Uuid::new_v5(&grant_id.0, &number.to_be_bytes())),
            starts_at: held.starts_at + stood_still,
            ends_at: held.ends_at + stood_still,
            ..held.clone()
        };
        let granted: Vec<_> = (0..).zip(&pause.held).map(goes_on).collect();
        let Some(first) = granted.first() else {
            return Err(SubscriptionError::SubscriptionNotPaused);
        };
        let leaves = self.left_by(&[], &granted, first.tier, at);
        Ok(vec![SubscriptionEvent::SubscriptionResumed {
            at,
            reason: checked_reason(reason)?,
            granted,
            leaves,
        }])
    }

    fn cancel(&self, when: CancelWhen, reason: &str, returned: Credits, at: DateTime<Utc>) -> Decided {
        let reason = checked_reason(reason)?;
        let held = self.pause.iter().flat_map(|pause| &pause.held).next();
        let tier = held.map_or_else(|| self.ours(at), Ok)?.tier;
        let (cut, returned): (Vec<_>, _) = match when {
            CancelWhen::AtEnd => (vec![], Credits(0)),
            CancelWhen::Now => {
                let cut = self.own(at).map(|grant| grant.cut(at)).collect();
                (cut, returned.clamp(Credits(0), self.returns(at)))
            }
        };
        let leaves = self.left_by(&cut, &[], tier, at);
        Ok(vec![SubscriptionEvent::SubscriptionCancelled {
            at,
            when,
            reason,
            cut,
            returned,
            leaves,
        }])
    }

    fn set_auto_renewal(&self, days: Option<u32>) -> Decided {
        days.map(ensure_period).transpose()?;
        if self.grants.is_empty() && self.pause.is_none() {
            return Err(SubscriptionError::SubscriptionNotFound);
        }
        if self.auto_renewal == days {
            return Ok(vec![]);
        }
        Ok(vec![SubscriptionEvent::AutoRenewalSet { days }])
    }

    /// A grant that is ours to end.
    fn ours(&self, at: DateTime<Utc>) -> Result<&Grant, SubscriptionError> {
        let runs = self.grants.iter().any(|grant| grant.ends_at > at);
        self.own(at).next().ok_or_else(|| {
            if runs {
                SubscriptionError::SubscriptionOfStore
            } else {
                self.why_none()
            }
        })
    }

    /// What holds at `at` or later and is ours to end.
    fn own(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Grant> {
        self.grants
            .iter()
            .filter(move |grant| grant.source != GrantSource::Store && grant.ends_at > at)
    }

    /// The grant that ends last after a change; where none is left, one of `tier` that ends at `at`.
    fn left_by(&self, cut: &[GrantCut], granted: &[Grant], tier: Tier, at: DateTime<Utc>) -> Standing {
        let mut after = self.clone();
        after.cut(cut);
        after.grants.extend_from_slice(granted);
        let last = after.grants.iter().max_by_key(|grant| grant.ends_at);
        last.map_or(Standing { tier, ends_at: at }, |last| Standing {
            tier: last.tier,
            ends_at: last.ends_at,
        })
    }

    fn ensure_running(&self) -> Result<(), SubscriptionError> {
        match &self.pause {
            Some(pause) => Err(SubscriptionError::SubscriptionPaused(pause.at)),
            None => Ok(()),
        }
    }
}

fn ensure_period(days: u32) -> Result<(), SubscriptionError> {
    if (1..=DAYS_MAX).contains(&days) {
        Ok(())
    } else {
        Err(SubscriptionError::InvalidPeriod)
    }
}

fn checked_reason(reason: &str) -> Result<String, SubscriptionError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(SubscriptionError::InvalidReason)
}
