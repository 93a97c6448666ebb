//! The composition root: puts the roles together into one process.

pub mod app;
pub mod demo;
pub mod health;
pub mod parts;
mod request_log;
pub mod simulator;
pub mod year;

pub use app::{Role, serve};
pub use parts::Parts;
