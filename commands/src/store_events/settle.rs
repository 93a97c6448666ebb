//! Carries a command of a store account out with all that follows from it: grants, sales, traces. One append.

use std::collections::{BTreeMap, BTreeSet};

use domain::credits::Money;
use domain::ids::{ResellerId, StoreAccountId, StoreUserId, TenantId};
use domain::sale::{PRODUCT_CHARS_MAX, Sale, SaleKind};
use domain::store_account::{
    Holdings, Known, StoreAccount, StoreAccountCommand, StoreGrant, StoreSale, StoreSaleKind,
};
use domain::store_catalogue::{STORE_CATALOGUE_ID, StoreCatalogue};
use domain::subscription::{Subscription, SubscriptionCommand};
use domain::tenant::Tenant;
use store::unit_of_work::{Owner, UnitOfWork};

use super::accounts::{self, Traces};
use crate::WriteSide;
use crate::commissions;
use crate::error::CommandError;

/// Ids of a store and what they are called there, sealed.
pub(super) type Names = BTreeMap<StoreUserId, Vec<u8>>;

/// What is known besides an account: the catalogue, and the resellers of the tenants that it is linked to.
///
/// # Errors
/// A stream cannot be read.
pub(super) async fn known(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    account: &StoreAccount,
    further: impl IntoIterator<Item = TenantId>,
) -> Result<Known, CommandError> {
    let catalogue: StoreCatalogue = unit.load(STORE_CATALOGUE_ID).await?;
    let tenants: BTreeSet<TenantId> = account.held().tenants().into_iter().chain(further).collect();
    let mut homes = BTreeMap::new();
    for tenant_id in tenants {
        let tenant: Tenant = unit.load(&tenant_id.to_string()).await?;
        if let Some(reseller_id) = tenant.reseller_id() {
            homes.insert(tenant_id, reseller_id);
        }
    }
    Ok(Known {
        catalogue,
        homes,
        sandbox_counts: write.config.revenuecat.sandbox_counts,
    })
}

/// Executes the command and what follows.
///
/// # Errors
/// A rule refuses it, or a stream cannot be read.
pub(super) async fn execute(
    unit: &mut UnitOfWork<'_>,
    account_id: StoreAccountId,
    names: &Names,
    homes: &BTreeMap<TenantId, ResellerId>,
    command: StoreAccountCommand,
) -> Result<StoreAccount, CommandError> {
    let id = account_id.to_string();
    let before: StoreAccount = unit.load(&id).await?;
    let after = unit
        .execute::<StoreAccount>(Owner::PLATFORM, &id, command)
        .await?;
    for grant in after.held().grants_since(before.held()) {
        grant_access(unit, homes, grant).await?;
    }
    for sale in after.held().sales_since(before.held()) {
        if let Some(sale) = recorded(after.held(), sale) {
            commissions::record(unit, &sale).await?;
        }
    }
    accounts::trace(unit, traces(account_id, after.held(), names));
    Ok(after)
}

async fn grant_access(
    unit: &mut UnitOfWork<'_>,
    homes: &BTreeMap<TenantId, ResellerId>,
    grant: &StoreGrant,
) -> Result<(), CommandError> {
    let Some(reseller_id) = homes.get(&grant.tenant_id) else {
        return Err(CommandError::internal(format!(
            "a store grants access to {}, which is nobody's customer",
            grant.tenant_id
        )));
    };
    let command = SubscriptionCommand::Date {
        grant_id: grant.grant_id,
        tier: grant.tier,
        source: grant.source,
        starts_at: grant.starts_at,
        ends_at: grant.ends_at,
    };
    let owner = Owner::tenant(*reseller_id, grant.tenant_id);
    unit.execute::<Subscription>(owner, &grant.tenant_id.to_string(), command)
        .await?;
    Ok(())
}

/// A sale of a store as all sales are recorded. What comes back names the sale itself; `None` where it names none.
fn recorded(held: &Holdings, sale: &StoreSale) -> Option<Sale> {
    let original = held.original_of(sale)?;
    let product: String = sale.product.chars().take(PRODUCT_CHARS_MAX).collect();
    Some(Sale {
        sale_id: sale.sale_id,
        reseller_id: sale.reseller_id,
        tenant_id: Some(sale.tenant_id),
        product: if product.is_empty() {
            sale.store.to_lowercase()
        } else {
            product
        },
        kind: match sale.kind {
            StoreSaleKind::Sale => SaleKind::Sale,
            StoreSaleKind::Refund => SaleKind::Refund,
            StoreSaleKind::RefundReversed => SaleKind::RefundReversed,
        },
        gross: Money {
            amount_minor: sale.charge.gross.amount_minor.saturating_abs(),
            currency: sale.charge.gross.currency.clone(),
        },
        tax_minor: sale.charge.tax_minor.saturating_abs(),
        store_cut_minor: sale.charge.store_cut_minor.saturating_abs(),
        // Clocks differ.
        sold_at: sale.sold_at.max(original.sold_at),
        reverses: (original.sale_id != sale.sale_id).then_some(original.sale_id),
    })
}

fn traces(account_id: StoreAccountId, held: &Holdings, names: &Names) -> Traces {
    Traces {
        account_id,
        users: held
            .users()
            .into_iter()
            .map(|user| (user, names.get(&user).cloned()))
            .collect(),
        tenants: held.tenants().into_iter().collect(),
        waits: held.waits(),
    }
}
