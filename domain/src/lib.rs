//! The rules of the business: aggregates, commands, events, refusals and value objects.
//!
//! Pure: no I/O, no clock, no database, no network. Time comes in with the command. Each aggregate is a
//! `decide` (what follows from a command, or why not) and an `evolve` (what an event changes).

pub mod any_event;
mod es;
pub mod refusal;
pub mod upcast;

pub mod api_key;
pub mod books;
pub mod bulk;
pub mod contract;
pub mod credit_account;
pub mod hierarchy;
pub mod invoice;
pub mod job;
pub mod payout;
pub mod permission_templates;
pub mod price_list;
pub mod recording;
pub mod reseller;
pub mod reseller_permissions;
pub mod roster;
pub mod sale;
pub mod store_account;
pub mod store_catalogue;
pub mod subscription;
pub mod tenant;
pub mod tier_list;
pub mod usage;
pub mod user;
pub mod workflow;

pub mod commission;
pub mod credits;
pub mod currency;
pub mod entitlement;
pub mod html;
pub mod ids;
pub mod ledger;
pub mod period;
pub mod permission;
pub mod personal;
pub mod text;
pub mod tier;
pub mod transcript;
pub mod version;

pub use any_event::AnyEvent;
pub use es::{Decider, StoredEvent};

/// Changes with every change of these rules: a stored state is good only for the program that folded it.
pub const FOLD_HASH: &str = env!("DOMAIN_FOLD_HASH");
