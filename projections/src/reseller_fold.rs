//! Folds events of resellers and of their hierarchy into one row each, and into the tree of who is below whom.

use domain::hierarchy::{HierarchyEvent, Limits};
use domain::ids::ResellerId;
use domain::personal::Sealed;
use domain::reseller::{Profile, ResellerEvent};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::permission_fold;
use crate::projection::{ProjectionError, stream_id};

pub(crate) async fn reseller(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &ResellerEvent,
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    match event {
        ResellerEvent::ResellerRegistered {
            name,
            contact_email,
            commission_rate,
            time_zone,
        } => {
            let profile = Profile {
                name: name.clone(),
                contact_email: Some(contact_email.clone()),
                time_zone: time_zone.clone(),
                ..Profile::default()
            };
            insert(connection, recorded, "active", *commission_rate).await?;
            describe(connection, recorded, &profile, vault).await?;
        }
        ResellerEvent::HouseFounded { name, time_zone } => {
            let profile = Profile {
                name: name.clone(),
                time_zone: time_zone.clone(),
                ..Profile::default()
            };
            insert(connection, recorded, "active", Decimal::ZERO).await?;
            describe(connection, recorded, &profile, vault).await?;
        }
        ResellerEvent::ResellerApplied(profile) => {
            insert(connection, recorded, "pending", Decimal::ZERO).await?;
            describe(connection, recorded, profile, vault).await?;
        }
        ResellerEvent::ResellerProfileChanged(profile) => {
            describe(connection, recorded, profile, vault).await?;
        }
        ResellerEvent::ResellerApproved {
            commission_rate,
            reason,
        } => {
            sqlx::query("UPDATE resellers SET commission_rate = $2 WHERE reseller_id = $1")
                .bind(id)
                .bind(commission_rate)
                .execute(&mut *connection)
                .await?;
            stand(connection, recorded, "active", reason).await?;
        }
        ResellerEvent::ResellerDeclined { reason } => {
            stand(connection, recorded, "declined", reason).await?;
        }
        ResellerEvent::ResellerSuspended { reason } => {
            stand(connection, recorded, "suspended", reason).await?;
        }
        ResellerEvent::ResellerResumed { reason } | ResellerEvent::ResellerReopened { reason } => {
            stand(connection, recorded, "active", reason).await?;
        }
        ResellerEvent::ResellerClosed { reason } => stand(connection, recorded, "closed", reason).await?,
    }
    Ok(())
}

pub(crate) async fn hierarchy(connection: &mut PgConnection, event: &HierarchyEvent) -> sqlx::Result<()> {
    match event {
        HierarchyEvent::ResellerPlaced {
            reseller_id,
            parent_id,
            limits,
        } => {
            set_limits(connection, *reseller_id, limits).await?;
            hang(connection, *reseller_id, Some(*parent_id)).await?;
            count_below(connection, &[parent_id.0]).await
        }
        HierarchyEvent::ResellerMoved {
            reseller_id,
            from,
            to,
            ..
        } => {
            hang(connection, *reseller_id, *to).await?;
            let parents: Vec<Uuid> = [from, to].into_iter().flatten().map(|id| id.0).collect();
            count_below(connection, &parents).await
        }
        HierarchyEvent::ResellerLimitsSet { reseller_id, limits } => {
            set_limits(connection, *reseller_id, limits).await
        }
        // The row's status comes from the reseller's own event.
        HierarchyEvent::ResellerRetired { .. } | HierarchyEvent::ResellerReinstated { .. } => Ok(()),
    }
}

/// A row that [`describe`] fills.
async fn insert(
    connection: &mut PgConnection,
    recorded: &Recorded,
    status: &str,
    commission_rate: Decimal,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    sqlx::query(
        "INSERT INTO resellers (reseller_id, name, commission_rate, status, time_zone, created_at)
         VALUES ($1, '', $2, $3, '', $4)",
    )
    .bind(id)
    .bind(commission_rate)
    .bind(status)
    .bind(recorded.metadata.at)
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO reseller_tree (ancestor_id, reseller_id, levels) VALUES ($1, $1, 0)")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    permission_fold::begin(connection, id).await?;
    settle(connection, id).await?;
    Ok(())
}

async fn describe(
    connection: &mut PgConnection,
    recorded: &Recorded,
    profile: &Profile,
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let sealed = [&profile.contact_email, &profile.contact_person, &profile.phone];
    let mut opened = Vec::with_capacity(sealed.len());
    for field in sealed {
        opened.push(match field {
            Some(field) => vault.open(connection, field).await?,
            None => None,
        });
    }
    let subject = sealed.into_iter().flatten().next().map(subject_of);
    let mut opened = opened.into_iter();
    sqlx::query(
        "UPDATE resellers
         SET name = $2, company = $3, contact_email = $4, contact_person = $5, phone = $6, contact_subject = $7,
             time_zone = $8, version = $9
         WHERE reseller_id = $1",
    )
    .bind(stream_id(recorded)?)
    .bind(&profile.name)
    .bind(&profile.company)
    .bind(opened.next().flatten())
    .bind(opened.next().flatten())
    .bind(opened.next().flatten())
    .bind(subject)
    .bind(&profile.time_zone)
    .bind(recorded.sequence)
    .execute(connection)
    .await?;
    Ok(())
}

fn subject_of(sealed: &Sealed) -> Uuid {
    sealed.subject
}

async fn stand(
    connection: &mut PgConnection,
    recorded: &Recorded,
    status: &str,
    reason: &str,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    let parent: Option<Option<Uuid>> = sqlx::query_scalar(
        "UPDATE resellers SET status = $2, reason = $3, version = $4 WHERE reseller_id = $1 RETURNING parent_id",
    )
    .bind(id)
    .bind(status)
    .bind(reason)
    .bind(recorded.sequence)
    .fetch_optional(&mut *connection)
    .await?;
    settle(connection, id).await?;
    count_below(connection, parent.flatten().as_slice()).await?;
    Ok(())
}

async fn set_limits(
    connection: &mut PgConnection,
    reseller_id: ResellerId,
    limits: &Limits,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE resellers SET customers_max = $2, sub_resellers_max = $3 WHERE reseller_id = $1")
        .bind(reseller_id.0)
        .bind(limits.customers_max.map(i64::from))
        .bind(limits.sub_resellers_max.map(i64::from))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a reseller with all below it from where it hangs, and hangs it below another one or below the platform.
async fn hang(
    connection: &mut PgConnection,
    reseller_id: ResellerId,
    parent_id: Option<ResellerId>,
) -> sqlx::Result<()> {
    let parent_id = parent_id.map(|id| id.0);
    sqlx::query("UPDATE resellers SET parent_id = $2 WHERE reseller_id = $1")
        .bind(reseller_id.0)
        .bind(parent_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM reseller_tree t
         USING reseller_tree moved
         WHERE moved.ancestor_id = $1 AND t.reseller_id = moved.reseller_id
           AND NOT EXISTS (SELECT FROM reseller_tree kept
                           WHERE kept.ancestor_id = $1 AND kept.reseller_id = t.ancestor_id)",
    )
    .bind(reseller_id.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO reseller_tree (ancestor_id, reseller_id, levels)
         SELECT up.ancestor_id, down.reseller_id, up.levels + 1 + down.levels
         FROM reseller_tree up CROSS JOIN reseller_tree down
         WHERE up.reseller_id = $2 AND down.ancestor_id = $1",
    )
    .bind(reseller_id.0)
    .bind(parent_id)
    .execute(&mut *connection)
    .await?;
    settle(connection, reseller_id.0).await?;
    permission_fold::settle(connection, reseller_id.0).await
}

/// Says anew what a reseller and all below it may do: the nearest that is not active decides.
async fn settle(connection: &mut PgConnection, reseller_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE resellers r
         SET effective_status = coalesce(o.status, 'active'), origin_id = o.reseller_id
         FROM reseller_tree below
         LEFT JOIN LATERAL (
             SELECT a.status, a.reseller_id
             FROM reseller_tree up JOIN resellers a ON a.reseller_id = up.ancestor_id
             WHERE up.reseller_id = below.reseller_id AND a.status <> 'active'
             ORDER BY up.levels LIMIT 1) o ON true
         WHERE below.ancestor_id = $1 AND r.reseller_id = below.reseller_id",
    )
    .bind(reseller_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts the open sub-resellers right below each of `parents`.
async fn count_below(connection: &mut PgConnection, parents: &[Uuid]) -> sqlx::Result<()> {
    if parents.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE resellers p
         SET sub_resellers_total = (SELECT count(*) FROM resellers c
                                    WHERE c.parent_id = p.reseller_id AND c.status <> 'closed')
         WHERE p.reseller_id = ANY($1)",
    )
    .bind(parents)
    .execute(connection)
    .await?;
    Ok(())
}
