//! Folds events of customers, their grants and their users: many of them into one row each.
//!
//! The events that create one come in one append, in any order: each of them finds or makes the row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::personal::Sealed;
use domain::subscription::SubscriptionEvent;
use domain::tenant::TenantEvent;
use domain::tier::Tier;
use domain::user::{Home, UserEvent};
use sqlx::PgConnection;
use store::Recorded;
use store::vault::{Vault, VaultError};
use uuid::Uuid;

use crate::columns::column;
use crate::projection::{ProjectionError, stream_id};

pub(crate) async fn fold(
    connection: &mut PgConnection,
    batch: &[Recorded],
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let mut patches = Patches::default();
    let mut erased: Vec<Uuid> = Vec::new();
    for recorded in batch {
        match &recorded.event {
            AnyEvent::Tenant(event) => patches
                .of(stream_id(recorded)?)
                .tenant(event, recorded.metadata.at),
            AnyEvent::Subscription(SubscriptionEvent::AccessGranted { tier, ends_at, .. }) => {
                patches.of(stream_id(recorded)?).granted(*tier, *ends_at);
            }
            AnyEvent::User(UserEvent::UserRegistered {
                home: Home::Tenant { tenant_id, .. },
                ..
            }) => patches.of(tenant_id.0).registered(),
            AnyEvent::User(UserEvent::UserErased { home, subjects, .. }) => {
                erased.extend(subjects);
                if let Some(tenant_id) = home.tenant_id() {
                    patches.of(tenant_id.0).users -= 1;
                }
            }
            AnyEvent::User(
                UserEvent::UserRegistered {
                    home: Home::Platform | Home::Reseller(_),
                    ..
                }
                | UserEvent::PasswordChanged,
            )
            | AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => {}
        }
    }
    write(connection, &patches.0.into_iter().collect::<Vec<_>>(), vault).await?;
    forget(connection, &erased).await?;
    Ok(())
}

/// What a batch changes in each customer's row.
#[derive(Default)]
struct Patches<'a>(HashMap<Uuid, Patch<'a>>);

impl<'a> Patches<'a> {
    fn of(&mut self, tenant_id: Uuid) -> &mut Patch<'a> {
        self.0.entry(tenant_id).or_default()
    }
}

#[derive(Default)]
struct Patch<'a> {
    created: Option<Created<'a>>,
    suspended: Option<bool>,
    /// The one that ends last.
    grant: Option<(Tier, DateTime<Utc>)>,
    /// Users that came, less those that went.
    users: i64,
    /// Whether a row is made where there is none.
    makes: bool,
}

struct Created<'a> {
    reseller_id: Uuid,
    name: &'a str,
    contact_email: &'a Sealed,
    at: DateTime<Utc>,
}

impl<'a> Patch<'a> {
    fn tenant(&mut self, event: &'a TenantEvent, at: DateTime<Utc>) {
        match event {
            TenantEvent::TenantCreated {
                reseller_id,
                name,
                contact_email,
            } => {
                self.makes = true;
                self.created = Some(Created {
                    reseller_id: reseller_id.0,
                    name,
                    contact_email,
                    at,
                });
            }
            TenantEvent::TenantSuspended { .. } => self.suspended = Some(true),
            TenantEvent::TenantResumed { .. } => self.suspended = Some(false),
        }
    }

    /// The grant that ends last names the tier and the expiry.
    fn granted(&mut self, tier: Tier, ends_at: DateTime<Utc>) {
        self.makes = true;
        if self.grant.is_none_or(|(_, known)| known <= ends_at) {
            self.grant = Some((tier, ends_at));
        }
    }

    fn registered(&mut self) {
        self.makes = true;
        self.users += 1;
    }
}

async fn write(
    connection: &mut PgConnection,
    patches: &[(Uuid, Patch<'_>)],
    vault: &Vault,
) -> Result<(), ProjectionError> {
    if patches.is_empty() {
        return Ok(());
    }
    let contacts = contacts(connection, patches, vault).await?;
    sqlx::query(
        "INSERT INTO customers (tenant_id, reseller_id, name, contact_email, contact_subject, created_at, suspended,
                                tier, expires_at, users_total)
         SELECT n.tenant_id,
                CASE WHEN n.created_at IS NULL THEN c.reseller_id ELSE n.reseller_id END,
                CASE WHEN n.created_at IS NULL THEN c.name ELSE n.name END,
                CASE WHEN n.created_at IS NULL THEN c.contact_email ELSE n.contact_email END,
                CASE WHEN n.created_at IS NULL THEN c.contact_subject ELSE n.contact_subject END,
                coalesce(n.created_at, c.created_at),
                coalesce(n.suspended, c.suspended, false),
                CASE WHEN n.ends_at IS NULL OR c.expires_at > n.ends_at THEN coalesce(c.tier, 'basic') ELSE n.tier END,
                CASE WHEN n.ends_at IS NULL OR c.expires_at > n.ends_at THEN c.expires_at ELSE n.ends_at END,
                coalesce(c.users_total, 0) + n.users
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::boolean[],
                     $8::text[], $9::timestamptz[], $10::bigint[], $11::boolean[])
              AS n (tenant_id, reseller_id, name, contact_email, contact_subject, created_at, suspended, tier,
                    ends_at, users, makes)
         LEFT JOIN customers c USING (tenant_id)
         WHERE n.makes OR c.tenant_id IS NOT NULL
         ON CONFLICT (tenant_id) DO UPDATE
         SET reseller_id = excluded.reseller_id, name = excluded.name, contact_email = excluded.contact_email,
             contact_subject = excluded.contact_subject, created_at = excluded.created_at,
             suspended = excluded.suspended, tier = excluded.tier, expires_at = excluded.expires_at,
             users_total = excluded.users_total",
    )
    .bind(column(patches, |(tenant_id, _)| *tenant_id))
    .bind(created(patches, |created| created.reseller_id))
    .bind(created(patches, |created| created.name.to_owned()))
    .bind(contacts)
    .bind(created(patches, |created| created.contact_email.subject))
    .bind(created(patches, |created| created.at))
    .bind(column(patches, |(_, patch)| patch.suspended))
    .bind(column(patches, |(_, patch)| patch.grant.map(|(tier, _)| tier.as_ref().to_owned())))
    .bind(column(patches, |(_, patch)| patch.grant.map(|(_, ends_at)| ends_at)))
    .bind(column(patches, |(_, patch)| patch.users))
    .bind(column(patches, |(_, patch)| patch.makes))
    .execute(connection)
    .await?;
    Ok(())
}

fn created<T>(patches: &[(Uuid, Patch<'_>)], of: impl Fn(&Created<'_>) -> T) -> Vec<Option<T>> {
    column(patches, |(_, patch)| patch.created.as_ref().map(&of))
}

/// The contacts' addresses; null where the person was erased, and where no customer is created.
async fn contacts(
    connection: &mut PgConnection,
    patches: &[(Uuid, Patch<'_>)],
    vault: &Vault,
) -> Result<Vec<Option<String>>, VaultError> {
    let sealed: Vec<_> = column(patches, |(_, patch)| {
        patch
            .created
            .as_ref()
            .map(|created| created.contact_email.clone())
    });
    let subjects: Vec<Uuid> = sealed.iter().flatten().map(|sealed| sealed.subject).collect();
    if subjects.is_empty() {
        return Ok(vec![None; patches.len()]);
    }
    let keys = vault.keys(connection, &subjects).await?;
    sealed
        .iter()
        .map(|sealed| match sealed {
            Some(sealed) => keys.open(sealed),
            None => Ok(None),
        })
        .collect()
}

/// Contacts lose the addresses of erased persons.
async fn forget(connection: &mut PgConnection, subjects: &[Uuid]) -> sqlx::Result<()> {
    if subjects.is_empty() {
        return Ok(());
    }
    sqlx::query("UPDATE customers SET contact_email = NULL WHERE contact_subject = ANY($1)")
        .bind(subjects)
        .execute(connection)
        .await?;
    Ok(())
}
