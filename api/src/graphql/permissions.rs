//! What resellers are permitted, what it comes from, and the templates of it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::permission::Origin;
use platform::Audience;
use projections::Projection;
use projections::permission_templates::{self, PermissionTemplates, TemplateRow};
use projections::permissions::{OriginRow, PermissionRow};

use super::scalars::{id, int};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum PermissionOriginKind {
    /// No template was ever assigned: everything is permitted.
    Unassigned,
    Template,
    /// An exception from the template.
    Override,
    /// A reseller above decides, which the reader may not see.
    Above,
}

/// What a permission's value comes from.
#[derive(SimpleObject)]
pub(super) struct PermissionOrigin {
    kind: PermissionOriginKind,
    /// Whose template or exception it is: the reseller itself or one above it, as far as the reader may see.
    reseller_id: Option<ID>,
    template_code: Option<String>,
    template_version: Option<i32>,
    /// Who has made the exception.
    overridden_by: Option<String>,
    /// Who has assigned the template.
    assigned_by: Option<String>,
    at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

impl PermissionOrigin {
    fn above() -> Self {
        Self {
            kind: PermissionOriginKind::Above,
            reseller_id: None,
            template_code: None,
            template_version: None,
            overridden_by: None,
            assigned_by: None,
            at: None,
            reason: None,
        }
    }
}

impl From<OriginRow> for PermissionOrigin {
    fn from(row: OriginRow) -> Self {
        let origin = Self {
            reseller_id: Some(id(row.reseller_id)),
            at: row.at,
            reason: row.reason,
            ..Self::above()
        };
        match row.origin {
            Origin::Unassigned => Self {
                kind: PermissionOriginKind::Unassigned,
                ..origin
            },
            Origin::Template { code, version } => Self {
                kind: PermissionOriginKind::Template,
                template_code: Some(code),
                template_version: Some(int(version)),
                assigned_by: row.by,
                ..origin
            },
            Origin::Override => Self {
                kind: PermissionOriginKind::Override,
                overridden_by: row.by,
                ..origin
            },
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct ResellerPermission {
    /// For programs, for example `canCreateCustomers`.
    name: String,
    /// For people, after "may".
    meaning: String,
    /// In effect: with what everyone above has.
    value: bool,
    origin: PermissionOrigin,
}

impl From<PermissionRow> for ResellerPermission {
    fn from(row: PermissionRow) -> Self {
        Self {
            name: row.permission.as_ref().to_owned(),
            meaning: row.permission.meaning().to_owned(),
            value: row.granted,
            origin: row.origin.map_or_else(PermissionOrigin::above, Into::into),
        }
    }
}

/// One version of a permission template.
#[derive(SimpleObject)]
pub(super) struct PermissionTemplate {
    /// For programs, for example `basic`.
    code: String,
    version: i32,
    name: String,
    /// Names of what it grants.
    permissions: Vec<String>,
    /// The version that is assigned now: the last one of a template that is on offer.
    current: bool,
    published_at: DateTime<Utc>,
}

impl PermissionTemplate {
    fn new(row: TemplateRow, current: bool) -> Self {
        let granted = row.template.permissions.iter();
        Self {
            permissions: granted.map(|permission| permission.as_ref().to_owned()).collect(),
            code: row.template.code,
            version: int(row.template.version),
            name: row.template.name,
            current,
            published_at: row.published_at,
        }
    }
}

#[derive(Default)]
pub(super) struct PermissionsQuery;

#[Object]
impl PermissionsQuery {
    /// Every version of every permission template, the newest of each first.
    async fn permission_templates(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<PermissionTemplate>> {
        let session = Session::of(ctx)?;
        session.require(
            &[Audience::Admin, Audience::Reseller],
            "permission templates are for the platform and for resellers: permissions do not bind customers",
        )?;
        let sources = [PermissionTemplates::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, _) = connection.parts();
        let rows = permission_templates::all(read).await?;
        let mut last = None;
        let mut templates = Vec::with_capacity(rows.len());
        for row in rows {
            let newest = last.as_ref() != Some(&row.template.code);
            last = Some(row.template.code.clone());
            let current = newest && !row.retired;
            templates.push(PermissionTemplate::new(row, current));
        }
        Ok(templates)
    }
}
