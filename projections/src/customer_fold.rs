//! Folds events of customers, their grants and their users: many of them into one row each, and into the times that
//! each customer stayed with a reseller.
//!
//! The events that create one come in one append, in any order: each of them finds or makes the row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::personal::Sealed;
use domain::subscription::{Standing, SubscriptionEvent};
use domain::tenant::TenantEvent;
use domain::tier::Tier;
use domain::user::{Home, UserEvent};
use sqlx::PgConnection;
use store::Recorded;
use store::vault::{Vault, VaultError};
use uuid::Uuid;

use crate::columns::column;
use crate::customer_stays::Stays;
use crate::projection::{ProjectionError, stream_id};

pub(crate) async fn fold(
    connection: &mut PgConnection,
    batch: &[Recorded],
    vault: &Vault,
) -> Result<(), ProjectionError> {
    // An erasure clears what was known before it, and nothing that comes after it.
    for stretch in batch
        .split_inclusive(|recorded| matches!(&recorded.event, AnyEvent::User(UserEvent::UserErased { .. })))
    {
        fold_stretch(connection, stretch, vault).await?;
    }
    Ok(())
}

async fn fold_stretch(
    connection: &mut PgConnection,
    batch: &[Recorded],
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let mut patches = Patches::default();
    let mut stays = Stays::default();
    let mut erased: Vec<Uuid> = Vec::new();
    for recorded in batch {
        match &recorded.event {
            AnyEvent::Tenant(event) => {
                patches.of(stream_id(recorded)?).tenant(event, recorded);
                stays.take(stream_id(recorded)?, event, recorded);
            }
            AnyEvent::Subscription(event) => patches.of(stream_id(recorded)?).subscription(event),
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
            AnyEvent::User(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
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
            | AnyEvent::Invoices(_) => {}
        }
    }
    write(connection, &patches.0.into_iter().collect::<Vec<_>>(), vault).await?;
    stays.write(connection).await?;
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
    /// When it happened and when it was known.
    created: Option<(DateTime<Utc>, DateTime<Utc>)>,
    reseller_id: Option<Uuid>,
    /// Name and address.
    profile: Option<(&'a str, &'a Sealed)>,
    suspended: Option<bool>,
    /// Whether its subscription is paused or goes on.
    pauses: Option<bool>,
    paused_at: Option<DateTime<Utc>>,
    /// Whether it closes or opens again.
    closes: Option<bool>,
    closed_at: Option<DateTime<Utc>>,
    version: Option<i64>,
    /// The one that ends last.
    grant: Option<(Tier, DateTime<Utc>)>,
    /// Whether `grant` holds whatever the row says: grants have been cut.
    settles: bool,
    /// Users that came, less those that went.
    users: i64,
    /// Whether a row is made where there is none.
    makes: bool,
}

impl<'a> Patch<'a> {
    fn tenant(&mut self, event: &'a TenantEvent, recorded: &Recorded) {
        let at = recorded.metadata.at;
        self.version = Some(recorded.sequence);
        match event {
            TenantEvent::TenantCreated {
                reseller_id,
                name,
                contact_email,
            } => {
                self.makes = true;
                self.created = Some((recorded.happened_at(), recorded.known_at()));
                self.reseller_id = Some(reseller_id.0);
                self.profile = Some((name, contact_email));
            }
            TenantEvent::TenantProfileChanged { name, contact_email } => {
                self.profile = Some((name, contact_email));
            }
            TenantEvent::TenantMoved { to, .. } => self.reseller_id = Some(to.0),
            TenantEvent::TenantSuspended { .. } => self.suspended = Some(true),
            TenantEvent::TenantResumed { .. } => self.suspended = Some(false),
            TenantEvent::TenantClosed { .. } => (self.closes, self.closed_at) = (Some(true), Some(at)),
            TenantEvent::TenantReopened { .. } => (self.closes, self.closed_at) = (Some(false), None),
        }
    }

    fn subscription(&mut self, event: &SubscriptionEvent) {
        match event {
            SubscriptionEvent::AccessGranted { tier, ends_at, .. } => self.granted(*tier, *ends_at),
            SubscriptionEvent::PlanChanged { leaves, .. } | SubscriptionEvent::AccessDated { leaves, .. } => {
                self.left_with(*leaves);
            }
            SubscriptionEvent::SubscriptionPaused { at, leaves, .. } => {
                self.left_with(*leaves);
                (self.pauses, self.paused_at) = (Some(true), Some(*at));
            }
            SubscriptionEvent::SubscriptionResumed { leaves, .. }
            | SubscriptionEvent::SubscriptionCancelled { leaves, .. } => {
                self.left_with(*leaves);
                (self.pauses, self.paused_at) = (Some(false), None);
            }
            SubscriptionEvent::AutoRenewalSet { .. } | SubscriptionEvent::RenewalFailed { .. } => {}
        }
    }

    /// The grant that ends last names the tier and the expiry.
    fn granted(&mut self, tier: Tier, ends_at: DateTime<Utc>) {
        self.makes = true;
        if self.grant.is_none_or(|(_, known)| known <= ends_at) {
            self.grant = Some((tier, ends_at));
        }
    }

    fn left_with(&mut self, leaves: Standing) {
        self.makes = true;
        self.settles = true;
        self.grant = Some((leaves.tier, leaves.ends_at));
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
        "INSERT INTO customers (tenant_id, reseller_id, name, contact_email, contact_subject, created_at, known_at,
                                suspended, tier, expires_at, users_total, closed_at, version, paused_at)
         SELECT n.tenant_id,
                coalesce(n.reseller_id, c.reseller_id),
                coalesce(n.name, c.name),
                CASE WHEN n.name IS NULL THEN c.contact_email ELSE n.contact_email END,
                coalesce(n.contact_subject, c.contact_subject),
                coalesce(n.created_at, c.created_at),
                coalesce(n.known_at, c.known_at),
                coalesce(n.suspended, c.suspended, false),
                CASE WHEN n.ends_at IS NULL OR (NOT n.settles AND c.expires_at > n.ends_at)
                     THEN coalesce(c.tier, 'basic') ELSE n.tier END,
                CASE WHEN n.ends_at IS NULL OR (NOT n.settles AND c.expires_at > n.ends_at)
                     THEN c.expires_at ELSE n.ends_at END,
                coalesce(c.users_total, 0) + n.users,
                CASE WHEN n.closes IS NULL THEN c.closed_at ELSE n.closed_at END,
                coalesce(n.version, c.version, 0),
                CASE WHEN n.pauses IS NULL THEN c.paused_at ELSE n.paused_at END
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::boolean[],
                     $8::text[], $9::timestamptz[], $10::bigint[], $11::boolean[], $12::boolean[],
                     $13::timestamptz[], $14::bigint[], $15::boolean[], $16::timestamptz[], $17::boolean[],
                     $18::timestamptz[])
              AS n (tenant_id, reseller_id, name, contact_email, contact_subject, created_at, suspended, tier,
                    ends_at, users, makes, closes, closed_at, version, settles, known_at, pauses, paused_at)
         LEFT JOIN customers c USING (tenant_id)
         WHERE n.makes OR c.tenant_id IS NOT NULL
         ON CONFLICT (tenant_id) DO UPDATE
         SET reseller_id = excluded.reseller_id, name = excluded.name, contact_email = excluded.contact_email,
             contact_subject = excluded.contact_subject, created_at = excluded.created_at,
             known_at = excluded.known_at, suspended = excluded.suspended, tier = excluded.tier,
             expires_at = excluded.expires_at, users_total = excluded.users_total,
             closed_at = excluded.closed_at, version = excluded.version, paused_at = excluded.paused_at",
    )
    .bind(column(patches, |(tenant_id, _)| *tenant_id))
    .bind(column(patches, |(_, patch)| patch.reseller_id))
    .bind(column(patches, |(_, patch)| patch.profile.map(|(name, _)| name.to_owned())))
    .bind(contacts)
    .bind(column(patches, |(_, patch)| patch.profile.map(|(_, email)| email.subject)))
    .bind(column(patches, |(_, patch)| patch.created.map(|(happened_at, _)| happened_at)))
    .bind(column(patches, |(_, patch)| patch.suspended))
    .bind(column(patches, |(_, patch)| patch.grant.map(|(tier, _)| tier.as_ref().to_owned())))
    .bind(column(patches, |(_, patch)| patch.grant.map(|(_, ends_at)| ends_at)))
    .bind(column(patches, |(_, patch)| patch.users))
    .bind(column(patches, |(_, patch)| patch.makes))
    .bind(column(patches, |(_, patch)| patch.closes))
    .bind(column(patches, |(_, patch)| patch.closed_at))
    .bind(column(patches, |(_, patch)| patch.version))
    .bind(column(patches, |(_, patch)| patch.settles))
    .bind(column(patches, |(_, patch)| patch.created.map(|(_, known_at)| known_at)))
    .bind(column(patches, |(_, patch)| patch.pauses))
    .bind(column(patches, |(_, patch)| patch.paused_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// The contacts' addresses; null where the person was erased, and where none is told.
async fn contacts(
    connection: &mut PgConnection,
    patches: &[(Uuid, Patch<'_>)],
    vault: &Vault,
) -> Result<Vec<Option<String>>, VaultError> {
    let sealed: Vec<_> = column(patches, |(_, patch)| patch.profile.map(|(_, email)| email));
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
