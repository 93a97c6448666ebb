//! Templates of permissions: what each version grants, and which are on offer.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::permission::{Permission, Template};
use domain::permission_templates::PermissionTemplatesEvent;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use store::Recorded;
use store::vault::Vault;

use crate::projection::{Projection, ProjectionError, Table};

/// One row per version of a template.
pub struct PermissionTemplates;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRow {
    pub template: Template,
    /// Of the template: it is not assigned any more.
    pub retired: bool,
    pub published_at: DateTime<Utc>,
}

impl TemplateRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let names: Vec<String> = row.try_get("permissions")?;
        let permissions = names.iter().map(|name| name.parse::<Permission>());
        Ok(Self {
            template: Template {
                code: row.try_get("code")?,
                version: u32::try_from(row.try_get::<i64, _>("version")?).unwrap_or_default(),
                name: row.try_get("name")?,
                permissions: permissions
                    .collect::<Result<_, _>>()
                    .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            },
            retired: row.try_get("retired")?,
            published_at: row.try_get("published_at")?,
        })
    }
}

impl Projection for PermissionTemplates {
    const NAME: &'static str = "permission_templates";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("permission_templates", &["code", "version"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::PermissionTemplates(PermissionTemplatesEvent::PermissionTemplatePublished(
                template,
            )) => {
                insert(connection, template, recorded.metadata.at).await?;
                retire(connection, &template.code, false).await?;
            }
            AnyEvent::PermissionTemplates(PermissionTemplatesEvent::PermissionTemplateRetired { code }) => {
                retire(connection, code, true).await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::ResellerPermissions(_) => {}
        }
        Ok(())
    }
}

async fn insert(
    connection: &mut PgConnection,
    template: &Template,
    published_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let names: Vec<_> = template
        .permissions
        .iter()
        .map(|permission| permission.as_ref().to_owned())
        .collect();
    sqlx::query(
        "INSERT INTO permission_templates (code, version, name, permissions, published_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&template.code)
    .bind(i64::from(template.version))
    .bind(&template.name)
    .bind(names)
    .bind(published_at)
    .execute(connection)
    .await?;
    Ok(())
}

async fn retire(connection: &mut PgConnection, code: &str, retired: bool) -> sqlx::Result<()> {
    sqlx::query("UPDATE permission_templates SET retired = $2 WHERE code = $1")
        .bind(code)
        .bind(retired)
        .execute(connection)
        .await?;
    Ok(())
}

/// Every version of every template, the newest version of each first.
///
/// # Errors
/// The database fails.
pub async fn all(connection: &mut PgConnection) -> sqlx::Result<Vec<TemplateRow>> {
    let rows = sqlx::query("SELECT t.* FROM read.permission_templates t ORDER BY t.code, t.version DESC")
        .fetch_all(connection)
        .await?;
    rows.iter().map(TemplateRow::read).collect()
}
