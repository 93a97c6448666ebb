//! What every process needs: settings, telemetry, clock, shutdown, broker, objects, tokens, and the
//! principal with its scope.

pub mod audit_key;
pub mod broker;
pub mod clock;
pub mod config;
pub mod messages;
pub mod objects;
pub mod principal;
pub mod shutdown;
pub mod telemetry;
pub mod tokens;

pub use clock::Clock;
pub use config::Config;
pub use principal::{Audience, Principal, Scope};
