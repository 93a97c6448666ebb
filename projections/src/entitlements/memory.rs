//! Entitlements from memory: what this process has been asked about, as the read tables say.
//!
//! A transaction asks for the rows that lie behind the known position: at most every few milliseconds while questions
//! come, and whenever a reader wants a later position. Between two of them a question costs no round trip, and memory
//! is never older than they are apart.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::entitlement::{Answer, Bar, Question, entitlement};
use domain::hierarchy::{Hierarchy, HierarchyError};
use domain::ids::ResellerId;
use domain::tier_list::TierList;
use platform::Scope;
use quick_cache::sync::Cache;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, Row};
use store::Position;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::Entitlements;
use super::state::{Customer, Kind, Reseller, State};
use crate::page::parsed;
use crate::projection::Projection;
use crate::scope::ScopedConnection;
use crate::wait;

/// Customers that are kept.
const CUSTOMERS_MAX: usize = 100_000;
/// Time between two looks while questions come.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Changes that are told apart; where there are more, everything is read again when it is asked for.
const CHANGES_MAX: i64 = 10_000;

/// What concerns all customers. A change makes another one.
#[derive(Clone, Default)]
pub struct World {
    position: Position,
    tiers: Arc<TierList>,
    hierarchy: Arc<Hierarchy>,
    resellers: Arc<HashMap<Uuid, Reseller>>,
}

/// See the module's text.
pub struct Memory {
    /// Of the role `stentor_read`. Who may ask about whom is decided on what is in memory: [`World::shows`].
    pool: PgPool,
    world: RwLock<Arc<World>>,
    customers: Cache<Uuid, Arc<Customer>>,
    /// Held by who looks; when the last one did.
    looked_at: Mutex<Option<Instant>>,
}

impl Memory {
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            world: RwLock::default(),
            customers: Cache::new(CUSTOMERS_MAX),
            looked_at: Mutex::default(),
        }
    }

    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A customer that is in memory.
    pub fn known(&self, tenant_id: Uuid) -> Option<Arc<Customer>> {
        self.customers.get(&tenant_id)
    }

    /// Brings memory to where the read tables are; at least to `wanted`, which they have reached.
    ///
    /// # Errors
    /// The database fails.
    pub async fn freshen(&self, wanted: Position) -> sqlx::Result<()> {
        if wanted > self.world().position {
            let mut looked_at = self.looked_at.lock().await;
            if wanted > self.world().position {
                self.look(&mut looked_at).await?;
            }
            return Ok(());
        }
        // Whoever finds another one looking asks what was known before.
        if let Ok(mut looked_at) = self.looked_at.try_lock() {
            if looked_at.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
                self.look(&mut looked_at).await?;
            }
        } else if self.world().position == Position::START {
            // Nothing is known yet: wait for who looks first.
            drop(self.looked_at.lock().await);
        }
        Ok(())
    }

    async fn look(&self, looked_at: &mut Option<Instant>) -> sqlx::Result<()> {
        let began = Instant::now();
        let mut scoped = ScopedConnection::begin(&self.pool, Scope::Platform).await?;
        let (connection, _) = scoped.parts();
        let known = self.world();
        let reached = wait::reached(&mut *connection, &[Entitlements::NAME]).await?;
        let rows = behind(connection, known.position).await?;
        let mut world = World::clone(&known);
        let mut changed = Vec::new();
        for row in &rows {
            let (kind, id): (Kind, Uuid) = (parsed(row, "kind")?, row.try_get("id")?);
            if kind == Kind::Customer {
                changed.push(id);
            } else {
                world.take(kind, id, row)?;
            }
        }
        let told_apart = i64::try_from(changed.len()).is_ok_and(|count| count < CHANGES_MAX);
        world.position = reached;
        let mut present = self.world.write().unwrap_or_else(PoisonError::into_inner);
        if known.position == Position::START || !told_apart {
            self.customers.clear();
        }
        for id in &changed {
            self.customers.remove(id);
        }
        *present = Arc::new(world);
        drop(present);
        *looked_at = Some(began);
        Ok(())
    }

    /// Customers by their ids, from memory or else from the read tables; those that are unknown are left out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn customers(&self, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Arc<Customer>>> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.known(*id) {
                Some(customer) => drop(found.insert(*id, customer)),
                None => missing.push(*id),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let before = self.world().position;
        let mut scoped = ScopedConnection::begin(&self.pool, Scope::Platform).await?;
        let rows = sqlx::query(
            "SELECT id, state FROM read.entitlement_states WHERE kind = 'customer' AND id = ANY($1)",
        )
        .bind(&missing)
        .fetch_all(scoped.parts().0)
        .await?;
        for row in rows {
            let id: Uuid = row.try_get("id")?;
            let Json(json) = row.try_get("state")?;
            let State::Customer(customer) = State::decode(Kind::Customer, json)? else {
                continue;
            };
            let customer = Arc::new(*customer);
            let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
            // What was read before a look may be older than what it found: it is good for this answer only.
            if world.position == before {
                self.customers.insert(id, Arc::clone(&customer));
            }
            drop(world);
            found.insert(id, customer);
        }
        Ok(found)
    }
}

/// The rows behind a position; for the first look only those that concern everybody.
async fn behind(connection: &mut PgConnection, after: Position) -> sqlx::Result<Vec<PgRow>> {
    if after == Position::START {
        let all = "SELECT kind, id, state FROM read.entitlement_states WHERE kind <> 'customer'";
        return sqlx::query(all).fetch_all(connection).await;
    }
    sqlx::query(
        "(SELECT kind, id, NULL::jsonb AS state FROM read.entitlement_states
          WHERE (log_xid, log_position) > ($1, $2) AND kind = 'customer' LIMIT $3)
         UNION ALL
         SELECT kind, id, state FROM read.entitlement_states
         WHERE (log_xid, log_position) > ($1, $2) AND kind <> 'customer'",
    )
    .bind(after.xid)
    .bind(after.position)
    .bind(CHANGES_MAX)
    .fetch_all(connection)
    .await
}

impl World {
    fn take(&mut self, kind: Kind, id: Uuid, row: &PgRow) -> sqlx::Result<()> {
        let Json(json) = row.try_get("state")?;
        match State::decode(kind, json)? {
            State::Tiers(tiers) => self.tiers = Arc::new(tiers),
            State::Hierarchy(hierarchy) => self.hierarchy = Arc::new(hierarchy),
            State::Reseller(reseller) => {
                Arc::make_mut(&mut self.resellers).insert(id, reseller);
            }
            State::Customer(_) => {}
        }
        Ok(())
    }

    /// Up to which position it says everything.
    pub fn position(&self) -> Position {
        self.position
    }

    pub fn tiers(&self) -> &TierList {
        &self.tiers
    }

    /// Whether a customer is within a scope: as the read tables' own second wall decides.
    pub fn shows(&self, scope: Scope, tenant_id: Uuid, customer: &Customer) -> bool {
        match (scope, customer.reseller_id) {
            (Scope::Tenant { tenant_id: own, .. }, _) => own.0 == tenant_id,
            (Scope::Platform, reseller_id) => reseller_id.is_some(),
            (Scope::Reseller(own), Some(reseller_id)) => self.hierarchy.is_within(reseller_id, own),
            (Scope::Reseller(_), None) => false,
        }
    }

    /// Why the customer may do nothing at `at`, whatever its subscription says.
    pub fn bar(&self, customer: &Customer, at: DateTime<Utc>) -> Option<Bar> {
        let reseller_id = customer.reseller_id?;
        self.reseller_bar(reseller_id, at).or_else(|| customer.bar(at))
    }

    fn reseller_bar(&self, reseller_id: ResellerId, at: DateTime<Utc>) -> Option<Bar> {
        self.hierarchy.line(reseller_id).find_map(|id| {
            let refusal = match self.resellers.get(&id.0) {
                Some(reseller) => reseller.refusal(at)?,
                None => Reseller::default().refusal(at)?,
            };
            // Which one it is further up, and why, is not for those below.
            Some(if id == reseller_id {
                Bar::of(&refusal)
            } else {
                Bar::of(&HierarchyError::SuspendedAbove)
            })
        })
    }

    /// What the customer may do at `at`, with what it has and uses now.
    pub fn ask(&self, customer: &Customer, question: &Question<'_>, at: DateTime<Utc>) -> Answer {
        let bar = self.bar(customer, at);
        entitlement(&customer.subject(&self.tiers, bar.as_ref()), question, at)
    }
}
