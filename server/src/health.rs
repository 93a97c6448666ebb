//! Whether the process lives and is ready, and its figures.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use metrics_exporter_prometheus::PrometheusHandle;
use platform::broker::Broker;
use serde_json::json;
use store::{Position, feed};

use crate::Parts;

/// What a readiness check asks.
pub struct Health {
    parts: Parts,
    broker: Broker,
    metrics: Option<PrometheusHandle>,
}

impl Health {
    pub fn new(parts: Parts, metrics: Option<PrometheusHandle>) -> Self {
        let broker = Broker::new(&parts.config.broker.url, &parts.config.broker.prefix);
        Self {
            parts,
            broker,
            metrics,
        }
    }
}

pub fn routes(app: &mut ServiceConfig) {
    app.service(alive).service(ready).service(figures);
}

#[get("/healthz")]
async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// 200 where everything answers, else 503 with what does not. A broker that is away is named but no reason to
/// send no more requests: jobs are accepted without it.
#[get("/readyz")]
async fn ready(health: Data<Health>) -> HttpResponse {
    let told = |outcome: Result<(), String>| outcome.err().unwrap_or_else(|| "ready".to_owned());
    let lag = projected(&health.parts).await.map_err(|error| error.to_string());
    let database_ready = lag.is_ok();
    let report = json!({
        "database": told(lag.as_ref().map(|_| ()).map_err(Clone::clone)),
        "broker": told(health.broker.ping().await.map_err(|error| error.to_string())),
        "projections": lag.map(|(head, reached)| json!({"head": head, "reached": reached})).ok(),
    });
    if database_ready {
        HttpResponse::Ok().json(report)
    } else {
        HttpResponse::ServiceUnavailable().json(report)
    }
}

async fn projected(parts: &Parts) -> sqlx::Result<(Position, Position)> {
    let mut connection = parts.commands.acquire().await?;
    let head = feed::head(&mut connection).await?;
    let names: Vec<&str> = projections::projection::all()
        .iter()
        .map(|model| model.name())
        .collect();
    let reached = projections::wait::reached(&mut *connection, &names).await?;
    Ok((head, reached))
}

#[get("/metrics")]
async fn figures(health: Data<Health>) -> HttpResponse {
    let text = health
        .metrics
        .as_ref()
        .map(PrometheusHandle::render)
        .unwrap_or_default();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(text)
}
