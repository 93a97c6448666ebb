//! The event log: append, load, unit of work, feed, checkpoints, sealing of personal fields, repair after a restore.

pub mod answered;
pub mod api_keys;
pub mod append;
pub mod bulk;
mod cache;
pub mod chain;
pub mod committer;
pub mod database;
pub mod effects;
pub mod erasure;
pub mod feed;
pub mod ledger;
pub mod load;
pub mod origins;
pub mod position;
pub mod recorded;
pub mod restore;
pub mod revocations;
pub mod rosters;
pub mod rows;
mod snapshots;
pub mod timers;
pub mod unit_of_work;
pub mod vault;
pub mod wake;

pub use append::{AppendError, Appended};
pub use database::MIGRATOR;
pub use position::Position;
pub use recorded::{Metadata, Recorded, command_id};
