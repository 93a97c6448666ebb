//! Acting as somebody else: `/api/users/{id}/impersonation`, `/api/user/impersonation/end`.
//!
//! The own session waits in a cookie of its own, and comes back when the impersonation ends.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use domain::user::UserError;
use platform::Access;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::identity::sessions::{self, COOKIE};
use crate::impersonations::{self, Wanted};
use crate::people::owner_of;
use crate::rest::answer::{Nothing, answer};
use crate::rest::cookies::{self, RETURN_COOKIE};
use crate::rest::request::{Command, device};
use crate::rest::shapes::Empty;

pub fn routes(app: &mut ServiceConfig) {
    app.service(begin).service(end);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImpersonation {
    /// Why; the person sees it.
    reason: String,
    /// Whether anything may be changed; else looking is all.
    #[serde(default)]
    write: bool,
    /// 1 to 60.
    #[serde(default = "quarter")]
    minutes: i64,
}

fn quarter() -> i64 {
    15
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BegunImpersonation {
    impersonation_id: Uuid,
    ends_at: DateTime<Utc>,
    /// Of the session that the cookie opens. Shown once: a repeated request gets neither it nor the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// Begins to act as a person whom the caller looks after. The cookie that comes with the answer opens the session.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewImpersonation, responses((status = 201, body = BegunImpersonation),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/users/{id}/impersonation")]
async fn begin(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<NewImpersonation>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let NewImpersonation {
        reason,
        write: writes,
        minutes,
    } = command.input;
    let wanted = Wanted {
        reason,
        write: writes,
        minutes,
    };
    let device = device(&request);
    let (done, session) = impersonations::begin(&write, &cause, &caller, UserId(*id), wanted, device).await?;
    let replayed = done.replayed;
    let csrf_token = (!replayed).then_some(session.csrf_token);
    let mut response = answer(StatusCode::CREATED, done, |begun| BegunImpersonation {
        impersonation_id: begun.impersonation_id,
        ends_at: begun.ends_at,
        csrf_token,
    });
    if !replayed {
        let opened = cookies::session(&write, COOKIE, session.cookie, session.expires_at)?;
        set(&mut response, &opened)?;
        if let Some(own) = own_session(&write, &request).await? {
            set(&mut response, &own)?;
        }
    }
    Ok(response)
}

/// The session by which the request came, as a cookie that waits.
async fn own_session(
    write: &WriteSide,
    request: &HttpRequest,
) -> Result<Option<Cookie<'static>>, CommandError> {
    let Some(cookie) = request.cookie(COOKIE) else {
        return Ok(None);
    };
    let mut connection = write.pool.acquire().await?;
    let session = sessions::find(&mut connection, cookie.value(), write.clock.now()).await?;
    let Some(session) = session else { return Ok(None) };
    let value = cookie.value().to_owned();
    Ok(Some(cookies::session(
        write,
        RETURN_COOKIE,
        value,
        session.expires_at,
    )?))
}

/// Stops acting as somebody else, and goes back to the own session where it lasts.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = Empty,
    responses((status = 200), (status = 409, body = Problem)))]
#[post("/user/impersonation/end")]
async fn end(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: Caller,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let Access::Impersonated { by, session_id, .. } = caller.access else {
        return Err(CommandError::refused(&UserError::ImpersonationEnded));
    };
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let done = impersonations::end(&write, &cause, &caller, session_id).await?;
    let mut response = answer(StatusCode::OK, done, |()| Nothing {});
    let back = match request.cookie(RETURN_COOKIE) {
        Some(waiting) => came_back(&write, waiting.value(), by).await?,
        None => None,
    };
    set(&mut response, &back.unwrap_or_else(|| cookies::gone(COOKIE)))?;
    set(&mut response, &cookies::gone(RETURN_COOKIE))?;
    Ok(response)
}

/// The session that waited, if it lasts and is that of who acted.
async fn came_back(
    write: &WriteSide,
    secret: &str,
    by: UserId,
) -> Result<Option<Cookie<'static>>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let session = sessions::find(&mut connection, secret, write.clock.now()).await?;
    let own = session.filter(|session| session.user_id == by && session.impersonator.is_none());
    own.map(|session| cookies::session(write, COOKIE, secret.to_owned(), session.expires_at))
        .transpose()
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<(), CommandError> {
    response.add_cookie(cookie).map_err(CommandError::internal)
}
