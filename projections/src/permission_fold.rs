//! Folds what resellers are permitted into one row per reseller and permission: its own value, and what is in effect
//! with everyone above it.

use domain::permission::Permission;
use domain::reseller_permissions::ResellerPermissionsEvent;
use sqlx::PgConnection;
use store::Recorded;
use strum::IntoEnumIterator;
use uuid::Uuid;

use crate::projection::{ProjectionError, stream_id};

/// A new reseller has everything until somebody says otherwise.
pub(crate) async fn begin(connection: &mut PgConnection, reseller_id: Uuid) -> sqlx::Result<()> {
    let names: Vec<_> = Permission::iter()
        .map(|permission| permission.as_ref().to_owned())
        .collect();
    sqlx::query(
        "INSERT INTO reseller_permissions (reseller_id, permission, origin_id)
         SELECT $1, p.name, $1 FROM unnest($2::text[]) AS p (name)",
    )
    .bind(reseller_id)
    .bind(names)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn fold(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &ResellerPermissionsEvent,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    match event {
        ResellerPermissionsEvent::PermissionTemplateAssigned {
            code,
            version,
            permissions,
            reason,
        } => {
            let granted: Vec<_> = permissions
                .iter()
                .map(|permission| permission.as_ref().to_owned())
                .collect();
            sqlx::query(
                "UPDATE reseller_permissions
                 SET template_code = $2, template_version = $3, template_granted = permission = ANY($4),
                     template_by = $5, template_at = $6, template_reason = $7
                 WHERE reseller_id = $1",
            )
            .bind(id)
            .bind(code)
            .bind(i64::from(*version))
            .bind(granted)
            .bind(recorded.metadata.actor)
            .bind(recorded.metadata.at)
            .bind(reason)
            .execute(&mut *connection)
            .await?;
        }
        ResellerPermissionsEvent::PermissionOverridden {
            permission,
            granted,
            reason,
        } => set_override(connection, recorded, *permission, Some((*granted, reason))).await?,
        ResellerPermissionsEvent::PermissionOverrideWithdrawn { permission, .. } => {
            set_override(connection, recorded, *permission, None).await?;
        }
    }
    settle(connection, id).await?;
    Ok(())
}

async fn set_override(
    connection: &mut PgConnection,
    recorded: &Recorded,
    permission: Permission,
    set: Option<(bool, &String)>,
) -> Result<(), ProjectionError> {
    sqlx::query(
        "UPDATE reseller_permissions
         SET override_granted = $3, override_reason = $4, override_by = $5, override_at = $6
         WHERE reseller_id = $1 AND permission = $2",
    )
    .bind(stream_id(recorded)?)
    .bind(permission.as_ref())
    .bind(set.map(|(granted, _)| granted))
    .bind(set.map(|(_, reason)| reason))
    .bind(set.and(recorded.metadata.actor))
    .bind(set.map(|_| recorded.metadata.at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Says anew what is in effect for a reseller and all below it: the nearest that lacks a permission decides.
pub(crate) async fn settle(connection: &mut PgConnection, reseller_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE reseller_permissions r
         SET granted = o.origin_id IS NULL, origin_id = coalesce(o.origin_id, r.reseller_id)
         FROM (SELECT p.reseller_id, p.permission,
                      (SELECT a.reseller_id
                       FROM reseller_tree up
                       JOIN reseller_permissions a
                         ON a.reseller_id = up.ancestor_id AND a.permission = p.permission
                       WHERE up.reseller_id = p.reseller_id
                         AND NOT coalesce(a.override_granted, a.template_granted, true)
                       ORDER BY up.levels LIMIT 1) AS origin_id
               FROM reseller_tree below
               JOIN reseller_permissions p ON p.reseller_id = below.reseller_id
               WHERE below.ancestor_id = $1) AS o
         WHERE r.reseller_id = o.reseller_id AND r.permission = o.permission",
    )
    .bind(reseller_id)
    .execute(connection)
    .await?;
    Ok(())
}
