//! /api/users: what those who look after people do with accounts; /api/user/sessions: what people do with their own.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use domain::user::Role;
use platform::{Access, Principal};
use serde::{Deserialize, Serialize};
use store::unit_of_work::UnitOfWork;
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts::{self, Change, Which};
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::identity::sessions::{self, Listed};
use crate::people::owner_of;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::{Empty, Reason};

pub fn routes(app: &mut ServiceConfig) {
    app.service(rename)
        .service(change_role)
        .service(disable)
        .service(enable)
        .service(list_sessions)
        .service(end_sessions)
        .service(own_name)
        .service(own_sessions)
        .service(end_own_session)
        .service(end_other_sessions);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// 1 to 120 characters.
    name: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Of the same kind: a customer's user becomes `customer_admin`, a reseller's `reseller_staff`.
    #[schema(value_type = String)]
    role: Role,
}

async fn change<T>(
    write: &WriteSide,
    caller: Principal,
    id: Uuid,
    command: Command<T>,
    wanted: impl FnOnce(T) -> Change,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let wanted = wanted(command.input);
    let done = accounts::change(write, &cause, &caller, UserId(id), &wanted).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Changes a person's name.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewName, responses((status = 200), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[post("/users/{id}/name")]
async fn rename(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<NewName>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller.0, *id, command, |NewName { name }| {
        Change::Rename { name }
    })
    .await
}

/// Changes a person's role. Tokens of the old role end at once; sessions go on with the new one.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewRole, responses((status = 200), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/users/{id}/role")]
async fn change_role(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<NewRole>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller.0, *id, command, |NewRole { role }| Change::Role {
        role,
    })
    .await
}

/// Takes every way in from a person: sessions, tokens and open sockets end at once.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/users/{id}/disable")]
async fn disable(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller.0, *id, command, |Reason { reason }| {
        Change::Disable { reason }
    })
    .await
}

/// Lets a disabled person sign in again.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/users/{id}/enable")]
async fn enable(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller.0, *id, command, |Reason { reason }| {
        Change::Enable { reason }
    })
    .await
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionItem {
    id: Uuid,
    created_at: DateTime<Utc>,
    /// To the minute.
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    address: Option<String>,
    user_agent: Option<String>,
    /// Whether the request came by this session.
    current: bool,
    /// Whether somebody else acts as the person by it.
    impersonated: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionList {
    sessions: Vec<SessionItem>,
}

fn listed(sessions: Vec<Listed>, current: Option<Uuid>) -> HttpResponse {
    let sessions = sessions.into_iter().map(|session| SessionItem {
        id: session.session_id,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        address: session.address,
        user_agent: session.user_agent,
        current: Some(session.session_id) == current,
        impersonated: session.impersonated,
    });
    HttpResponse::Ok().json(SessionList {
        sessions: sessions.collect(),
    })
}

/// Where a person is signed in.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path)),
    responses((status = 200, body = SessionList), (status = 404, body = Problem)))]
#[get("/users/{id}/sessions")]
async fn list_sessions(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
) -> Result<HttpResponse, CommandError> {
    let user_id = UserId(*id);
    accounts::ensure_managed(&write, &caller.0, user_id).await?;
    let mut connection = write.pool.acquire().await?;
    let sessions = sessions::list(&mut connection, user_id, write.clock.now()).await?;
    Ok(listed(sessions, None))
}

/// Ends all sessions of a person, open sockets and tokens included.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200, body = EndedSessions), (status = 404, body = Problem)))]
#[post("/users/{id}/sessions/end")]
async fn end_sessions(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let mut unit = UnitOfWork::new(&write.pool, &cause);
    let (_, home) = accounts::managed(&mut unit, &caller, UserId(*id)).await?;
    let reason = Some(command.input.reason.as_str());
    let of = (UserId(*id), home);
    let done = accounts::end_sessions(&write, &cause, of, Which::AllBut(None), reason).await?;
    Ok(answer(StatusCode::OK, done, |ended| EndedSessions {
        ended: ended.ended,
    }))
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct EndedSessions {
    ended: usize,
}

/// Changes the own name.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = NewName,
    responses((status = 200), (status = 400, body = Problem)))]
#[post("/user/name")]
async fn own_name(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<NewName>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let done = accounts::rename_self(&write, &cause, &caller, &command.input.name).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

fn own_session(caller: &Principal) -> Option<Uuid> {
    match caller.access {
        Access::Person { session_id } => session_id,
        Access::Impersonated { .. } | Access::Key { .. } => None,
    }
}

/// Where one is signed in oneself.
#[utoipa::path(tag = "user", responses((status = 200, body = SessionList), (status = 401, body = Problem)))]
#[get("/user/sessions")]
async fn own_sessions(write: Data<WriteSide>, caller: Caller) -> Result<HttpResponse, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let sessions = sessions::list(&mut connection, caller.0.user_id, write.clock.now()).await?;
    Ok(listed(sessions, own_session(&caller.0)))
}

/// Ends one of the own sessions.
#[utoipa::path(tag = "user", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200, body = EndedSessions), (status = 404, body = Problem)))]
#[post("/user/sessions/{id}/end")]
async fn end_own_session(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    end_own(&write, caller.0, &command, Which::One(*id)).await
}

/// Ends all own sessions but the present one.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = Empty,
    responses((status = 200, body = EndedSessions), (status = 401, body = Problem)))]
#[post("/user/sessions/end-others")]
async fn end_other_sessions(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let kept = own_session(&caller.0);
    end_own(&write, caller.0, &command, Which::AllBut(kept)).await
}

async fn end_own(
    write: &WriteSide,
    caller: Principal,
    command: &Command<Empty>,
    which: Which,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let of = (caller.user_id, caller.home);
    let done = accounts::end_sessions(write, &cause, of, which, None).await?;
    Ok(answer(StatusCode::OK, done, |ended| EndedSessions {
        ended: ended.ended,
    }))
}
