//! What a reseller is permitted, and what each value comes from. The rows are [`crate::resellers::Resellers`]'.

use chrono::{DateTime, Utc};
use domain::ids::ResellerId;
use domain::permission::{Origin, Permission, PermissionDenied};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use uuid::Uuid;

use crate::page::parsed;
use crate::scope::{ScopedConnection, reaching};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRow {
    pub permission: Permission,
    pub granted: bool,
    /// `None` where a reseller decides that the reader may not see.
    pub origin: Option<OriginRow>,
}

/// Who decides on a permission, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRow {
    pub reseller_id: Uuid,
    pub origin: Origin,
    /// Who has assigned the template or made the exception; `None` also where nobody has.
    pub by: Option<String>,
    pub at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

impl PermissionRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let origin = row
            .try_get::<Option<Uuid>, _>("shown_origin_id")?
            .map(|reseller_id| OriginRow::read(row, reseller_id));
        Ok(Self {
            permission: parsed(row, "permission")?,
            granted: row.try_get("granted")?,
            origin: origin.transpose()?,
        })
    }
}

impl OriginRow {
    fn read(row: &PgRow, reseller_id: Uuid) -> sqlx::Result<Self> {
        let code: Option<String> = row.try_get("template_code")?;
        let origin = match code {
            _ if row.try_get("overridden")? => Origin::Override,
            Some(code) => Origin::Template {
                code,
                version: u32::try_from(row.try_get::<i64, _>("template_version")?).unwrap_or_default(),
            },
            None => Origin::Unassigned,
        };
        Ok(Self {
            reseller_id,
            origin,
            by: row.try_get("by_name")?,
            at: row.try_get("at")?,
            reason: row.try_get("reason")?,
        })
    }
}

/// What is in effect for a reseller within the scope; nothing for another one.
///
/// # Errors
/// The database fails.
pub async fn of_reseller(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
) -> sqlx::Result<Vec<PermissionRow>> {
    let mut query = QueryBuilder::new(
        "SELECT p.permission, p.granted, o.reseller_id AS shown_origin_id, o.template_code, o.template_version,
                coalesce(o.override_granted IS NOT NULL, false) AS overridden, w.at, w.reason,
                CASE WHEN w.by IS NOT NULL AND u.user_id IS NULL THEN 'Platform' ELSE u.name END AS by_name
         FROM read.reseller_permissions p
         LEFT JOIN read.reseller_permissions o ON o.reseller_id = p.origin_id AND o.permission = p.permission",
    );
    reaching(&mut query, "o", scope);
    query.push(
        " LEFT JOIN LATERAL (
              SELECT CASE WHEN o.override_granted IS NULL THEN o.template_by ELSE o.override_by END AS by,
                     coalesce(o.override_at, o.template_at) AS at,
                     coalesce(o.override_reason, o.template_reason) AS reason) w ON true
          LEFT JOIN read.users u ON u.user_id = w.by",
    );
    reaching(&mut query, "u", scope);
    query.push(" WHERE true");
    reaching(&mut query, "p", scope);
    query.push(" AND p.reseller_id = ").push_bind(reseller_id);
    let rows = query.build().fetch_all(connection).await?;
    let mut rows: Vec<_> = rows.iter().map(PermissionRow::read).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.permission);
    Ok(rows)
}

/// The first of `needed` that the asker's own reseller lacks, as its transaction read it when it was first asked. One that is not in the read tables yet has everything
/// there is to read.
///
/// # Errors
/// The database fails.
pub async fn missing(
    connection: &mut ScopedConnection,
    own: ResellerId,
    needed: &[Permission],
) -> sqlx::Result<Option<PermissionDenied>> {
    let rows = connection.permissions(own).await?;
    let denied = rows
        .iter()
        .find(|row| !row.granted && needed.contains(&row.permission));
    Ok(denied.map(|row| PermissionDenied {
        permission: row.permission,
        origin: row
            .origin
            .as_ref()
            .filter(|origin| origin.reseller_id == own.0)
            .map(|origin| origin.origin.clone()),
    }))
}
