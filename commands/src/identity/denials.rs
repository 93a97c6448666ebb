//! Notes who was refused what: every 403 of somebody who is known, wherever it was decided.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use platform::Principal;
use store::origins::{Denial, note_denial};

use crate::WriteSide;
use crate::error::CommandError;
use crate::rest::request::sent_from;

pub async fn noted<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    if response.status() == StatusCode::FORBIDDEN
        && let Err(error) = note(&response).await
    {
        // The refusal stands all the same.
        tracing::error!(%error, "a refusal could not be noted");
    }
    Ok(response)
}

async fn note<B>(response: &ServiceResponse<B>) -> sqlx::Result<()> {
    let request = response.request();
    let principal = request.extensions().get::<Principal>().copied();
    let error = response.response().error();
    let problem = match error.and_then(|error| error.as_error::<CommandError>()) {
        Some(CommandError::Problem(problem)) => problem,
        Some(CommandError::Internal(_)) | None => return Ok(()),
    };
    let (Some(principal), Some(write)) = (principal, request.app_data::<Data<WriteSide>>()) else {
        return Ok(());
    };
    let action = format!(
        "{} {}",
        request.method(),
        request.match_pattern().unwrap_or_default()
    );
    let denial = Denial {
        principal: &principal,
        action: &action,
        code: &problem.code,
        permission: problem.permission.as_deref(),
        from: &sent_from(request),
        at: write.clock.now(),
    };
    note_denial(&mut *write.pool.acquire().await?, &denial).await
}
