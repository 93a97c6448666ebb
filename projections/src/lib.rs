//! The read side: read models folded from the log, the runner that keeps them up to date, and the audit that
//! folds them again and compares.
//!
//! One file per read model holds its row, its projection and its queries. Side effects do not belong here: a
//! projection may be folded again at any time.

pub mod audit;
pub mod audit_log;
pub mod calendar;
pub mod dead_letters;
pub mod page;
pub mod projection;
pub mod rebuild;
pub mod runner;
pub mod scope;
pub mod status;
pub mod wait;

mod audit_changes;
mod columns;
mod customer_fold;
mod customer_stays;
mod failures;
mod figures;
mod fold;
mod grant_fold;
mod job_fold;
mod leader;
mod moves;
mod permission_fold;
mod reseller_fold;
mod stops;
mod tail;

pub mod activity;
pub mod api_keys;
pub mod bulks;
pub mod commissions;
pub mod credit_forecast;
pub mod credit_lots;
pub mod credit_transactions;
pub mod customers;
pub mod dashboard;
pub mod entitlements;
pub mod grants;
pub mod impersonations;
pub mod invitations;
pub mod invoices;
pub mod job_updates;
pub mod jobs;
pub mod ledger;
pub mod packs;
pub mod payouts;
pub mod permission_templates;
pub mod permissions;
pub mod recordings;
pub mod reports;
pub mod resellers;
pub mod store_drifts;
pub mod store_events;
pub mod store_products;
pub mod store_transactions;
pub mod subscriptions;
pub mod tiers;
pub mod usage;
pub mod users;
pub mod workflows;

pub use projection::{Projection, ProjectionError, ReadModel};
pub use runner::{catch_up, run};
pub use scope::{ScopedConnection, Snapshot, Whose};
pub use wait::{WaitError, Waiter, wait_for};
