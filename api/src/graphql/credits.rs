//! Credits: the packs on sale, and the movements of resellers' accounts.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::credit_transactions::{self, CreditTransactionRow, CreditTransactions};
use projections::customers::Customers;
use projections::packs::{self, PackRow, Packs};
use projections::users::Users;
use projections::{Projection, page::Page};
use rust_decimal::Decimal;

use super::page::{connection, cost, request};
use super::scalars::{Int64, Money, id, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct CreditPack {
    code: String,
    name: String,
    credits: Int64,
    price: Money,
    /// In the currency's main unit, to four decimals.
    price_per_credit: Decimal,
    retired: bool,
}

impl From<PackRow> for CreditPack {
    fn from(row: PackRow) -> Self {
        let price = Decimal::new(row.price.amount_minor, minor_digits(&row.price.currency));
        let per_credit = price.checked_div(Decimal::from(row.credits)).unwrap_or_default();
        Self {
            code: row.code,
            name: row.name,
            credits: Int64(row.credits),
            price: Money {
                amount_minor: Int64(row.price.amount_minor),
                currency: row.price.currency,
            },
            price_per_credit: per_credit.round_dp(4),
            retired: row.retired,
        }
    }
}

/// Decimals of a currency's main unit (ISO 4217).
fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::credit_transactions::TransactionKind")]
pub(super) enum TransactionKind {
    Purchase,
    Debit,
    Refund,
    Adjustment,
    Bonus,
}

#[derive(SimpleObject)]
pub(super) struct CreditTransaction {
    id: ID,
    kind: TransactionKind,
    /// Signed: purchases are positive, debits negative.
    amount: Int64,
    balance_after: Int64,
    customer_id: Option<ID>,
    customer_name: Option<String>,
    note: Option<String>,
    actor_name: Option<String>,
    at: DateTime<Utc>,
    position: String,
}

impl From<CreditTransactionRow> for CreditTransaction {
    fn from(row: CreditTransactionRow) -> Self {
        Self {
            id: ID(row.position.to_string()),
            kind: row.kind.into(),
            amount: Int64(row.amount),
            balance_after: Int64(row.balance_after),
            customer_id: row.customer_id.map(id),
            customer_name: row.customer_name,
            note: row.note,
            actor_name: row.actor_name,
            at: row.at,
            position: row.position.to_string(),
        }
    }
}

connection!(
    CreditTransactionConnection,
    CreditTransactionEdge,
    CreditTransaction
);

#[derive(Default)]
pub(super) struct CreditsQuery;

#[Object]
impl CreditsQuery {
    async fn packs(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<CreditPack>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(&[Packs::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        Ok(packs::list(read, scope)
            .await?
            .into_iter()
            .map(Into::into)
            .collect())
    }

    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn credit_transactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<CreditTransactionConnection> {
        let session = Session::of(ctx)?;
        session.require(
            &[Audience::Admin, Audience::Reseller],
            "credits are between the platform and its resellers: ask your reseller about yours",
        )?;
        let request = request(first, after.as_deref())?;
        let sources = [CreditTransactions::NAME, Customers::NAME, Users::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = match reseller_id.as_ref().map(parsed_id) {
            // No reseller has an id of that form.
            Some(None) => Page {
                rows: Vec::new(),
                has_next: false,
            },
            Some(Some(reseller_id)) => {
                credit_transactions::page(read, scope, Some(reseller_id), request).await?
            }
            None => credit_transactions::page(read, scope, None, request).await?,
        };
        Ok(CreditTransactionConnection::new(
            page,
            after.is_some(),
            |row| row.position,
            Into::into,
        ))
    }
}
