//! Extractors: a handler that takes one of these runs only for a caller who may be there.
//!
//! A caller comes with a session cookie (and, on anything but GET, its CSRF token) or with a bearer token.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::ids::{ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use platform::access::{self, Denied};
use platform::tokens::TokenError;
use platform::{Access, Principal};
use store::api_keys;
use store::unit_of_work::Owner;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::sessions::{self, COOKIE, CSRF_HEADER, Impersonator, Session};
use crate::identity::sign_in;
use crate::impersonations;
use crate::permissions;
use crate::rest::request::client_address_of;
use crate::standing;

/// What is open to somebody who has yet to enrol.
const BEFORE_ENROLMENT: [&str; 3] = ["/api/user/totp", "/api/user/totp/confirm", "/api/auth/sign-out"];

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, CommandError>>>>;

/// Anybody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Principal);

/// Somebody of the platform, or a program of its own.
#[derive(Clone, Copy, Debug)]
pub struct AdminCaller {
    pub user_id: UserId,
}

/// Somebody of the platform who keeps the books: finance, or an admin.
#[derive(Clone, Copy, Debug)]
pub struct FinanceCaller {
    pub user_id: UserId,
}

/// Somebody of a reseller.
#[derive(Clone, Copy, Debug)]
pub struct ResellerCaller {
    pub user_id: UserId,
    pub reseller_id: ResellerId,
}

/// Somebody of a customer.
#[derive(Clone, Copy, Debug)]
pub struct TenantCaller {
    pub user_id: UserId,
    pub role: Role,
    pub reseller_id: ResellerId,
    pub tenant_id: TenantId,
}

impl TenantCaller {
    /// Whom the facts of this caller's commands belong to.
    pub fn owner(&self) -> Owner {
        Owner::tenant(self.reseller_id, self.tenant_id)
    }
}

impl FromRequest for Caller {
    type Error = CommandError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

/// What the table of roles lets through is narrowed to where the caller belongs.
macro_rules! narrower {
    ($caller:ty, $area:literal, $narrow:expr) => {
        impl FromRequest for $caller {
            type Error = CommandError;
            type Future = Extracting<Self>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let principal = authenticate(&request).await?;
                    let narrow: fn(Principal) -> Option<Self> = $narrow;
                    narrow(principal).ok_or_else(|| misplaced($area, principal).into())
                })
            }
        }
    };
}

narrower!(AdminCaller, "the platform", |principal| {
    (principal.home == Home::Platform).then_some(AdminCaller {
        user_id: principal.user_id,
    })
});
narrower!(FinanceCaller, "the platform", |principal| {
    (principal.home == Home::Platform).then_some(FinanceCaller {
        user_id: principal.user_id,
    })
});
narrower!(ResellerCaller, "resellers", |principal| match principal.home {
    Home::Reseller(reseller_id) => Some(ResellerCaller {
        user_id: principal.user_id,
        reseller_id
    }),
    Home::Platform | Home::Tenant { .. } => None,
});
narrower!(TenantCaller, "customers", |principal| match principal.home {
    Home::Tenant {
        reseller_id,
        tenant_id,
    } => Some(TenantCaller {
        user_id: principal.user_id,
        role: principal.role,
        reseller_id,
        tenant_id
    }),
    Home::Platform | Home::Reseller(_) => None,
});

/// Who sends the request, once the table of roles and its reseller's permissions have let it through.
async fn authenticate(request: &HttpRequest) -> Result<Principal, CommandError> {
    let write = request
        .app_data::<Data<WriteSide>>()
        .ok_or_else(|| CommandError::internal("the write side is not part of this app"))?;
    let principal = match bearer(request) {
        Some(secret) if secret.starts_with(api_keys::PREFIX) => by_key(write, request, secret).await?,
        Some(token) => by_token(write, token)?,
        None => by_session(write, request).await?,
    };
    // Whoever is refused from here on is known.
    request.extensions_mut().insert(principal);
    let pattern = request.match_pattern().unwrap_or_default();
    access::allow(&principal, &pattern, is_safe(request)).map_err(|denied| forbidden(denied, &principal))?;
    let principal = standing_now(write, principal).await?;
    if let Some(needs) = access::needs(&principal, &pattern) {
        permissions::ensure(write, &needs).await?;
    }
    // What the caller appends says by which way it came in.
    request.extensions_mut().insert(principal);
    Ok(principal)
}

/// Whoever may not be there is told so first, whatever is wrong with what was sent. Extractors run side by side: the
/// one that reads the body may be done before permissions are looked up.
///
/// # Errors
/// As for the caller's extractor.
pub async fn ensure_let_in(request: &HttpRequest) -> Result<(), CommandError> {
    let rule = access::rule_of(&request.match_pattern().unwrap_or_default());
    // Nobody has to be known elsewhere, or the table of roles alone decides, at once.
    if rule.is_some_and(|rule| rule.permission.is_some() || rule.key.is_some()) {
        authenticate(request).await?;
    }
    Ok(())
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?;
    value.to_str().ok()?.strip_prefix("Bearer ")
}

fn is_safe(request: &HttpRequest) -> bool {
    *request.method() == Method::GET || *request.method() == Method::HEAD
}

async fn by_key(write: &WriteSide, request: &HttpRequest, secret: &str) -> Result<Principal, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let address = client_address_of(request);
    let opened = api_keys::open(&mut connection, secret, address, write.clock.now()).await?;
    opened
        .map(|opened| opened.principal)
        .ok_or_else(|| unauthenticated(&TokenError::KeyRefused.to_string()).into())
}

fn by_token(write: &WriteSide, token: &str) -> Result<Principal, CommandError> {
    let verified = write
        .verifier
        .verify(token, write.clock.now())
        .map_err(|error| unauthenticated(&error.to_string()))?;
    let principal = verified.principal;
    if write.wake.revocations().cover(&principal, verified.made_at) {
        return Err(unauthenticated(&TokenError::Revoked.to_string()).into());
    }
    Ok(principal)
}

/// The principal where it belongs now: its customer may have been moved or closed since the token was made. A key is
/// asked what people are asked when they sign in, because it never does.
async fn standing_now(write: &WriteSide, principal: Principal) -> Result<Principal, CommandError> {
    let is_key = matches!(principal.access, Access::Key { .. });
    if principal.home.tenant_id().is_none() && !is_key {
        return Ok(principal);
    }
    let mut connection = write.pool.acquire().await?;
    if is_key {
        standing::ensure_may_sign_in(&mut connection, principal.home).await?;
    }
    let home = standing::present_home(&mut connection, principal.home).await?;
    Ok(Principal { home, ..principal })
}

async fn by_session(write: &WriteSide, request: &HttpRequest) -> Result<Principal, CommandError> {
    let cookie = request
        .cookie(COOKIE)
        .ok_or_else(|| unauthenticated("sign in first"))?;
    let mut connection = write.pool.acquire().await?;
    let session = sessions::find(&mut connection, cookie.value(), write.clock.now())
        .await?
        .ok_or_else(|| unauthenticated("the session has ended: sign in again"))?;
    let token = request
        .headers()
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !is_safe(request) && !session.csrf_matches(token) {
        let detail =
            format!("the header {CSRF_HEADER} has to carry the session's csrfToken: see /api/auth/session");
        return Err(Problem::new(StatusCode::FORBIDDEN, "CSRF_TOKEN_INVALID", detail).into());
    }
    let person = sign_in::person(write, &mut connection, session.user_id)
        .await?
        .ok_or_else(|| unauthenticated("the session has ended: sign in again"))?;
    drop(connection);
    if let Some(by) = session.impersonator {
        return impersonated(write, &session, by, person.principal).await;
    }
    let pattern = request.match_pattern().unwrap_or_default();
    if person.must_enrol(write) && !BEFORE_ENROLMENT.contains(&pattern.as_str()) {
        return Err(must_enrol().into());
    }
    Ok(Principal {
        access: Access::Person {
            session_id: Some(session.session_id),
        },
        ..person.principal
    })
}

async fn impersonated(
    write: &WriteSide,
    session: &Session,
    by: Impersonator,
    person: Principal,
) -> Result<Principal, CommandError> {
    if !impersonations::may_go_on(write, by.user_id, person.home).await? {
        return Err(unauthenticated("you may not act as this person any more: sign in again").into());
    }
    Ok(Principal {
        access: Access::Impersonated {
            by: by.user_id,
            session_id: session.session_id,
            write: by.write,
        },
        ..person
    })
}

pub fn must_enrol() -> Problem {
    let detail = "your role needs a second factor: enrol your device in the panel, or by /api/user/totp";
    Problem::new(StatusCode::FORBIDDEN, "TOTP_ENROLMENT_REQUIRED", detail)
}

pub fn unauthenticated(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", detail)
}

/// Somebody who may do such things elsewhere.
fn misplaced(area: &str, principal: Principal) -> Problem {
    let detail = format!(
        "this is for {area}; you are signed in as {}: use the sign-in page of the other area",
        words(principal.role)
    );
    Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail)
}

fn forbidden(denied: Denied, principal: &Principal) -> Problem {
    let (code, detail) = match denied {
        Denied::Role(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| words(*role)).collect();
            let who = if roles.is_empty() {
                "nobody".to_owned()
            } else {
                roles.join(", ")
            };
            let detail = format!(
                "this is for {who}; you are signed in as {}: ask one of them, or sign in as one",
                words(principal.role)
            );
            ("FORBIDDEN", detail)
        }
        Denied::Scope(scope) => {
            let detail = format!(
                "the API key lacks the scope {}: issue one that has it",
                scope.as_ref()
            );
            ("SCOPE_MISSING", detail)
        }
        Denied::NoPrograms => {
            let detail = "no API key opens this: a person has to do it, signed in";
            ("FORBIDDEN", detail.to_owned())
        }
        Denied::OwnAccount => {
            let detail =
                "this is for the person alone, and you act as somebody else: end the impersonation first";
            ("IMPERSONATION_FORBIDS", detail.to_owned())
        }
        Denied::ReadOnly => {
            let detail = "you act as somebody else and may only look: end the impersonation, and ask for one that may write";
            ("IMPERSONATION_READ_ONLY", detail.to_owned())
        }
    };
    Problem::new(StatusCode::FORBIDDEN, code, detail)
}

fn words(role: Role) -> String {
    role.as_ref().replace('_', " ")
}
