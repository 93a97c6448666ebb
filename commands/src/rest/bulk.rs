//! /api/reseller/bulk and /api/admin/bulk: many rows by one command.

use std::io::Seek;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path, Payload, Query, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, post};
use domain::bulk::{BulkKind, BulkMode};
use domain::ids::{HOUSE, ResellerId, UserId};
use futures::StreamExt;
use platform::{Principal, Scope, access};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::unit_of_work::Owner;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::WriteSide;
use crate::bulk::Order;
use crate::bulk::file::Format;
use crate::bulk::run::decide::Told;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, ResellerCaller};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::{Command, Key, content_length};
use crate::rest::shapes::Reason;
use crate::{bulk, permissions};

/// Largest file.
const FILE_BYTES_MAX: u64 = 100_000_000;

pub fn routes(app: &mut ServiceConfig) {
    app.service(begin)
        .service(begin_for)
        .service(cancel)
        .service(cancel_any);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkQuery {
    /// `create`, `extend`, `suspend`, `resume` or `move`.
    #[param(value_type = String)]
    kind: BulkKind,
    /// `BEST_EFFORT` or `ALL_OR_NOTHING`.
    #[param(value_type = String)]
    mode: BulkMode,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkForQuery {
    /// `create`, `extend`, `suspend`, `resume` or `move`.
    #[param(value_type = String)]
    kind: BulkKind,
    /// `BEST_EFFORT` or `ALL_OR_NOTHING`.
    #[param(value_type = String)]
    mode: BulkMode,
    /// Whose customers they are; the house's where left out.
    #[serde(default)]
    reseller_id: Option<Uuid>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BegunBulk {
    bulk_id: Uuid,
    rows: u32,
    /// Of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<Told>,
}

/// Begins a bulk of the reseller's customers: the body is CSV (`text/csv`) or an array of JSON, a row for each customer.
#[utoipa::path(tag = "reseller", params(BulkQuery, ("Idempotency-Key" = String, Header)),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, body = BegunBulk), (status = 400, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 429, body = Problem)))]
#[post("/reseller/bulk")]
async fn begin(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: ResellerCaller,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let query: BulkQuery = queried(&request)?;
    ensure_rows_permitted(&write, &request, query.kind).await?;
    let wanted = Wanted {
        reseller_id: caller.reseller_id,
        kind: query.kind,
        mode: query.mode,
        by_platform: false,
    };
    let owner = Owner::reseller(caller.reseller_id);
    begun(&write, &request, (caller.user_id, owner), wanted, body).await
}

/// Begins a bulk of a reseller's customers on behalf of the platform; customers move between any two resellers.
#[utoipa::path(tag = "admin", params(BulkForQuery, ("Idempotency-Key" = String, Header)),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, body = BegunBulk), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 429, body = Problem)))]
#[post("/admin/bulk")]
async fn begin_for(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: AdminCaller,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let query: BulkForQuery = queried(&request)?;
    let wanted = Wanted {
        reseller_id: query.reseller_id.map_or(HOUSE, ResellerId),
        kind: query.kind,
        mode: query.mode,
        by_platform: true,
    };
    begun(&write, &request, (caller.user_id, Owner::PLATFORM), wanted, body).await
}

/// The address' query, once the caller is known to be let in.
fn queried<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, CommandError> {
    Query::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| {
            let detail = format!("the address' query does not fit: {error}; /api/openapi.json tells it");
            Problem::invalid(detail).into()
        })
}

/// A bulk is no way around what a row needs when it is sent alone.
async fn ensure_rows_permitted(
    write: &WriteSide,
    request: &HttpRequest,
    kind: BulkKind,
) -> Result<(), CommandError> {
    let alone = match kind {
        BulkKind::Create => "/api/reseller/customers",
        BulkKind::Extend => "/api/reseller/customers/{id}/extensions",
        BulkKind::Suspend => "/api/reseller/customers/{id}/suspend",
        BulkKind::Resume => "/api/reseller/customers/{id}/resume",
        BulkKind::Move => "/api/reseller/customers/{id}/move",
    };
    // Taken out before anything is awaited: the extensions are borrowed only so long.
    let needs = request
        .extensions()
        .get::<Principal>()
        .and_then(|principal| access::needs(principal, alone));
    match needs {
        Some(needs) => permissions::ensure(write, &needs).await,
        None => Ok(()),
    }
}

struct Wanted {
    reseller_id: ResellerId,
    kind: BulkKind,
    mode: BulkMode,
    by_platform: bool,
}

async fn begun(
    write: &WriteSide,
    request: &HttpRequest,
    (user_id, owner): (UserId, Owner),
    wanted: Wanted,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let key = Key::of(request)?;
    let format = format(request)?;
    if content_length(request).is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(too_large().into());
    }
    write.bulk_limits.check([format!("bulk {}", owner.id())])?;
    let (file, sha256) = receive(body).await?;
    let Wanted {
        reseller_id,
        kind,
        mode,
        by_platform,
    } = wanted;
    let payload = format!("{} {} {reseller_id} {sha256}", kind.as_ref(), mode.as_ref());
    let cause = key.cause(payload.as_bytes(), user_id, owner, write.clock.now());
    let order = Order {
        reseller_id,
        kind,
        mode,
        by_platform,
        format,
        file,
        sha256,
    };
    let done = bulk::begin(write, &cause, order).await?;
    Ok(answer(StatusCode::ACCEPTED, done, |begun| BegunBulk {
        bulk_id: begun.bulk_id,
        rows: begun.rows,
        would: begun.would,
    }))
}

fn format(request: &HttpRequest) -> Result<Format, CommandError> {
    let value = request.headers().get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim() {
        "text/csv" => Ok(Format::Csv),
        "application/json" => Ok(Format::Json),
        other => {
            let detail = format!("the Content-Type is text/csv or application/json, found {other:?}");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Err(Problem::new(status, "UNSUPPORTED_FORMAT", detail).into())
        }
    }
}

/// Writes the body to disk while it arrives. Answers the file and its SHA-256.
async fn receive(mut body: Payload) -> Result<(std::fs::File, String), CommandError> {
    let mut file = tempfile::tempfile()?;
    let mut writer = tokio::fs::File::from_std(file.try_clone()?);
    let (mut digest, mut bytes) = (Sha256::new(), 0_u64);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            let detail = format!("the file broke off after {bytes} bytes ({error}): send it again");
            Problem::new(StatusCode::BAD_REQUEST, "UPLOAD_INCOMPLETE", detail)
        })?;
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > FILE_BYTES_MAX {
            return Err(too_large().into());
        }
        digest.update(&piece);
        writer.write_all(&piece).await?;
    }
    writer.flush().await?;
    file.rewind()?;
    Ok((file, hex::encode(digest.finalize())))
}

fn too_large() -> Problem {
    let detail = format!(
        "the file is larger than {} MB: send it in several parts",
        FILE_BYTES_MAX / 1_000_000
    );
    Problem {
        available: FILE_BYTES_MAX.try_into().ok(),
        ..Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE", detail)
    }
}

/// Leaves the rows of a bulk that have not been carried out yet.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/bulk/{id}/cancel")]
async fn cancel(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let owner = Owner::reseller(caller.reseller_id);
    let cause = command.cause(caller.user_id, owner, write.clock.now());
    let scope = Scope::Reseller(caller.reseller_id);
    let done = bulk::cancel(&write, &cause, scope, *id, &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Leaves the rows of any bulk that have not been carried out yet.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/bulk/{id}/cancel")]
async fn cancel_any(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = bulk::cancel(&write, &cause, Scope::Platform, *id, &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
