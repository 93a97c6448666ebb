//! The read API over HTTP and sockets, against a real Postgres.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod downloads;
mod exports;
mod freshness;
mod queries;
mod schema;
mod subscriptions;
mod support;
mod tenancy;
