//! What has been revoked and may still have a token: sessions, keys, and everything that a user holds.
//!
//! A revocation is stored and notified in the transaction that takes the session away. Every process keeps the
//! recent ones in memory, so that asking costs no query, and tells those who hold connections open.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use domain::ids::UserId;
use platform::{Access, Principal};
use sqlx::{PgConnection, Row};
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) const CHANNEL: &str = "stentor_revoked";
/// For how long revocations are kept. No token lives as long.
const KEPT_HOURS: i32 = 24;

/// Clones share what they know.
#[derive(Clone, Default)]
pub struct Revocations {
    /// Id → tokens made up to then are worth nothing.
    known: Arc<RwLock<HashMap<Uuid, DateTime<Utc>>>>,
    news: watch::Sender<u64>,
}

impl Revocations {
    /// Whether a token of the principal, made at that time, has been taken back.
    pub fn cover(&self, principal: &Principal, made_at: DateTime<Utc>) -> bool {
        // What panicked while it wrote a map entry has left a map.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let taken = |user: UserId| known.get(&user.0).is_some_and(|until| made_at <= *until);
        // An id of a session or a key never comes back.
        let of_way_in = principal.access.revocable_id().and_then(|id| known.get(&id));
        let of_impersonator = match principal.access {
            Access::Impersonated { by, .. } => taken(by),
            Access::Person { .. } | Access::Key { .. } => false,
        };
        of_way_in.is_some() || taken(principal.user_id) || of_impersonator
    }

    /// Changes with every revocation.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(crate) fn heard(&self, id: Uuid, made_until: DateTime<Utc>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let until = known.entry(id).or_insert(made_until);
        *until = made_until.max(*until);
        drop(known);
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// As the payload of a notification tells it.
    pub(crate) fn heard_text(&self, payload: &str) {
        let told = payload.split_once(' ').and_then(|(id, micros)| {
            let made_until = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some((id.parse().ok()?, made_until))
        });
        if let Some((id, made_until)) = told {
            self.heard(id, made_until);
        } else {
            tracing::warn!(payload, "a revocation cannot be read");
        }
    }

    /// Learns what was revoked while nobody listened.
    pub(crate) async fn catch_up(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let rows = sqlx::query(
            "SELECT id, max(made_until) AS made_until FROM auth.revocations
             WHERE recorded_at > clock_timestamp() - make_interval(hours => $1) GROUP BY id",
        )
        .bind(KEPT_HOURS)
        .fetch_all(connection)
        .await?;
        for row in rows {
            self.heard(row.try_get("id")?, row.try_get("made_until")?);
        }
        Ok(())
    }
}

/// Revokes ids of sessions, keys and users, in the transaction that takes them away.
///
/// # Errors
/// The database fails.
pub async fn revoke(connection: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM auth.revocations WHERE recorded_at < clock_timestamp() - make_interval(hours => $1)",
    )
    .bind(KEPT_HOURS)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "WITH revoked AS (
             INSERT INTO auth.revocations (id, made_until) SELECT id, $2 FROM unnest($1::uuid[]) AS r (id)
             RETURNING id)
         SELECT pg_notify($3, id::text || ' ' || $4) FROM revoked",
    )
    .bind(ids)
    .bind(now)
    .bind(CHANNEL)
    .bind(now.timestamp_micros().to_string())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::ids::UserId;
    use domain::user::{Home, Role};
    use platform::Access;

    use super::*;

    fn principal(session: u128) -> Principal {
        Principal {
            user_id: UserId(Uuid::from_u128(1)),
            role: Role::PlatformAdmin,
            home: Home::Platform,
            access: Access::Person {
                session_id: Some(Uuid::from_u128(session)),
            },
        }
    }

    #[test]
    fn a_session_is_over_for_good_and_a_user_begins_anew() {
        let noon: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let later = noon + TimeDelta::microseconds(1);
        let revocations = Revocations::default();
        assert!(!revocations.cover(&principal(2), noon));
        revocations.heard(Uuid::from_u128(2), noon);
        assert!(revocations.cover(&principal(2), later));
        assert!(!revocations.cover(&principal(3), noon));
        revocations.heard_text(&format!("{} {}", Uuid::from_u128(1), noon.timestamp_micros()));
        assert!(revocations.cover(&principal(3), noon));
        assert!(!revocations.cover(&principal(3), later));
        revocations.heard_text("nonsense");
    }
}
