//! What an event changes about a subscription.

use super::{CancelWhen, Grant, GrantCut, GrantSource, Pause, Subscription, SubscriptionEvent};

impl Subscription {
    pub(super) fn evolve(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::AccessGranted {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                credits_per_day,
                payment,
                days: _,
                reason: _,
            } => {
                if source == GrantSource::Credits {
                    self.renewals_failed = 0;
                }
                self.grants.push(Grant {
                    grant_id,
                    tier,
                    source,
                    starts_at,
                    ends_at,
                    credits_per_day,
                    carry: 0,
                    payments: payment.into_iter().collect(),
                });
            }
            SubscriptionEvent::AccessDated {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                leaves: _,
            } => self.dated(Grant {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                credits_per_day: 0,
                carry: 0,
                payments: vec![],
            }),
            SubscriptionEvent::PlanChanged { cut, granted, .. } => {
                self.cut(&cut);
                self.grants.push(granted);
            }
            SubscriptionEvent::SubscriptionPaused { at, cut, .. } => {
                let held = self.grants.iter().filter(|grant| cuts(&cut, grant));
                let held = held.map(|grant| grant.rest(at)).collect();
                self.pause = Some(Pause { at, held });
                self.cut(&cut);
            }
            SubscriptionEvent::SubscriptionResumed { granted, .. } => {
                self.pause = None;
                self.grants.extend(granted);
            }
            SubscriptionEvent::SubscriptionCancelled { when, cut, .. } => {
                self.auto_renewal = None;
                if when == CancelWhen::Now {
                    self.pause = None;
                }
                self.cut(&cut);
            }
            SubscriptionEvent::AutoRenewalSet { days } => self.auto_renewal = days,
            SubscriptionEvent::RenewalFailed { attempt, .. } => self.renewals_failed = attempt,
        }
    }

    fn dated(&mut self, dated: Grant) {
        self.grants.retain(|grant| grant.grant_id != dated.grant_id);
        self.grants.push(dated);
        self.drop_empty();
    }

    /// What never held is gone.
    fn drop_empty(&mut self) {
        self.grants.retain(|grant| grant.ends_at > grant.starts_at);
    }

    pub(super) fn cut(&mut self, cuts: &[GrantCut]) {
        for cut in cuts {
            let known = self
                .grants
                .iter_mut()
                .find(|grant| grant.grant_id == cut.grant_id);
            if let Some(grant) = known {
                grant.ends_at = cut.ends_at;
            }
        }
        self.drop_empty();
    }
}

fn cuts(cut: &[GrantCut], grant: &Grant) -> bool {
    cut.iter().any(|cut| cut.grant_id == grant.grant_id)
}
