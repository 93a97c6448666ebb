//! The read side: read models folded from the log, the runner that keeps them up to date, and the audit that
//! folds them again and compares.
//!
//! One file per read model holds its row, its projection and its queries. Side effects do not belong here: a
//! projection may be folded again at any time.

pub mod audit;
pub mod dead_letters;
pub mod page;
pub mod projection;
pub mod rebuild;
pub mod runner;
pub mod scope;
pub mod status;
pub mod wait;

mod columns;
mod customer_fold;
mod failures;
mod figures;
mod fold;
mod job_fold;
mod leader;
mod tail;

pub mod activity;
pub mod credit_transactions;
pub mod customers;
pub mod dashboard;
pub mod grants;
pub mod job_updates;
pub mod jobs;
pub mod ledger;
pub mod packs;
pub mod recordings;
pub mod resellers;
pub mod users;
pub mod workflows;

pub use projection::{Projection, ProjectionError, ReadModel};
pub use runner::{catch_up, run};
pub use scope::ScopedConnection;
pub use wait::{WaitError, Waiter, wait_for};
