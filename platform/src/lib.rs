//! What every process needs: settings, telemetry, clock, shutdown, broker, objects, tokens, and the
//! principal with its scope.

pub mod access;
pub mod audit_key;
pub mod broker;
mod client_address;
pub mod clock;
pub mod config;
pub mod messages;
pub mod objects;
pub mod principal;
pub mod shutdown;
pub mod telemetry;
pub mod tokens;

pub use client_address::client_address;
pub use clock::Clock;
pub use config::Config;
pub use principal::{Access, Audience, Principal, Scope};
