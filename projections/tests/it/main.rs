//! The projections against a real Postgres; each test has a database of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod batches;
mod commissions;
mod credits;
mod entitlements;
mod jobs;
mod ledger;
mod old_logs;
mod payouts;
mod read_models;
mod rebuild;
mod row_level_security;
mod runner;
mod store_events;
mod support;
