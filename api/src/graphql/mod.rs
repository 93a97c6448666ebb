//! The schema: one file per noun, each with its types and its queries.

mod api_keys;
mod audit;
mod audit_log;
mod bulks;
mod codes;
mod commissions;
mod contracts;
mod credit_account;
mod credit_forecast;
mod credits;
mod customers;
mod dashboard;
mod denials;
mod entitlements;
mod impersonations;
mod invitations;
mod invoices;
mod job_updates;
mod jobs;
mod ledger;
mod packs;
mod page;
mod payouts;
mod periods;
mod permissions;
mod postings;
mod reach;
mod recordings;
mod reports;
mod resellers;
mod scalars;
mod store_events;
mod subscriptions;
mod tiers;
mod usage;
mod users;
mod viewer;
mod workflows;

use std::sync::Arc;

use async_graphql::{EmptyMutation, MergedObject, Schema};

use crate::session::Reader;

/// Deepest nesting of a query; the standard introspection query has 13 levels.
const DEPTH_MAX: usize = 16;
/// Most work of a query: fields, times the rows that a list may have; a transcript counts a hundred.
const COMPLEXITY_MAX: usize = 10_000;

// In groups: each member deepens the type of its group's futures, and the compiler counts.
#[derive(Default, MergedObject)]
pub(crate) struct Query(Credits, Books, People, Work);

#[derive(Default, MergedObject)]
struct Credits(
    viewer::ViewerQuery,
    entitlements::EntitlementsQuery,
    usage::UsageQuery,
    dashboard::DashboardQuery,
    tiers::TiersQuery,
    subscriptions::SubscriptionsQuery,
    credits::CreditsQuery,
    credit_account::CreditAccountQuery,
    credit_forecast::CreditForecastQuery,
    packs::PacksQuery,
);

#[derive(Default, MergedObject)]
struct Books(
    ledger::LedgerQuery,
    postings::PostingsQuery,
    periods::PeriodsQuery,
    audit::AuditQuery,
    contracts::ContractsQuery,
    commissions::CommissionsQuery,
    payouts::PayoutsQuery,
    invoices::InvoicesQuery,
    reports::ReportsQuery,
);

#[derive(Default, MergedObject)]
struct People(
    resellers::ResellersQuery,
    permissions::PermissionsQuery,
    audit_log::AuditLogQuery,
    users::UsersQuery,
    invitations::InvitationsQuery,
    impersonations::ImpersonationsQuery,
    api_keys::ApiKeysQuery,
    bulks::BulksQuery,
    customers::CustomersQuery,
);

#[derive(Default, MergedObject)]
struct Work(
    recordings::RecordingsQuery,
    jobs::JobsQuery,
    workflows::WorkflowsQuery,
    store_events::StoreEventsQuery,
);

pub(crate) type ApiSchema = Schema<Query, EmptyMutation, job_updates::Subscription>;

/// Without a reader it can only be printed.
pub(crate) fn schema(reader: Option<Arc<Reader>>, introspection: bool) -> ApiSchema {
    let mut builder = Schema::build(Query::default(), EmptyMutation, job_updates::Subscription)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .extension(codes::Codes)
        .extension(denials::Denials);
    if let Some(reader) = reader {
        builder = builder.data(reader);
    }
    if !introspection {
        builder = builder.disable_introspection();
    }
    builder.finish()
}
