//! The event log: append, load, unit of work, feed, checkpoints, sealing of personal fields, repair after a restore.

pub mod append;
mod cache;
pub mod chain;
pub mod committer;
pub mod database;
pub mod effects;
pub mod erasure;
pub mod feed;
pub mod ledger;
pub mod load;
pub mod position;
pub mod recorded;
pub mod restore;
pub mod rows;
mod snapshots;
pub mod unit_of_work;
pub mod vault;
pub mod wake;

pub use append::{AppendError, Appended};
pub use database::MIGRATOR;
pub use position::Position;
pub use recorded::{Metadata, Recorded, command_id};
