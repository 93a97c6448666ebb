//! What whole-system tests share: a database of its own for each test, the app on a free port, a worker, a
//! broker that can be cut off, a PostgreSQL cluster that can be crashed.

pub mod app;
pub mod broker_proxy;
pub mod chaos;
pub mod client;
pub mod cluster;
pub mod database;
pub mod process;
pub mod proof;
pub mod scenario;
pub mod socket;
pub mod store_events;

pub use app::TestApp;
pub use client::{Answer, TestClient};
pub use cluster::Cluster;
pub use database::TestDatabase;
