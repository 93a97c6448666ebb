//! /api/auth: sign in and out, the session, access tokens.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::user::Role;
use platform::{Access, Audience};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{Caller, must_enrol, unauthenticated};
use crate::identity::sessions::{self, COOKIE, Session};
use crate::identity::sign_in::{self, Person};
use crate::rest::cookies::{self, RETURN_COOKIE};
use crate::rest::request::{Body, OptionalBody, client, device};
use crate::standing;

pub fn routes(app: &mut ServiceConfig) {
    app.service(sign_in_route)
        .service(session_route)
        .service(sign_out_route)
        .service(token_route);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    email: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the device, or a recovery code: where the answer without one was `SECOND_FACTOR_REQUIRED`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// `admin`, `reseller` or `portal`: the sign-in page; users of another one are refused.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    audience: Option<Audience>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    user: UserView,
    /// Goes into the header X-CSRF-Token of everything but GET.
    csrf_token: String,
    /// Nothing but enrolling a second factor is open until there is one.
    must_enrol_totp: bool,
    /// Where the user is not who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonation: Option<ImpersonationView>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImpersonationView {
    /// Who acts as the user.
    by_name: String,
    /// Whether anything may be changed.
    write: bool,
    ends_at: DateTime<Utc>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    id: Uuid,
    name: String,
    email: String,
    #[schema(value_type = String)]
    role: Role,
    #[schema(value_type = String)]
    audience: Audience,
    /// Whether signing in needs a second factor.
    has_totp: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reseller_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Uuid>,
}

impl From<Person> for UserView {
    fn from(person: Person) -> Self {
        let principal = person.principal;
        Self {
            id: principal.user_id.0,
            name: person.name,
            email: person.email,
            role: principal.role,
            audience: principal.audience(),
            has_totp: person.has_totp,
            reseller_id: principal.home.reseller_id().map(|id| id.0),
            tenant_id: principal.home.tenant_id().map(|id| id.0),
        }
    }
}

#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Left out with the password, the session's user gets the token.
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// Of the device, or a recovery code, where the account has a second factor.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessToken {
    /// EdDSA JWT for `Authorization: Bearer`, on GraphQL, its WebSocket, downloads and this API.
    access_token: String,
    expires_at: DateTime<Utc>,
}

/// Opens a session.
#[utoipa::path(tag = "auth", request_body = SignIn, responses(
    (status = 200, body = SessionView), (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/sign-in")]
async fn sign_in_route(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<SignIn>,
) -> Result<HttpResponse, CommandError> {
    let Body(SignIn {
        email,
        password,
        code,
        audience,
    }) = body;
    let person = sign_in::sign_in(
        &write,
        &email,
        password,
        code.as_ref(),
        audience,
        &client(&request),
    )
    .await?;
    let ttl = write.config.identity.session_ttl();
    let mut connection = write.pool.acquire().await?;
    let session = sessions::create(
        &mut connection,
        person.principal.user_id,
        &device(&request),
        write.clock.now(),
        ttl,
    )
    .await?;
    let cookie = cookies::session(&write, COOKIE, session.cookie, session.expires_at)?;
    let view = SessionView {
        must_enrol_totp: person.must_enrol(&write),
        impersonation: None,
        user: person.into(),
        csrf_token: session.csrf_token,
    };
    Ok(HttpResponse::Ok().cookie(cookie).json(view))
}

/// The present session.
#[utoipa::path(tag = "auth", responses((status = 200, body = SessionView), (status = 401, body = Problem)))]
#[get("/auth/session")]
async fn session_route(write: Data<WriteSide>, request: HttpRequest) -> Result<HttpResponse, CommandError> {
    let ended = || unauthenticated("sign in first");
    let cookie = request.cookie(COOKIE).ok_or_else(ended)?;
    let mut connection = write.pool.acquire().await?;
    let session = sessions::find(&mut connection, cookie.value(), write.clock.now())
        .await?
        .ok_or_else(ended)?;
    let person = sign_in::person(&write, &mut connection, session.user_id)
        .await?
        .ok_or_else(ended)?;
    let csrf_token = Session::csrf_token(&session).to_owned();
    let impersonation = match session.impersonator {
        Some(by) => {
            let acting = sign_in::person(&write, &mut connection, by.user_id).await?;
            Some(ImpersonationView {
                by_name: acting.ok_or_else(ended)?.name,
                write: by.write,
                ends_at: session.expires_at,
            })
        }
        None => None,
    };
    Ok(HttpResponse::Ok().json(SessionView {
        must_enrol_totp: impersonation.is_none() && person.must_enrol(&write),
        impersonation,
        user: person.into(),
        csrf_token,
    }))
}

/// Ends the present session.
#[utoipa::path(tag = "auth", responses((status = 204), (status = 401, body = Problem)))]
#[post("/auth/sign-out")]
async fn sign_out_route(
    write: Data<WriteSide>,
    request: HttpRequest,
    _: Caller,
) -> Result<HttpResponse, CommandError> {
    // Who signs out while acting as somebody else leaves altogether.
    for name in [COOKIE, RETURN_COOKIE] {
        if let Some(cookie) = request.cookie(name) {
            let mut connection = write.pool.acquire().await?;
            sessions::end(&mut connection, cookie.value(), write.clock.now()).await?;
        }
    }
    Ok(HttpResponse::NoContent()
        .cookie(cookies::gone(COOKIE))
        .cookie(cookies::gone(RETURN_COOKIE))
        .finish())
}

/// A short-lived access token, for the session's user or for an e-mail address and a password.
#[utoipa::path(tag = "auth", request_body = Option<TokenRequest>, responses(
    (status = 200, body = AccessToken), (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/token")]
async fn token_route(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: Result<Caller, CommandError>,
    body: OptionalBody<TokenRequest>,
) -> Result<HttpResponse, CommandError> {
    let TokenRequest {
        email,
        password,
        code,
    } = body.0.unwrap_or_default();
    let (principal, end) = match (email, password) {
        (Some(email), Some(password)) => {
            let person =
                sign_in::sign_in(&write, &email, password, code.as_ref(), None, &client(&request)).await?;
            if person.must_enrol(&write) {
                return Err(must_enrol().into());
            }
            (person.principal, None)
        }
        (None, None) => {
            let principal = caller?.0;
            let mut connection = write.pool.acquire().await?;
            standing::ensure_may_sign_in(&mut connection, principal.home).await?;
            let end = match principal.access {
                Access::Impersonated { session_id, .. } => {
                    let ends_at = sessions::ends_at(&mut connection, session_id, write.clock.now()).await?;
                    Some(ends_at.ok_or_else(|| unauthenticated("the impersonation has ended"))?)
                }
                Access::Person { .. } | Access::Key { .. } => None,
            };
            (principal, end)
        }
        (Some(_), None) | (None, Some(_)) => {
            let detail = "email and password belong together: send both, or neither with a session";
            return Err(Problem::invalid(detail).into());
        }
    };
    let (access_token, expires_at) = write.signer.access_until(&principal, write.clock.now(), end)?;
    Ok(HttpResponse::Ok().json(AccessToken {
        access_token,
        expires_at,
    }))
}
