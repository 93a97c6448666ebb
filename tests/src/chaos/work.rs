//! What each command does: it follows from the run's seed, the lane and the number, so that a process that was
//! killed, and the final check, know it again.

use anyhow::Context;
use commands::bus::{Bus, Done};
use commands::error::CommandError;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{GrantId, PLATFORM, ResellerId, TenantId};
use domain::personal::Sealed;
use domain::reseller::{Reseller, ResellerCommand};
use domain::subscription::{GrantSource, NewGrant, Subscription, SubscriptionCommand};
use domain::tenant::{Tenant, TenantCommand};
use domain::tier::Tier;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use store::append::Claim;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

/// Accounts; the first is the hot one.
pub const ACCOUNTS: u32 = 100;
/// Far more than a run can spend: three times what one command may grant.
pub const CREDITS_AT_FIRST: i64 = 30_000_000;
/// Lane of the commands that every writer sends, each under the same key.
pub const SHARED: u32 = u32::MAX;
pub const CLAIM: &str = "chaos";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One event on one stream.
    Debit,
    /// A customer, its access and the debit that pays for it: three streams, and a claimed name.
    Create,
}

/// One command.
#[derive(Clone, Debug)]
pub struct Work {
    pub lane: u32,
    pub number: u64,
    pub command_id: Uuid,
    pub kind: Kind,
    pub account: u32,
    pub credits: u32,
}

impl Work {
    pub fn new(seed: u64, lane: u32, number: u64) -> Self {
        let name = format!("chaos {seed} {lane} {number}");
        let command_id = Uuid::new_v5(&PLATFORM, name.as_bytes());
        let mut chance = StdRng::seed_from_u64(command_id.as_u64_pair().0);
        let hot = chance.random_ratio(1, 4);
        Self {
            lane,
            number,
            command_id,
            kind: if chance.random_ratio(1, 4) {
                Kind::Create
            } else {
                Kind::Debit
            },
            account: if hot { 0 } else { chance.random_range(1..ACCOUNTS) },
            credits: chance.random_range(1..=3),
        }
    }

    pub fn events(&self) -> i32 {
        match self.kind {
            Kind::Debit => 1,
            Kind::Create => 3,
        }
    }

    pub fn claims(&self) -> i32 {
        match self.kind {
            Kind::Debit => 0,
            Kind::Create => 1,
        }
    }

    fn cause(&self) -> anyhow::Result<Cause> {
        Ok(Cause {
            command_id: self.command_id,
            fingerprint: Sha256::digest(format!("{self:?}")).to_vec(),
            actor: None,
            owner: Owner::reseller(account(self.account)),
            at: "2026-11-21T12:00:00Z".parse().context("the time")?,
            happened_at: None,
            comment: None,
        })
    }

    /// Sends the command. The answer is the account's balance.
    ///
    /// # Errors
    /// As the bus.
    pub async fn carry_out(&self, bus: &Bus, contact: &Sealed) -> Result<Done<i64>, CommandError> {
        let cause = self.cause().map_err(CommandError::internal)?;
        let reseller_id = account(self.account);
        let tenant_id = TenantId(Uuid::new_v5(&self.command_id, b"tenant"));
        let decide = async |unit: &mut UnitOfWork<'_>| {
            if self.kind == Kind::Create {
                self.create(unit, tenant_id, contact).await?;
            }
            let debit = CreditAccountCommand::Debit {
                credits: Credits(self.credits.into()),
                tenant_id,
                purpose: DebitPurpose::NewCustomer,
                at: cause.at,
            };
            let owner = Owner::reseller(reseller_id);
            let account = unit
                .execute::<CreditAccount>(owner, &reseller_id.to_string(), debit)
                .await?;
            Ok(account.balance().0)
        };
        bus.run(&cause, decide).await
    }

    async fn create(
        &self,
        unit: &mut UnitOfWork<'_>,
        tenant_id: TenantId,
        contact: &Sealed,
    ) -> Result<(), CommandError> {
        let reseller_id = account(self.account);
        let (id, owner) = (tenant_id.to_string(), Owner::tenant(reseller_id, tenant_id));
        let create = TenantCommand::Create {
            reseller_id,
            name: format!("Customer {} {}", self.lane, self.number),
            contact_email: contact.clone(),
        };
        unit.execute::<Tenant>(owner, &id, create).await?;
        let grant = SubscriptionCommand::Grant(NewGrant {
            grant_id: GrantId(Uuid::new_v5(&self.command_id, b"grant")),
            tier: Tier::BASIC,
            credits_per_day: 1,
            days: self.credits,
            source: GrantSource::Credits,
            reason: None,
            payment: None,
            at: "2026-11-21T12:00:00Z".parse().map_err(CommandError::internal)?,
        });
        unit.execute::<Subscription>(owner, &id, grant).await?;
        unit.claim(Claim {
            kind: CLAIM,
            digest: self.command_id.as_bytes().to_vec(),
            aggregate_type: "tenant",
            aggregate_id: id,
        });
        Ok(())
    }
}

/// The reseller of an account.
pub fn account(number: u32) -> ResellerId {
    ResellerId(Uuid::new_v5(
        &PLATFORM,
        format!("chaos account {number}").as_bytes(),
    ))
}

/// Registers the resellers and gives them credits, before the storm.
///
/// # Errors
/// The database fails.
pub async fn prepare(bus: &Bus, contact: &Sealed) -> anyhow::Result<()> {
    for number in 0..ACCOUNTS {
        let (reseller_id, id) = (account(number), account(number).to_string());
        let cause = Cause {
            command_id: Uuid::new_v5(&reseller_id.0, b"registration"),
            fingerprint: Vec::new(),
            actor: None,
            owner: Owner::reseller(reseller_id),
            at: "2026-11-21T11:00:00Z".parse()?,
            happened_at: None,
            comment: None,
        };
        let decide = async |unit: &mut UnitOfWork<'_>| {
            let owner = Owner::reseller(reseller_id);
            let register = ResellerCommand::Register {
                name: format!("Reseller {number}"),
                contact_email: contact.clone(),
                commission_rate: Decimal::new(20, 2),
                time_zone: "Europe/Berlin".to_owned(),
            };
            unit.execute::<Reseller>(owner, &id, register).await?;
            unit.execute::<CreditAccount>(owner, &id, CreditAccountCommand::Open)
                .await?;
            for _ in 0..3 {
                let bonus = CreditAccountCommand::Adjust {
                    kind: AdjustmentKind::Bonus,
                    credits: Credits(CREDITS_AT_FIRST / 3),
                    expires_at: None,
                    note: "to begin with".to_owned(),
                    at: cause.at,
                };
                unit.execute::<CreditAccount>(owner, &id, bonus).await?;
            }
            Ok(())
        };
        bus.run(&cause, decide)
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_the_same_command_in_every_process() {
        let (one, other) = (Work::new(7, 1, 12), Work::new(7, 1, 12));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_ne!(Work::new(8, 1, 12).command_id, one.command_id);
        let kinds: Vec<Kind> = (0..100).map(|number| Work::new(7, 1, number).kind).collect();
        assert!(kinds.contains(&Kind::Create) && kinds.contains(&Kind::Debit));
    }
}
