//! The rules of the business: aggregates, commands, events, refusals and value objects.
//!
//! Pure: no I/O, no clock, no database, no network. Time comes in with the command. Each aggregate is a
//! `decide` (what follows from a command, or why not) and an `evolve` (what an event changes).

pub mod any_event;
mod es;
pub mod refusal;
pub mod upcast;

pub mod books;
pub mod credit_account;
pub mod job;
pub mod price_list;
pub mod recording;
pub mod reseller;
pub mod subscription;
pub mod tenant;
pub mod user;
pub mod workflow;

pub mod credits;
pub mod ids;
pub mod ledger;
pub mod period;
pub mod personal;
pub mod text;
pub mod tier;
pub mod transcript;

pub use any_event::AnyEvent;
pub use es::{Decider, StoredEvent};

/// Changes with every change of these rules: a stored state is good only for the program that folded it.
pub const FOLD_HASH: &str = env!("DOMAIN_FOLD_HASH");
