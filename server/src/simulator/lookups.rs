//! Answers look-ups of customers as RevenueCat does: `GET /v1/subscribers/{id}`.

use std::collections::BTreeMap;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, Path};
use actix_web::{App, HttpResponse, HttpServer, get};
use chrono::{SecondsFormat, Utc};
use platform::Clock;
use serde_json::{Value, json};

struct Subscribers {
    known: BTreeMap<String, Value>,
    clock: Clock,
}

/// Serves look-ups on `listener` until the handle is stopped.
///
/// # Errors
/// The listener cannot be served.
pub fn serve(listener: TcpListener, known: BTreeMap<String, Value>) -> std::io::Result<ServerHandle> {
    let subscribers = Data::new(Subscribers {
        known,
        clock: Clock::default(),
    });
    let server = HttpServer::new(move || App::new().app_data(subscribers.clone()).service(subscriber))
        .listen(listener)?
        .workers(1)
        .disable_signals()
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

/// Who is unknown is made: 201.
#[get("/v1/subscribers/{id}")]
async fn subscriber(subscribers: Data<Subscribers>, id: Path<String>) -> HttpResponse {
    let now: chrono::DateTime<Utc> = subscribers.clock.now();
    let known = subscribers.known.get(id.as_str());
    let answer = json!({
        "request_date": now.to_rfc3339_opts(SecondsFormat::Secs, true),
        "request_date_ms": now.timestamp_millis(),
        "subscriber": known.cloned().unwrap_or_else(|| json!({"subscriptions": {}, "non_subscriptions": {}})),
    });
    if known.is_some() {
        HttpResponse::Ok().json(answer)
    } else {
        HttpResponse::Created().json(answer)
    }
}
