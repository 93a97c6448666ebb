//! Serves the roles over HTTP and runs their tasks, until it is told to stop.

use std::net::TcpListener;
use std::sync::Arc;

use actix_files::{Files, NamedFile};
use actix_web::dev::{ServiceRequest, ServiceResponse, fn_service};
use actix_web::middleware::{Compress, DefaultHeaders};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::Context;
use chrono::TimeDelta;
use commands::jobs::{dispatcher, reports};
use commands::rest::openapi;
use commands::{bulk, store_events, timers};
use metrics_exporter_prometheus::PrometheusHandle;
use platform::audit_key::AuditKey;
use store::chain::ChainParts;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;

use crate::health::{self, Health};
use crate::request_log::RequestLog;
use crate::{Parts, demo};

/// What a process does. Any number of processes may have any roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// REST commands, the dispatcher of jobs, workers' reports.
    Commands,
    /// Keeps the read tables up to date.
    Projections,
    /// GraphQL, downloads and the panel.
    Api,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Commands, Self::Projections, Self::Api];
}

/// Scripts and styles come from here alone; the panel's styles are set inline by its components.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

/// Serves `roles` on `listener` until `stop`; what is in flight is finished.
///
/// # Errors
/// The listener cannot be served.
pub async fn serve(
    parts: Parts,
    roles: &[Role],
    listener: TcpListener,
    metrics: Option<PrometheusHandle>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let commands = roles
        .contains(&Role::Commands)
        .then(|| Data::new(parts.write_side()));
    if let Some(write) = &commands {
        let write = write.get_ref();
        // On this thread: the futures of async closures are not known to be `Send` for every lifetime.
        tasks.spawn_local(dispatcher::run(write.clone(), stop.clone()));
        tasks.spawn_local(commands::mail::run(write.clone(), stop.clone()));
        tasks.spawn_local(reports::run(write.clone(), stop.clone()));
        tasks.spawn_local(reports::run_dead_letters(write.clone(), stop.clone()));
        tasks.spawn_local(store_events::process::run(write.clone(), stop.clone()));
        tasks.spawn_local(bulk::run::run(write.clone(), stop.clone()));
        tasks.spawn_local(timers::run(write.clone(), timers::KINDS, stop.clone()));
    }
    if roles.contains(&Role::Projections) {
        let pool = parts.projections.clone();
        tasks.spawn(projections::run(
            pool,
            parts.vault.clone(),
            parts.wake.clone(),
            stop.clone(),
        ));
        tasks.spawn(store::chain::run(chain_parts(&parts)?, stop.clone()));
    }
    let read = roles.contains(&Role::Api).then(|| parts.read_side());
    let health = Data::new(Health::new(parts.clone(), metrics));
    let config = parts.config.clone();
    let server = HttpServer::new(move || {
        let mut app = App::new()
            .wrap(Compress::default())
            .wrap(
                DefaultHeaders::new()
                    .add(("X-Content-Type-Options", "nosniff"))
                    .add(("Referrer-Policy", "same-origin"))
                    .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY)),
            )
            .wrap(TracingLogger::<RequestLog>::new())
            .app_data(health.clone())
            .configure(health::routes);
        // First: what it answers below /api the commands do not know.
        if let Some(read) = &read {
            app = app
                .configure(|app| read.configure(app))
                .app_data(Data::new(openapi::Others(api::openapi())));
        }
        if let Some(write) = commands.clone() {
            app = app.configure(|app| commands::rest::configure(app, write));
        }
        if read.is_some() {
            let panel = config.http.panel_path.clone();
            app = app.configure(demo::routes(&config)).service(panel_files(panel));
        }
        app
    });
    let server = server.listen(listener).context("the address cannot be served")?;
    let server = server.workers(2).shutdown_timeout(10).disable_signals().run();
    let handle = server.handle();
    let stopping = stop.clone();
    tokio::spawn(async move {
        stopping.cancelled().await;
        handle.stop(true).await;
    });
    server.await.context("the server failed")?;
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// What the hash chain over the log needs.
fn chain_parts(parts: &Parts) -> anyhow::Result<ChainParts> {
    let audit = &parts.config.audit;
    Ok(ChainParts {
        pool: parts.projections.clone(),
        key: Arc::new(AuditKey::open(&parts.config.identity.keys_path)?),
        objects: parts.objects.clone(),
        clock: parts.clock.clone(),
        wake: parts.wake.clone(),
        origin: audit.origin.clone(),
        checkpoint_every: TimeDelta::minutes(audit.checkpoint_minutes.into()),
        checkpoint_at_least_every: TimeDelta::hours(audit.checkpoint_hours.into()),
    })
}

/// The built panel; what is no file of it is a page, which the panel itself finds.
fn panel_files(folder: std::path::PathBuf) -> Files {
    let index = folder.join("index.html");
    Files::new("/", folder)
        .index_file("index.html")
        .prefer_utf8(true)
        .default_handler(fn_service(move |request: ServiceRequest| {
            let index = index.clone();
            async move {
                let (request, _) = request.into_parts();
                let file = NamedFile::open(&index)?;
                let response = file.into_response(&request);
                Ok(ServiceResponse::new(request, response))
            }
        }))
}
