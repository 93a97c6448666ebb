//! The proof of the log: a hash chain and a Merkle tree over all events, signed blocks and checkpoints.
//!
//! It follows the log as a reader, so appending never waits for it. What the bytes mean is for strangers to read:
//! docs/audit-format.md. Hashes hold neither transaction ids nor positions, which a restore may number anew; an
//! event's number is its place in the order of the feed.

mod block;
mod canonical;
mod chainer;
mod checkpoint;
#[cfg(test)]
mod example;
pub mod export;
mod hash;
pub mod merkle;
mod note;
pub mod status;
mod task;
pub mod verify;

pub use canonical::json as canonical_json;
pub use chainer::{CHECKPOINT_NAME, ChainError, Chainer, Step, catch_up};
pub use checkpoint::{Checkpoint, make as make_checkpoint, publish};
pub use hash::Hash;
pub use note::{Note, NoteError, verifier_key};
pub use task::{ChainParts, run};
