//! What happens on a day: packs are bought, customers buy, change their minds, leave.

use commands::credits::{self, Sale};
use commands::error::CommandError;
use commands::{WriteSide, commissions, customers, subscriptions};
use domain::credit_account::CreditAccount;
use domain::credits::Money;
use domain::ids::{ResellerId, SaleId, TenantId};
use domain::sale::SaleKind;
use domain::subscription::CancelWhen;
use futures::stream::{self, StreamExt};
use rand::Rng;
use store::unit_of_work::{Cause, Owner};

use super::cast::IN_FLIGHT;
use super::{Sold, Year};

/// How often a reseller looks at its credits, and for how many days they should last.
const LOOK_DAYS: u32 = 5;
const DAYS_AHEAD: i64 = 12;
/// Credits that the business pack has.
const MANY: i64 = 3_600;

/// One thing that somebody does.
enum Deed {
    Sell {
        reseller: ResellerId,
        tenant: TenantId,
        gross_minor: i64,
    },
    TakeBack {
        sale: SaleId,
        kind: SaleKind,
        amount_minor: Option<i64>,
    },
    Extend {
        reseller: ResellerId,
        tenant: TenantId,
        days: u32,
    },
    Leave {
        reseller: ResellerId,
        tenant: TenantId,
        client: usize,
    },
}

/// What it led to.
enum Done {
    Sold(SaleId),
    Left(usize),
    Nothing,
}

impl Year<'_> {
    /// Resellers whose credits will not last buy a pack, the large one where many are needed.
    pub(super) async fn buy_packs(&mut self, day: u32) -> Result<(), CommandError> {
        for shop in 0..self.shops.len() {
            let Some(one) = self.shops.get(shop) else { continue };
            let (id, level, careful) = (one.id, one.level, one.careful);
            let turn = u32::try_from(shop).unwrap_or_default() % LOOK_DAYS;
            if day % LOOK_DAYS != turn && !self.is_new(shop) {
                continue;
            }
            let customers = self
                .clients
                .iter()
                .filter(|client| client.shop == shop && !client.gone)
                .count();
            let needed = i64::try_from(customers)
                .unwrap_or(i64::MAX)
                .saturating_mul(DAYS_AHEAD)
                + 120;
            let needed = if careful { needed } else { needed / 4 };
            let balance = self.balance(id).await?;
            if balance >= needed {
                continue;
            }
            let sale = Sale {
                pack_code: if needed > MANY / 4 || level == 0 {
                    "business"
                } else {
                    "starter"
                }
                .to_owned(),
                currency: None,
                expires_at: None,
                note: Some(format!("order of day {}", day + 1)),
            };
            let cause = self.cause(Owner::PLATFORM, self.admin);
            credits::sell_pack(self.write, &cause, id, &sale).await?;
        }
        Ok(())
    }

    fn is_new(&self, shop: usize) -> bool {
        !self.clients.iter().any(|client| client.shop == shop)
    }

    async fn balance(&self, id: ResellerId) -> Result<i64, CommandError> {
        let mut connection = self.write.pool.acquire().await?;
        let account = store::load::load::<CreditAccount>(&mut connection, &id.to_string()).await?;
        Ok(account.state.balance().0)
    }

    /// What customers and finance do today.
    pub(super) async fn trade(&mut self, day: u32) -> Result<(), CommandError> {
        let deeds = self.deeds(day);
        let mut causes = Vec::with_capacity(deeds.len());
        for deed in deeds {
            let (owner, by) = match &deed {
                Deed::Sell { .. } | Deed::TakeBack { .. } => (Owner::PLATFORM, self.finance),
                Deed::Extend { reseller, .. } | Deed::Leave { reseller, .. } => {
                    let owner = self.shops.iter().find(|shop| shop.id == *reseller);
                    (
                        Owner::reseller(*reseller),
                        owner.map_or(self.admin, |shop| shop.owner),
                    )
                }
            };
            causes.push((self.cause(owner, by), deed));
        }
        let write = self.write;
        let done: Vec<_> = stream::iter(causes)
            .map(|(cause, deed)| async move { carry_out(write, &cause, deed).await })
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        for answer in done {
            match self.met(answer)? {
                Some(Done::Sold(sale)) => self.sold.push(Sold { sale, day }),
                Some(Done::Left(client)) => {
                    if let Some(client) = self.clients.get_mut(client) {
                        client.gone = true;
                    }
                }
                Some(Done::Nothing) | None => {}
            }
        }
        Ok(())
    }

    fn deeds(&mut self, day: u32) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for (index, client) in self.clients.iter().enumerate().filter(|(_, client)| !client.gone) {
            let Some(shop) = self.shops.get(client.shop) else {
                continue;
            };
            let (reseller, tenant) = (shop.id, client.tenant);
            let age = day - client.since;
            // A month's bill for three in ten, which are sent by the platform.
            if !client.in_store && index % 10 < 3 && age % 30 == 3 {
                let gross_minor = self.random.random_range(9..=99) * 100 + 99;
                deeds.push(Deed::Sell {
                    reseller,
                    tenant,
                    gross_minor,
                });
            }
            if age > 20 && self.random.random_bool(0.000_8) {
                let client = index;
                deeds.push(Deed::Leave {
                    reseller,
                    tenant,
                    client,
                });
            } else if age % 30 == 17 && self.random.random_bool(0.05) {
                deeds.push(Deed::Extend {
                    reseller,
                    tenant,
                    days: 10,
                });
            }
        }
        for sold in self.sold.iter().filter(|sold| day == sold.day + 6) {
            let sale = sold.sale;
            match self.random.random_range(0..100) {
                0..=2 => deeds.push(Deed::TakeBack {
                    sale,
                    kind: SaleKind::Refund,
                    amount_minor: None,
                }),
                3..=4 => deeds.push(Deed::TakeBack {
                    sale,
                    kind: SaleKind::Refund,
                    amount_minor: Some(300),
                }),
                5 => deeds.push(Deed::TakeBack {
                    sale,
                    kind: SaleKind::Chargeback,
                    amount_minor: None,
                }),
                _ => {}
            }
        }
        self.sold.retain(|sold| day < sold.day + 6);
        deeds
    }
}

async fn carry_out(write: &WriteSide, cause: &Cause, deed: Deed) -> Result<Done, CommandError> {
    match deed {
        Deed::Sell {
            reseller,
            tenant,
            gross_minor,
        } => {
            let sale = commissions::NewSale {
                reseller_id: reseller,
                tenant_id: Some(tenant),
                product: "support_monthly".to_owned(),
                gross: Money {
                    amount_minor: gross_minor,
                    currency: "EUR".to_owned(),
                },
                tax_minor: gross_minor * 19 / 119,
                store_cut_minor: 0,
            };
            let sold = commissions::sell(write, cause, sale).await?;
            Ok(Done::Sold(SaleId(sold.value.sale_id)))
        }
        Deed::TakeBack {
            sale,
            kind,
            amount_minor,
        } => {
            commissions::reverse(write, cause, sale, kind, amount_minor).await?;
            Ok(Done::Nothing)
        }
        Deed::Extend {
            reseller,
            tenant,
            days,
        } => {
            customers::extend(write, cause, reseller, tenant, days).await?;
            Ok(Done::Nothing)
        }
        Deed::Leave {
            reseller,
            tenant,
            client,
        } => {
            let reason = "does not need it any more";
            subscriptions::cancel(write, cause, reseller, tenant, CancelWhen::Now, reason).await?;
            Ok(Done::Left(client))
        }
    }
}
