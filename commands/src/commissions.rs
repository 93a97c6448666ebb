//! Use cases around sales: what a sale earns whom is decided in the append that records it.

use domain::commission::{Agreement, CommissionLine, Party};
use domain::contract::{Asked, ContractCommand, Contracts};
use domain::credits::Money;
use domain::hierarchy::{HIERARCHY_ID, Hierarchy};
use domain::ids::{ResellerId, SaleId, TenantId};
use domain::period::Period;
use domain::reseller::Reseller;
use domain::sale::{RecordedSale, Sale, SaleCommand, SaleError, SaleKind};
use domain::tenant::{Tenant, TenantError};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

/// Adds a sale, or what comes back of one, to the caller's append, with the commission lines that follow from it.
/// What was recorded before is not recorded again. The ledger takes it at the instant that the caller's cause
/// names: set its `happened_at` to `sold_at` where that is earlier than now.
///
/// # Errors
/// There is no such reseller or sale, or a rule of sales is broken.
pub async fn record(unit: &mut UnitOfWork<'_>, sale: &Sale) -> Result<RecordedSale, CommandError> {
    match (sale.kind, sale.reverses) {
        (SaleKind::Sale, _) => sold(unit, sale).await,
        (SaleKind::Refund | SaleKind::Chargeback | SaleKind::RefundReversed, Some(of)) => {
            came_back(unit, sale, of).await
        }
        (SaleKind::Refund | SaleKind::Chargeback | SaleKind::RefundReversed, None) => {
            Err(CommandError::refused(&SaleError::InvalidReversal))
        }
    }
}

async fn sold(unit: &mut UnitOfWork<'_>, sale: &Sale) -> Result<RecordedSale, CommandError> {
    let id = sale.sale_id.to_string();
    let is_new = unit.load::<RecordedSale>(&id).await?.sale().is_none();
    let agreement = agreement(unit, sale).await?;
    let by_volume = agreement
        .as_ref()
        .is_some_and(|agreement| agreement.volume.is_some());
    let command = SaleCommand::Record {
        sale: sale.clone(),
        agreement,
    };
    let recorded = unit
        .execute::<RecordedSale>(Owner::reseller(sale.reseller_id), &id, command)
        .await?;
    if is_new && by_volume {
        count(unit, sale, sale.gross.amount_minor).await?;
    }
    Ok(recorded)
}

async fn came_back(
    unit: &mut UnitOfWork<'_>,
    reversal: &Sale,
    of: SaleId,
) -> Result<RecordedSale, CommandError> {
    let id = of.to_string();
    let before = unit.load::<RecordedSale>(&id).await?;
    let command = SaleCommand::Reverse {
        reversal: reversal.clone(),
    };
    let after = unit
        .execute::<RecordedSale>(Owner::reseller(reversal.reseller_id), &id, command)
        .await?;
    let change_minor = after.kept_minor() - before.kept_minor();
    let by_volume = after.lines().first().is_some_and(|line| line.volume.is_some());
    if let Some(sale) = after.sale().filter(|_| by_volume && change_minor != 0) {
        count(unit, sale, change_minor).await?;
    }
    Ok(after)
}

/// Adds to the sales of the month that the sale was made in.
async fn count(unit: &mut UnitOfWork<'_>, sale: &Sale, change_minor: i64) -> Result<(), CommandError> {
    let command = ContractCommand::CountSale {
        month: Period::of(sale.sold_at),
        currency: sale.gross.currency.clone(),
        change_minor,
    };
    let owner = Owner::reseller(sale.reseller_id);
    unit.execute::<Contracts>(owner, &sale.reseller_id.to_string(), command)
        .await?;
    Ok(())
}

/// What the contracts in force say of a sale.
async fn agreement(unit: &mut UnitOfWork<'_>, sale: &Sale) -> Result<Option<Agreement>, CommandError> {
    let id = sale.reseller_id.to_string();
    let reseller = unit.load::<Reseller>(&id).await?;
    reseller
        .ensure_registered()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let contracts = unit.load::<Contracts>(&id).await?;
    let applied = contracts.applied(Asked {
        product: &sale.product,
        currency: &sale.gross.currency,
        sold_at: sale.sold_at,
        first_rate: reseller.commission_rate(),
    });
    let Some(applied) = applied else {
        return Ok(None);
    };
    let parents = above(unit, sale).await?;
    Ok(Some(Agreement {
        seller: Party {
            reseller_id: sale.reseller_id,
            contract_version: applied.contract_version,
            parent_share: applied.parent_share,
        },
        basis: applied.basis,
        rate: applied.rate,
        volume: applied.volume,
        parents,
    }))
}

/// Who is above the seller, the nearest first, and what each passes on.
async fn above(unit: &mut UnitOfWork<'_>, sale: &Sale) -> Result<Vec<Party>, CommandError> {
    let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
    let above: Vec<_> = hierarchy.line(sale.reseller_id).skip(1).collect();
    let mut parents = Vec::with_capacity(above.len());
    for reseller_id in above {
        let contracts = unit.load::<Contracts>(&reseller_id.to_string()).await?;
        let (contract_version, parent_share) = contracts.passed_up(sale.sold_at);
        parents.push(Party {
            reseller_id,
            contract_version,
            parent_share,
        });
    }
    Ok(parents)
}

/// A sale that no store told of.
#[derive(Clone, Debug)]
pub struct NewSale {
    pub reseller_id: ResellerId,
    pub tenant_id: Option<TenantId>,
    pub product: String,
    pub gross: Money,
    pub tax_minor: i64,
    pub store_cut_minor: i64,
}

/// What a sale or a reversal came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    pub sale_id: Uuid,
    pub kept_minor: i64,
    pub currency: String,
    /// As they were when the sale was made.
    pub lines: Vec<CommissionLine>,
}

/// Records a sale by hand.
///
/// # Errors
/// As [`record`]; and the customer is another reseller's.
pub async fn sell(write: &WriteSide, cause: &Cause, sale: NewSale) -> Result<Done<Recorded>, CommandError> {
    let sale = Sale {
        sale_id: SaleId(Uuid::now_v7()),
        reseller_id: sale.reseller_id,
        tenant_id: sale.tenant_id,
        product: sale.product,
        kind: SaleKind::Sale,
        gross: sale.gross,
        tax_minor: sale.tax_minor,
        store_cut_minor: sale.store_cut_minor,
        sold_at: cause.happened(),
        reverses: None,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        if let Some(tenant_id) = sale.tenant_id {
            let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
            if tenant.reseller_id() != Some(sale.reseller_id) {
                return Err(CommandError::refused(&TenantError::CustomerNotFound));
            }
        }
        told(&record(unit, &sale).await?)
    };
    write.bus.run(cause, decide).await
}

/// Records what came back of a sale, by hand: all that is left of it where no amount is given.
///
/// # Errors
/// There is no such sale, or more comes back than there is.
pub async fn reverse(
    write: &WriteSide,
    cause: &Cause,
    sale_id: SaleId,
    kind: SaleKind,
    amount_minor: Option<i64>,
) -> Result<Done<Recorded>, CommandError> {
    let reversal_id = SaleId(Uuid::now_v7());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let recorded = unit.load::<RecordedSale>(&sale_id.to_string()).await?;
        let sale = recorded
            .sale()
            .ok_or_else(|| CommandError::refused(&SaleError::SaleNotFound))?;
        let all = match kind {
            SaleKind::RefundReversed => sale.gross.amount_minor - recorded.kept_minor(),
            SaleKind::Sale | SaleKind::Refund | SaleKind::Chargeback => recorded.kept_minor(),
        };
        let reversal = Sale {
            sale_id: reversal_id,
            kind,
            gross: Money {
                amount_minor: amount_minor.unwrap_or(all),
                currency: sale.gross.currency.clone(),
            },
            sold_at: cause.happened(),
            reverses: Some(sale_id),
            ..sale.clone()
        };
        told(&record(unit, &reversal).await?)
    };
    write.bus.run(cause, decide).await
}

/// The reseller whose customer bought; `None` where there is no such sale.
///
/// # Errors
/// The database fails.
pub async fn reseller_of(write: &WriteSide, sale_id: SaleId) -> Result<Option<ResellerId>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let loaded = store::load::load::<RecordedSale>(&mut connection, &sale_id.to_string()).await?;
    Ok(loaded.state.sale().map(|sale| sale.reseller_id))
}

fn told(recorded: &RecordedSale) -> Result<Recorded, CommandError> {
    let sale = recorded
        .sale()
        .ok_or_else(|| CommandError::internal("a sale that was just recorded is not there"))?;
    Ok(Recorded {
        sale_id: sale.sale_id.0,
        kept_minor: recorded.kept_minor(),
        currency: sale.gross.currency.clone(),
        lines: recorded.lines().to_vec(),
    })
}
