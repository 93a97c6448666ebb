//! Extractors: a handler that takes one of these runs only for a caller who may be there.
//!
//! A caller comes with a session cookie (and, on anything but GET, its CSRF token) or with a bearer token.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::ids::{ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use platform::Principal;
use store::unit_of_work::Owner;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::sessions::{self, COOKIE, CSRF_HEADER};
use crate::identity::sign_in;

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, CommandError>>>>;

/// Anybody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Principal);

/// A platform admin.
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
                    narrow(principal).ok_or_else(|| forbidden($area, principal).into())
                })
            }
        }
    };
}

narrower!(AdminCaller, "platform admins", |principal| {
    (principal.role == Role::PlatformAdmin).then_some(AdminCaller {
        user_id: principal.user_id,
    })
});
narrower!(FinanceCaller, "the platform's finance", |principal| {
    match principal.role {
        Role::PlatformAdmin | Role::PlatformFinance => Some(FinanceCaller {
            user_id: principal.user_id,
        }),
        Role::ResellerOwner | Role::CustomerAdmin | Role::CustomerUser => None,
    }
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

async fn authenticate(request: &HttpRequest) -> Result<Principal, CommandError> {
    let write = request
        .app_data::<Data<WriteSide>>()
        .ok_or_else(|| CommandError::internal("the write side is not part of this app"))?;
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = bearer {
        let (principal, _) = write
            .verifier
            .verify(token, write.clock.now())
            .map_err(|error| unauthenticated(&error.to_string()))?;
        return Ok(principal);
    }
    let cookie = request
        .cookie(COOKIE)
        .ok_or_else(|| unauthenticated("sign in first"))?;
    let mut connection = write.pool.acquire().await?;
    let session = sessions::find(&mut connection, cookie.value(), write.clock.now())
        .await?
        .ok_or_else(|| unauthenticated("the session has ended: sign in again"))?;
    let safe = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let token = request
        .headers()
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !safe && !session.csrf_matches(token) {
        let detail =
            format!("the header {CSRF_HEADER} has to carry the session's csrfToken: see /api/auth/session");
        return Err(Problem::new(StatusCode::FORBIDDEN, "CSRF_TOKEN_INVALID", detail).into());
    }
    let person = sign_in::person(write, &mut connection, session.user_id).await?;
    person
        .map(|person| person.principal)
        .ok_or_else(|| unauthenticated("the session has ended: sign in again").into())
}

pub fn unauthenticated(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", detail)
}

fn forbidden(area: &str, principal: Principal) -> Problem {
    let detail = format!(
        "this is for {area}; you are signed in as {}: use the sign-in page of the other area",
        principal.role.as_ref().replace('_', " ")
    );
    Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail)
}
