//! Activity: what happened lately, in words.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::books::BooksEvent;
use domain::credit_account::{CreditAccountEvent, DebitPurpose};
use domain::job::JobEvent;
use domain::price_list::PriceListEvent;
use domain::recording::RecordingEvent;
use domain::reseller::ResellerEvent;
use domain::subscription::SubscriptionEvent;
use domain::tenant::TenantEvent;
use domain::user::{Home, UserEvent};
use domain::workflow::WorkflowLibraryEvent;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::page::PAGE_ROWS_MAX;
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::within;

/// One row per event that a reseller or a customer would want to read about.
pub struct ActivityFeed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    pub position: Position,
    /// The event's type, for example `TenantCreated`.
    pub kind: String,
    /// One sentence without a full stop.
    pub text: String,
    pub actor_name: Option<String>,
    pub at: DateTime<Utc>,
}

impl ActivityRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            kind: row.try_get("kind")?,
            text: row.try_get("text")?,
            actor_name: row.try_get("actor_name")?,
            at: row.try_get("at")?,
        })
    }
}

impl Projection for ActivityFeed {
    const NAME: &'static str = "activity";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("activity", &["log_xid", "log_position"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let rows: Vec<(&Recorded, Said)> = batch
            .iter()
            .filter_map(|recorded| Some((recorded, said(&recorded.event)?)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO activity (log_xid, log_position, reseller_id, tenant_id, kind, text, actor_id, at)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                                  $7::uuid[], $8::timestamptz[])",
        )
        .bind(column(&rows, |(recorded, _)| recorded.position.xid))
        .bind(column(&rows, |(recorded, _)| recorded.position.position))
        .bind(column(&rows, |(recorded, _)| reseller_of(recorded)))
        .bind(column(&rows, |(recorded, said)| {
            said.of_customer.then_some(recorded.metadata.tenant_id)
        }))
        .bind(column(&rows, |(recorded, _)| recorded.event.event_type()))
        .bind(column(&rows, |(_, said)| said.text.as_str()))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.actor))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.at))
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn reseller_of(recorded: &Recorded) -> Option<Uuid> {
    match recorded.event {
        AnyEvent::Reseller(_) | AnyEvent::CreditAccount(_) => recorded.id(),
        AnyEvent::PriceList(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_) => recorded.metadata.reseller_id,
    }
}

struct Said {
    text: String,
    /// The text goes on after the customer's name, and the customer may read it.
    of_customer: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "arms that say nothing are None")]
fn of_customer(text: impl Into<String>) -> Option<Said> {
    Some(Said {
        text: text.into(),
        of_customer: true,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "arms that say nothing are None")]
fn of_reseller(text: impl Into<String>) -> Option<Said> {
    Some(Said {
        text: text.into(),
        of_customer: false,
    })
}

fn said(event: &AnyEvent) -> Option<Said> {
    match event {
        AnyEvent::Reseller(event) => reseller(event),
        AnyEvent::CreditAccount(event) => credits(event),
        AnyEvent::PriceList(PriceListEvent::PackPublished { .. } | PriceListEvent::PackRetired { .. }) => {
            None
        }
        AnyEvent::Tenant(TenantEvent::TenantCreated { .. }) => of_customer("became a customer"),
        AnyEvent::Tenant(TenantEvent::TenantSuspended { reason }) => {
            of_customer(format!("was suspended: {reason}"))
        }
        AnyEvent::Tenant(TenantEvent::TenantResumed { reason }) => {
            of_customer(format!("was resumed: {reason}"))
        }
        AnyEvent::User(UserEvent::UserRegistered { home, .. }) => match home {
            Home::Platform => None,
            Home::Reseller(_) => of_reseller("A user was added"),
            Home::Tenant { .. } => of_customer("got a user"),
        },
        AnyEvent::User(UserEvent::UserErased { home, .. }) => match home {
            Home::Platform => None,
            Home::Reseller(_) => of_reseller("A user was erased"),
            Home::Tenant { .. } => of_customer("had a user erased"),
        },
        AnyEvent::User(UserEvent::PasswordChanged) | AnyEvent::Books(BooksEvent::PeriodClosed { .. }) => None,
        AnyEvent::Subscription(SubscriptionEvent::AccessGranted {
            tier, days, ends_at, ..
        }) => {
            let until = ends_at.format("%Y-%m-%d");
            of_customer(format!("got {days} days of {}, until {until}", tier.as_ref()))
        }
        AnyEvent::Recording(RecordingEvent::RecordingStored(recording)) => {
            of_customer(format!("uploaded {}", recording.name))
        }
        AnyEvent::Job(event) => job(event),
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowSaved { name, version, .. }) => {
            of_customer(format!("saved version {version} of the workflow {name}"))
        }
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowRemoved { .. }) => {
            of_customer("removed a workflow")
        }
    }
}

fn reseller(event: &ResellerEvent) -> Option<Said> {
    match event {
        ResellerEvent::ResellerRegistered { name, .. } => of_reseller(format!("{name} became a reseller")),
        ResellerEvent::ResellerSuspended { reason } => {
            of_reseller(format!("The reseller was suspended: {reason}"))
        }
        ResellerEvent::ResellerResumed { reason } => {
            of_reseller(format!("The reseller was resumed: {reason}"))
        }
    }
}

fn credits(event: &CreditAccountEvent) -> Option<Said> {
    match event {
        CreditAccountEvent::CreditAccountOpened => None,
        CreditAccountEvent::CreditsPurchased {
            pack_code, credits, ..
        } => of_reseller(format!("{credits} credits bought with the pack {pack_code}")),
        CreditAccountEvent::CreditsDebited { credits, purpose, .. } => {
            let purpose = match purpose {
                DebitPurpose::NewCustomer => "a new customer",
                DebitPurpose::Extension => "an extension",
            };
            of_reseller(format!("{credits} credits spent on {purpose}"))
        }
        CreditAccountEvent::CreditsAdjusted {
            kind, credits, note, ..
        } => of_reseller(format!("{credits} credits booked as {}: {note}", kind.as_ref())),
    }
}

fn job(event: &JobEvent) -> Option<Said> {
    match event {
        JobEvent::JobQueued(request) => of_customer(format!("queued a job with the model {}", request.model)),
        JobEvent::JobDispatched { .. } | JobEvent::JobStarted { .. } => None,
        JobEvent::JobSucceeded { .. } => of_customer("has a new transcript"),
        JobEvent::JobFailed { message, .. } => of_customer(format!("has a failed job: {message}")),
        JobEvent::JobCancelled => of_customer("cancelled a job"),
    }
}

/// What happened last, at most `rows` and at most [`PAGE_ROWS_MAX`].
///
/// # Errors
/// The database fails.
pub async fn latest(
    connection: &mut PgConnection,
    scope: Scope,
    rows: u32,
) -> sqlx::Result<Vec<ActivityRow>> {
    let mut query = QueryBuilder::new(
        "SELECT a.log_xid, a.log_position, a.kind, a.at,
                CASE WHEN a.tenant_id IS NULL THEN a.text ELSE coalesce(c.name, 'A customer') || ' ' || a.text END AS text,
                CASE WHEN a.actor_id IS NOT NULL AND u.user_id IS NULL THEN 'Platform' ELSE u.name END AS actor_name
         FROM read.activity a
         LEFT JOIN read.customers c ON c.tenant_id = a.tenant_id
         LEFT JOIN read.users u ON u.user_id = a.actor_id",
    );
    within(&mut query, "u", scope);
    query.push(" WHERE true");
    within(&mut query, "a", scope);
    query.push(" ORDER BY a.log_xid DESC, a.log_position DESC LIMIT ");
    query.push_bind(i64::from(rows.min(PAGE_ROWS_MAX)));
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(ActivityRow::read)
        .collect()
}
