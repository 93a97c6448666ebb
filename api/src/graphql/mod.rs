//! The schema: one file per noun, each with its types and its queries.

mod codes;
mod credits;
mod customers;
mod dashboard;
mod job_updates;
mod jobs;
mod ledger;
mod page;
mod periods;
mod postings;
mod recordings;
mod resellers;
mod scalars;
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

#[derive(Default, MergedObject)]
pub(crate) struct Query(
    viewer::ViewerQuery,
    dashboard::DashboardQuery,
    credits::CreditsQuery,
    ledger::LedgerQuery,
    postings::PostingsQuery,
    periods::PeriodsQuery,
    resellers::ResellersQuery,
    users::UsersQuery,
    customers::CustomersQuery,
    recordings::RecordingsQuery,
    jobs::JobsQuery,
    workflows::WorkflowsQuery,
);

pub(crate) type ApiSchema = Schema<Query, EmptyMutation, job_updates::Subscription>;

/// Without a reader it can only be printed.
pub(crate) fn schema(reader: Option<Arc<Reader>>, introspection: bool) -> ApiSchema {
    let mut builder = Schema::build(Query::default(), EmptyMutation, job_updates::Subscription)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .extension(codes::Codes);
    if let Some(reader) = reader {
        builder = builder.data(reader);
    }
    if !introspection {
        builder = builder.disable_introspection();
    }
    builder.finish()
}
