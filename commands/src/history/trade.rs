//! What resellers do: sign up, buy credits, win customers and keep them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::credit_account::{CreditAccountCommand, DebitPurpose, Purchase};
use domain::credits::{Credits, Money};
use domain::ids::{GrantId, ResellerId, TenantId, UserId};
use domain::personal::Sealed;
use domain::reseller::{Reseller, ResellerCommand};
use domain::subscription::{GrantSource, NewGrant, Payment, SubscriptionCommand};
use domain::tenant::TenantCommand;
use domain::tier::Tier;
use domain::user::{Home, Identity, Role, User, UserCommand};
use rust_decimal::Decimal;
use store::append::Claim;
use store::bulk::Bundle;
use store::unit_of_work::Owner;

use super::world::{Behalf, CustomerState, ResellerState, Step, Stream, World};
use super::{HistoryError, names};
use crate::people::EMAIL_CLAIM;

const CUSTOMERS_PER_RESELLER: u32 = 30;
const DAYS_SOLD: u32 = 30;
/// Code, credits and price in US cents, as the first price list has it.
const PACK: (&str, i64, i64) = ("business", 3_600, 18_000);
const MINUTES_A_DAY: i64 = 24 * 60;

impl World {
    pub(super) fn sign_up(&mut self, bundle: &mut Bundle, number: usize) -> Result<(), HistoryError> {
        let id = ResellerId(self.new_id());
        let owner_id = UserId(self.new_id());
        let behalf = self.behalf(Owner::reseller(id), None);
        let name = names::reseller(&mut self.rng, number);
        let key = self.vault.new_key(id.0)?;
        let contact_email = key.seal(&format!("office{number}@history.example"))?;
        bundle.key(&key);
        let register = ResellerCommand::Register {
            name,
            contact_email,
            commission_rate: Decimal::new(20, 2),
            time_zone: "Europe/Berlin".to_owned(),
        };
        self.decide(bundle, &mut Stream::<Reseller>::new(id.0), behalf, register)?;
        let mut account = Stream::new(id.0);
        self.decide(bundle, &mut account, behalf, CreditAccountCommand::Open)?;
        self.register_user(
            bundle,
            owner_id,
            behalf,
            (Role::ResellerOwner, Home::Reseller(id)),
        )?;
        let index = self.resellers.len();
        self.resellers.push(ResellerState {
            id,
            owner: owner_id,
            account,
            customers_left: CUSTOMERS_PER_RESELLER,
        });
        let first = self.minutes(10, MINUTES_A_DAY);
        self.plan(first, Step::NewCustomer(index));
        Ok(())
    }

    /// Answers the sealed address.
    fn register_user(
        &mut self,
        bundle: &mut Bundle,
        id: UserId,
        behalf: Behalf,
        (role, home): (Role, Home),
    ) -> Result<Sealed, HistoryError> {
        self.people += 1;
        let (name, email) = names::person(&mut self.rng, self.people);
        let key = self.vault.new_key(id.0)?;
        let sealed_email = key.seal(&email)?;
        let identity = Identity {
            name: key.seal(&name)?,
            email: sealed_email.clone(),
            role,
            home,
        };
        bundle.key(&key);
        bundle.claim(&Claim {
            kind: EMAIL_CLAIM,
            digest: self.vault.digest(EMAIL_CLAIM, &email),
            aggregate_type: "user",
            aggregate_id: id.to_string(),
        });
        let register = UserCommand::Register(identity);
        self.decide(bundle, &mut Stream::<User>::new(id.0), behalf, register)?;
        Ok(sealed_email)
    }

    pub(super) fn new_customer(&mut self, bundle: &mut Bundle, reseller: usize) -> Result<(), HistoryError> {
        self.buy_what_is_missing(bundle, reseller)?;
        let Some((reseller_id, owner_id, left)) = self.resellers.get_mut(reseller).map(|state| {
            state.customers_left = state.customers_left.saturating_sub(1);
            (state.id, state.owner, state.customers_left)
        }) else {
            return Ok(());
        };
        let (id, user_id, grant_id) = (
            TenantId(self.new_id()),
            UserId(self.new_id()),
            GrantId(self.new_id()),
        );
        let behalf = self.behalf(Owner::tenant(reseller_id, id), Some(owner_id));
        let home = Home::Tenant {
            reseller_id,
            tenant_id: id,
        };
        let contact_email = self.register_user(bundle, user_id, behalf, (Role::CustomerAdmin, home))?;
        let (mut tenant, mut subscription) = (Stream::new(id.0), Stream::new(id.0));
        let name = names::customer(&mut self.rng);
        let create = TenantCommand::Create {
            reseller_id,
            name,
            contact_email,
        };
        self.decide(bundle, &mut tenant, behalf, create)?;
        let tier = if self.percent(70) {
            Tier::PREMIUM
        } else {
            Tier::BASIC
        };
        let grant = SubscriptionCommand::Grant(self.days_sold(reseller, grant_id, tier));
        self.decide(bundle, &mut subscription, behalf, grant)?;
        self.debit(bundle, reseller, behalf, (id, DebitPurpose::NewCustomer))?;
        let index = self.customers.len();
        self.customers.push(CustomerState {
            reseller,
            id,
            tier,
            user: user_id,
            tenant,
            expires_at: self.at + TimeDelta::days(DAYS_SOLD.into()),
            subscription,
            suspended: false,
        });
        self.plan_renewal(index);
        if left > 0 {
            let next = self.minutes(MINUTES_A_DAY, 9 * MINUTES_A_DAY);
            self.plan(next, Step::NewCustomer(reseller));
        }
        Ok(())
    }

    /// At the founding tiers' price, paid by the reseller's next debit.
    fn days_sold(&self, reseller: usize, grant_id: GrantId, tier: Tier) -> NewGrant {
        let payment = self.resellers.get(reseller).map(|state| Payment {
            reseller_id: state.id,
            debit: state.account.state.next_movement(self.at),
            credits: Credits(DAYS_SOLD.into()),
        });
        NewGrant {
            grant_id,
            tier,
            credits_per_day: 1,
            days: DAYS_SOLD,
            source: GrantSource::Credits,
            reason: None,
            payment,
            at: self.at,
        }
    }

    /// Nine of ten customers stay; one in a hundred forgets to pay the reseller.
    fn plan_renewal(&mut self, customer: usize) {
        let early = self.minutes(60, 3 * MINUTES_A_DAY);
        if self.percent(90) {
            self.plan(TimeDelta::days(DAYS_SOLD.into()) - early, Step::Extend(customer));
        }
        if self.percent(1) {
            self.plan(early, Step::Suspend(customer));
        }
    }

    pub(super) fn extend(&mut self, bundle: &mut Bundle, index: usize) -> Result<(), HistoryError> {
        let Some(customer) = self.customers.get_mut(index) else {
            return Ok(());
        };
        let (reseller, id, tier) = (customer.reseller, customer.id, customer.tier);
        let mut subscription = std::mem::take(&mut customer.subscription);
        self.buy_what_is_missing(bundle, reseller)?;
        let behalf = self.of_customer(reseller, id);
        let grant_id = GrantId(self.new_id());
        let extend = SubscriptionCommand::Extend(self.days_sold(reseller, grant_id, tier));
        self.decide(bundle, &mut subscription, behalf, extend)?;
        self.debit(bundle, reseller, behalf, (id, DebitPurpose::Extension))?;
        let at = self.at;
        if let Some(customer) = self.customers.get_mut(index) {
            customer.expires_at = ends_after(customer.expires_at, at);
            customer.subscription = subscription;
        }
        self.plan_renewal(index);
        Ok(())
    }

    pub(super) fn suspend(&mut self, bundle: &mut Bundle, index: usize) -> Result<(), HistoryError> {
        if self
            .customers
            .get(index)
            .is_none_or(|customer| customer.suspended)
        {
            return Ok(());
        }
        let reason = "the invoice is overdue".to_owned();
        self.change_tenant(bundle, index, TenantCommand::Suspend { reason })?;
        let until = self.minutes(MINUTES_A_DAY, 5 * MINUTES_A_DAY);
        self.plan(until, Step::Resume(index));
        Ok(())
    }

    pub(super) fn resume(&mut self, bundle: &mut Bundle, index: usize) -> Result<(), HistoryError> {
        let reason = "the invoice is paid".to_owned();
        self.change_tenant(bundle, index, TenantCommand::Resume { reason })
    }

    fn change_tenant(
        &mut self,
        bundle: &mut Bundle,
        index: usize,
        command: TenantCommand,
    ) -> Result<(), HistoryError> {
        let Some(customer) = self.customers.get_mut(index) else {
            return Ok(());
        };
        customer.suspended = !customer.suspended;
        let (reseller, id) = (customer.reseller, customer.id);
        let mut tenant = std::mem::take(&mut customer.tenant);
        let behalf = self.of_customer(reseller, id);
        self.decide(bundle, &mut tenant, behalf, command)?;
        if let Some(customer) = self.customers.get_mut(index) {
            customer.tenant = tenant;
        }
        Ok(())
    }

    /// The reseller's owner, about a customer.
    fn of_customer(&mut self, reseller: usize, id: TenantId) -> Behalf {
        let found = self.resellers.get(reseller).map(|state| (state.id, state.owner));
        match found {
            Some((reseller_id, owner_id)) => self.behalf(Owner::tenant(reseller_id, id), Some(owner_id)),
            None => self.behalf(Owner::PLATFORM, None),
        }
    }

    fn debit(
        &mut self,
        bundle: &mut Bundle,
        reseller: usize,
        behalf: Behalf,
        (tenant_id, purpose): (TenantId, DebitPurpose),
    ) -> Result<(), HistoryError> {
        let debit = CreditAccountCommand::Debit {
            credits: Credits(DAYS_SOLD.into()),
            tenant_id,
            purpose,
            at: self.at,
        };
        self.move_credits(bundle, reseller, behalf, debit)
    }

    fn buy_what_is_missing(&mut self, bundle: &mut Bundle, reseller: usize) -> Result<(), HistoryError> {
        let Some(state) = self.resellers.get(reseller) else {
            return Ok(());
        };
        if state.account.state.balance() >= Credits(DAYS_SOLD.into()) {
            return Ok(());
        }
        let (code, credits, amount_minor) = PACK;
        let purchase = Purchase {
            pack_code: code.to_owned(),
            credits: Credits(credits),
            price: Money {
                amount_minor,
                currency: "USD".to_owned(),
            },
            listed: None,
            expires_at: None,
            note: None,
        };
        let purchase = CreditAccountCommand::Purchase {
            purchase,
            at: self.at,
        };
        let behalf = self.behalf(Owner::reseller(state.id), None);
        self.move_credits(bundle, reseller, behalf, purchase)
    }

    fn move_credits(
        &mut self,
        bundle: &mut Bundle,
        reseller: usize,
        behalf: Behalf,
        command: CreditAccountCommand,
    ) -> Result<(), HistoryError> {
        let Some(state) = self.resellers.get_mut(reseller) else {
            return Ok(());
        };
        let mut account = std::mem::take(&mut state.account);
        let behalf = Behalf {
            owner: Owner::reseller(state.id),
            ..behalf
        };
        self.decide(bundle, &mut account, behalf, command)?;
        if let Some(state) = self.resellers.get_mut(reseller) {
            state.account = account;
        }
        Ok(())
    }
}

/// An extension begins where the access ends, or now where it has ended.
fn ends_after(ended: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    ended.max(now) + TimeDelta::days(DAYS_SOLD.into())
}
