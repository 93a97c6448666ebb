//! How a command that was carried out is answered.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use store::Position;

use crate::bus::Done;

/// A command's answer with the position that a reader passes as `minPosition`.
#[derive(Serialize)]
struct Answer<T> {
    #[serde(flatten)]
    value: T,
    position: Position,
}

/// An answer that has nothing to say but its position.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Nothing {}

pub fn answer<T, V: Serialize>(
    status: StatusCode,
    done: Done<T>,
    shape: impl FnOnce(T) -> V,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if done.replayed {
        response.insert_header(("Idempotent-Replay", "true"));
    }
    response.json(Answer {
        value: shape(done.value),
        position: done.position,
    })
}
