//! Who asks, and the one way for a resolver to the database: a transaction that is bound to the asker's scope.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use async_graphql::Context;
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use platform::access::{self, Needs};
use platform::objects::Objects;
use platform::tokens::{TokenError, Verified};
use platform::{Audience, Clock, Principal, client_address};
use projections::entitlements::Memory;
use projections::permissions;
use projections::resellers::Resellers;
use projections::wait::{self, WAIT_MAX};
use projections::{Projection, ScopedConnection, Snapshot, WaitError, Waiter};
use sqlx::PgPool;
use store::origins::{self, Denial, SentFrom};
use store::wake::Wake;
use store::{Position, api_keys};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use uuid::Uuid;

use crate::ReadParts;
use crate::error::{ApiError, ApiResult};

/// What serves every request. The pool stays in this module: who wants rows needs a [`Session`].
pub(crate) struct Reader {
    pool: PgPool,
    clock: Clock,
    verifier: platform::tokens::Verifier,
    pub(crate) objects: Objects,
    wake: Wake,
    own_proxies: Vec<IpNet>,
    waiter: Waiter,
    pub(crate) installed_models: BTreeSet<String>,
    exports: Arc<Semaphore>,
    pub(crate) memory: Memory,
}

/// Lists that are saved at a time: each holds a connection and a state of the database.
const EXPORTS_MAX: u32 = 4;
/// Of the pool's connections, one in so many is for them: whoever looks at a page goes first.
const EXPORT_SHARE: u32 = 4;

impl Reader {
    pub(crate) fn new(parts: ReadParts) -> Self {
        let connections = parts.pool.options().get_max_connections();
        let exports = (connections / EXPORT_SHARE).clamp(1, EXPORTS_MAX);
        Self {
            waiter: Waiter::new(parts.pool.clone(), &parts.wake),
            memory: Memory::new(parts.pool.clone()),
            pool: parts.pool,
            clock: parts.clock,
            verifier: parts.verifier,
            objects: parts.objects,
            wake: parts.wake,
            own_proxies: parts.own_proxies,
            installed_models: parts.installed_models.into_iter().collect(),
            exports: Arc::new(Semaphore::new(usize::try_from(exports).unwrap_or(1))),
        }
    }

    /// Leave to save a list, as long as it is held. `None` while too many are being saved.
    pub(crate) fn export(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.exports).try_acquire_owned().ok()
    }

    /// One state of the database for many requests.
    pub(crate) async fn snapshot(&self) -> sqlx::Result<Arc<Snapshot>> {
        Ok(Arc::new(Snapshot::take(&self.pool).await?))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Who holds the token or the API key of an `Authorization` value, and until when.
    pub(crate) async fn authenticate(
        &self,
        authorization: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Verified, TokenError> {
        let token = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(TokenError::Invalid)?
            .trim();
        let verified = if token.starts_with(api_keys::PREFIX) {
            self.open(token, address).await?
        } else {
            self.verifier.verify(token, self.now())?
        };
        if self.is_revoked(&verified) {
            return Err(TokenError::Revoked);
        }
        Ok(verified)
    }

    async fn open(&self, secret: &str, address: Option<IpAddr>) -> Result<Verified, TokenError> {
        let opened = async {
            let mut connection = self.pool.acquire().await?;
            let opened = api_keys::open(&mut connection, secret, address, self.now()).await?;
            drop(connection);
            let Some(verified) = opened else {
                return Ok(None);
            };
            let mut connection = ScopedConnection::begin(&self.pool, verified.principal.scope()).await?;
            let (read, scope) = connection.parts();
            let stands = projections::api_keys::may_read(read, scope).await?;
            Ok::<_, sqlx::Error>(stands.then_some(verified))
        };
        match opened.await {
            Ok(opened) => opened.ok_or(TokenError::KeyRefused),
            Err(error) => {
                tracing::error!(%error, "an API key could not be looked up");
                Err(TokenError::KeyRefused)
            }
        }
    }

    /// Where a client is, past our own proxies.
    pub(crate) fn address_of(&self, request: &HttpRequest) -> Option<IpAddr> {
        let forwarded_for = request.headers().get("X-Forwarded-For");
        client_address(
            request.peer_addr().map(|peer| peer.ip()),
            forwarded_for.and_then(|value| value.to_str().ok()),
            &self.own_proxies,
        )
    }

    /// Where a request comes from, for the audit log.
    pub(crate) fn sent_from(&self, request: &HttpRequest) -> SentFrom {
        let user_agent = request.headers().get(USER_AGENT);
        SentFrom {
            address: self.address_of(request).map(|address| address.to_string()),
            user_agent: user_agent
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }

    /// Notes a refusal, which stands whether or not that succeeds.
    pub(crate) async fn note_denial(&self, denial: &Denial<'_>) {
        let noted = async { origins::note_denial(&mut *self.pool.acquire().await?, denial).await };
        if let Err(error) = noted.await {
            tracing::error!(%error, "a refusal could not be noted");
        }
    }

    /// Whether the session, the user's rights or the key behind a token have been taken away since.
    pub(crate) fn is_revoked(&self, verified: &Verified) -> bool {
        self.wake
            .revocations()
            .cover(&verified.principal, verified.made_at)
    }

    /// Changes with every revocation.
    pub(crate) fn watch_revocations(&self) -> watch::Receiver<u64> {
        self.wake.revocations().watch()
    }
}

/// What an answer has to include.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fresh<'a> {
    /// A position, as a command's answer gave it.
    pub(crate) min_position: Option<&'a str>,
    /// The idempotency key of a command of the asker.
    pub(crate) wait_for: Option<&'a str>,
}

impl<'a> From<(&'a Option<String>, &'a Option<String>)> for Fresh<'a> {
    fn from((min_position, wait_for): (&'a Option<String>, &'a Option<String>)) -> Self {
        Self {
            min_position: min_position.as_deref(),
            wait_for: wait_for.as_deref(),
        }
    }
}

/// A request's principal with what serves it.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) reader: Arc<Reader>,
    pub(crate) principal: Principal,
    /// What the asker's reseller has to be permitted before anything is read.
    needs: Option<Needs>,
    /// The state to read; the present one where there is none.
    snapshot: Option<Arc<Snapshot>>,
}

impl Session {
    /// For what the root field `field` answers.
    pub(crate) fn new(reader: Arc<Reader>, principal: Principal, field: &str) -> Self {
        Self {
            needs: access::needs_to_read(&principal, field),
            reader,
            principal,
            snapshot: None,
        }
    }

    pub(crate) fn of(context: &Context<'_>) -> ApiResult<Self> {
        let reader = context
            .data::<Arc<Reader>>()
            .map_err(|_| internal("the schema has no reader"))?;
        let principal = context.data::<Principal>().map_err(|_| {
            ApiError::Unauthenticated(
                "sign in first: this needs an access token from /api/auth/token".to_owned(),
            )
        })?;
        let field = context.field().name();
        if !access::may_read(principal, field) {
            return Err(ApiError::Forbidden(
                "your role or your API key does not open this: ask somebody who looks after your organisation",
            ));
        }
        Ok(Self {
            snapshot: context.data_opt::<Arc<Snapshot>>().map(Arc::clone),
            ..Self::new(Arc::clone(reader), *principal, field)
        })
    }

    /// Refuses all audiences but these. What it says depends on the asker alone, never on what exists.
    pub(crate) fn require(&self, audiences: &[Audience], instead: &'static str) -> ApiResult<()> {
        if audiences.contains(&self.principal.audience()) {
            Ok(())
        } else {
            Err(ApiError::Forbidden(instead))
        }
    }

    /// Begins to read, once the named projections include what was asked for, and where the asker's reseller has the
    /// permission.
    pub(crate) async fn read(
        &self,
        projections: &[&str],
        fresh: impl Into<Fresh<'_>>,
    ) -> ApiResult<ScopedConnection> {
        self.reach(projections, fresh).await?;
        self.begin().await
    }

    /// Begins to read what there is, where the asker's reseller is permitted to.
    pub(crate) async fn begin(&self) -> ApiResult<ScopedConnection> {
        let (pool, scope) = (&self.reader.pool, self.principal.scope());
        let mut connection = match &self.snapshot {
            Some(snapshot) => snapshot.begin(pool, scope).await?,
            None => ScopedConnection::begin(pool, scope).await?,
        };
        if let Some(Needs {
            reseller_id,
            permissions,
        }) = &self.needs
            && let Some(denied) = permissions::missing(&mut connection, *reseller_id, permissions).await?
        {
            return Err(ApiError::PermissionDenied(denied));
        }
        Ok(connection)
    }

    /// Whether the asker's reseller is permitted to read what is not read through [`Session::begin`].
    pub(crate) async fn permit(&self) -> ApiResult<()> {
        if self.needs.is_some() {
            drop(self.begin().await?);
        }
        Ok(())
    }

    /// Waits until the named projections include what was asked for; answers what that is.
    pub(crate) async fn reach(
        &self,
        projections: &[&str],
        fresh: impl Into<Fresh<'_>>,
    ) -> ApiResult<Position> {
        let Fresh {
            min_position,
            wait_for,
        } = fresh.into();
        let mut position = Position::START;
        if let Some(text) = min_position {
            position = text.parse().map_err(|error| bad_input(&error))?;
        }
        if let Some(key) = wait_for {
            position = self.end_of_command(key).await?.max(position);
        }
        if position > Position::START {
            let mut awaited = projections.to_vec();
            // What the reseller is permitted has to be of that position too.
            awaited.extend(self.needs.as_ref().map(|_| Resellers::NAME));
            let waiter = &self.reader.waiter;
            waiter.wait_for(&awaited, position, WAIT_MAX).await?;
        }
        Ok(position)
    }

    /// Where what the asker's own command appended ends; those of others cannot be asked for.
    async fn end_of_command(&self, key: &str) -> ApiResult<Position> {
        let command_id = store::command_id(self.principal.user_id, key);
        let end = wait::command_position(&self.reader.pool, command_id).await?;
        Ok(end.ok_or_else(|| WaitError::UnknownCommand(key.chars().take(64).collect()))?)
    }

    /// Ids of jobs with new updates, from now on.
    pub(crate) fn updated_jobs(&self) -> broadcast::Receiver<Uuid> {
        self.reader.wake.jobs()
    }
}

pub(crate) fn bad_input(error: &dyn std::error::Error) -> ApiError {
    ApiError::BadUserInput(error.to_string())
}

fn internal(what: &'static str) -> ApiError {
    ApiError::Internal(Arc::new(std::io::Error::other(what)))
}
