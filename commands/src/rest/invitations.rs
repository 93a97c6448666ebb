//! /api/users/invitations, and what the links of invitations and password resets open.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId, UserId};
use domain::user::Role;
use platform::Audience;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::invitations::{self, Invitee};
use crate::password_resets;
use crate::people::owner_of;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::{Body, Command, client};
use crate::rest::shapes::Empty;

pub fn routes(app: &mut ServiceConfig) {
    app.service(invite)
        .service(resend)
        .service(revoke)
        .service(issue_reset)
        .service(offer)
        .service(accept)
        .service(request_reset)
        .service(complete_reset);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvitation {
    email: String,
    #[schema(value_type = String)]
    role: Role,
    /// For a reseller's role, where the reseller is not the caller's own.
    #[serde(default)]
    reseller_id: Option<Uuid>,
    /// For a customer's role, where the customer is not the caller's own.
    #[serde(default)]
    tenant_id: Option<Uuid>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitedPerson {
    user_id: Uuid,
    expires_at: DateTime<Utc>,
    /// Shown once, to be handed over: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

fn shown(link: &SecretString, replayed: bool) -> Option<String> {
    (!replayed).then(|| link.expose_secret().to_owned())
}

/// Asks a person to join; who opens the link chooses a name and a password. The link is mailed where mail is set up.
#[utoipa::path(tag = "users", params(("Idempotency-Key" = String, Header)), request_body = NewInvitation,
    responses((status = 201, body = InvitedPerson), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/users/invitations")]
async fn invite(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<NewInvitation>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let input = command.input;
    let invitee = Invitee {
        email: input.email,
        role: input.role,
        reseller_id: input.reseller_id.map(ResellerId),
        tenant_id: input.tenant_id.map(TenantId),
    };
    let (done, link) = invitations::invite(&write, &cause, &caller, invitee).await?;
    let link = shown(&link, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |invited| InvitedPerson {
        user_id: invited.user_id,
        expires_at: invited.expires_at,
        link,
    }))
}

/// Makes a new link for an open invitation; the one before it opens nothing any more.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200, body = InvitedPerson), (status = 404, body = Problem)))]
#[post("/users/{id}/invitation/resend")]
async fn resend(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let (done, link) = invitations::resend(&write, &cause, &caller, UserId(*id)).await?;
    let link = shown(&link, done.replayed);
    Ok(answer(StatusCode::OK, done, |invited| InvitedPerson {
        user_id: invited.user_id,
        expires_at: invited.expires_at,
        link,
    }))
}

/// Takes an open invitation back.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200), (status = 404, body = Problem)))]
#[post("/users/{id}/invitation/revoke")]
async fn revoke(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let done = invitations::revoke(&write, &cause, &caller, UserId(*id)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedReset {
    expires_at: DateTime<Utc>,
    /// Shown once, to be handed over: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// Makes a link with which a person sets a new password. The password that is there holds until then.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 201, body = IssuedReset), (status = 404, body = Problem)))]
#[post("/users/{id}/password-reset")]
async fn issue_reset(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let (done, link) = password_resets::issue_for(&write, &cause, &caller, UserId(*id)).await?;
    let link = shown(&link, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |issued| IssuedReset {
        expires_at: issued.expires_at,
        link,
    }))
}

/// What stands behind the # of a link.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSecret {
    #[schema(value_type = String)]
    token: SecretString,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct OfferView {
    email: Option<String>,
    #[schema(value_type = String)]
    role: Role,
}

/// Whom an invitation is for.
#[utoipa::path(tag = "auth", request_body = LinkSecret,
    responses((status = 200, body = OfferView), (status = 404, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/invitation")]
async fn offer(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<LinkSecret>,
) -> Result<HttpResponse, CommandError> {
    limited(&write, &request)?;
    let offer = invitations::offer(&write, &body.0.token).await?;
    Ok(HttpResponse::Ok().json(OfferView {
        email: offer.email,
        role: offer.role,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    #[schema(value_type = String)]
    token: SecretString,
    name: String,
    /// At least 10 characters.
    #[schema(value_type = String)]
    password: SecretString,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct OpenedAccount {
    /// The sign-in page: `admin`, `reseller` or `portal`.
    #[schema(value_type = String)]
    audience: Audience,
}

/// Accepts an invitation. The link's secret is the key under which it happens once.
#[utoipa::path(tag = "auth", request_body = Acceptance,
    responses((status = 201, body = OpenedAccount), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[post("/auth/invitation/accept")]
async fn accept(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<Acceptance>,
) -> Result<HttpResponse, CommandError> {
    limited(&write, &request)?;
    let Body(Acceptance {
        token,
        name,
        password,
    }) = body;
    let done = invitations::accept(&write, &token, &name, password).await?;
    Ok(answer(StatusCode::CREATED, done, |opened| OpenedAccount {
        audience: opened.audience,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgottenPassword {
    email: String,
}

/// Mails a link that sets a new password. The answer is the same for every address, and comes as fast.
#[utoipa::path(tag = "auth", request_body = ForgottenPassword,
    responses((status = 202), (status = 429, body = Problem)))]
#[post("/auth/password-reset")]
async fn request_reset(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<ForgottenPassword>,
) -> Result<HttpResponse, CommandError> {
    let email = body.0.email;
    write.sign_in_limits.check([
        format!("reset {}", email.trim().to_lowercase()),
        format!("client {}", client(&request)),
    ])?;
    if !write.config.mail.url.is_empty() {
        actix_web::rt::spawn(async move {
            if let Err(error) = password_resets::request(&write, &email).await {
                tracing::error!(%error, "a password reset was not issued");
            }
        });
    }
    Ok(HttpResponse::Accepted().json(Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    #[schema(value_type = String)]
    token: SecretString,
    /// At least 10 characters.
    #[schema(value_type = String)]
    password: SecretString,
}

/// Sets a new password by a link, and ends every session of the person.
#[utoipa::path(tag = "auth", request_body = ResetPassword,
    responses((status = 200, body = OpenedAccount), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[post("/auth/password-reset/complete")]
async fn complete_reset(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<ResetPassword>,
) -> Result<HttpResponse, CommandError> {
    limited(&write, &request)?;
    let Body(ResetPassword { token, password }) = body;
    let done = password_resets::complete(&write, &token, password).await?;
    Ok(answer(StatusCode::OK, done, |opened| OpenedAccount {
        audience: opened.audience,
    }))
}

/// Links are tried no more often than passwords.
fn limited(write: &WriteSide, request: &HttpRequest) -> Result<(), CommandError> {
    let client = client(request);
    write
        .sign_in_limits
        .check([format!("link {client}"), format!("client {client}")])
}
