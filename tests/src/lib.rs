//! What whole-system tests share: a database of its own for each test, the app on a free port, a worker, a
//! broker that can be cut off.

pub mod app;
pub mod broker_proxy;
pub mod client;
pub mod database;
pub mod process;
pub mod scenario;

pub use app::TestApp;
pub use client::{Answer, TestClient};
pub use database::TestDatabase;
