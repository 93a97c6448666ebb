//! What happens in the tests: a platform, resellers, customers, recordings, jobs.

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::AnyEvent;
use domain::api_key::{ApiKey, ApiKeyEvent, KeyScope};
use domain::books::{BOOKS_ID, Books, BooksEvent, Closing, ClosingFold, LedgerFact};
use domain::bulk::{Bulk, BulkEvent, BulkKind, BulkMode, BulkOutcome};
use domain::commission::{Agreement, Basis, Party, Rate};
use domain::contract::{ContractEvent, Contracts, RevenueShare, Terms, Version};
use domain::credit_account::{CreditAccount, CreditAccountEvent, DebitPurpose};
use domain::credits::{Credits, Money};
use domain::ids::{GrantId, RecordingId, ResellerId, ReservationId, SaleId, TenantId, UserId, WorkflowId};
use domain::job::{Job, JobEvent, JobRequest, JobResult, SpeechTask};
use domain::ledger::TrialBalance;
use domain::period::Period;
use domain::permission::{Permission, Template};
use domain::permission_templates::{PermissionTemplates, PermissionTemplatesEvent, TEMPLATES_ID};
use domain::price_list::{PRICE_LIST_ID, PriceList, PriceListEvent};
use domain::recording::{Recording, RecordingEvent, StoredRecording};
use domain::reseller::{Reseller, ResellerEvent};
use domain::reseller_permissions::{ResellerPermissions, ResellerPermissionsEvent};
use domain::sale::{RecordedSale, Sale, SaleCommand, SaleKind};
use domain::subscription::{GrantSource, Subscription, SubscriptionEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::tier::{Tier, TierPolicy};
use domain::tier_list::{TIER_LIST_ID, TierList, TierListEvent, founding};
use domain::user::{Home, Role, User, UserEvent};
use domain::workflow::{Graph, WorkflowLibrary, WorkflowLibraryEvent};
use platform::Scope;
use serde_json::json;
use store::unit_of_work::Owner;
use store::{Position, feed};
use uuid::Uuid;

use super::{ADMIN, TestLog, noon};

/// A reseller with a customer, who has a user and a recording.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    pub reseller_id: ResellerId,
    pub reseller_user: UserId,
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub recording_id: RecordingId,
}

impl Story {
    pub fn of_reseller(&self) -> Owner {
        Owner::reseller(self.reseller_id)
    }

    pub fn of_tenant(&self) -> Owner {
        Owner::tenant(self.reseller_id, self.tenant_id)
    }

    pub fn reseller_scope(&self) -> Scope {
        Scope::Reseller(self.reseller_id)
    }

    pub fn tenant_scope(&self) -> Scope {
        Scope::Tenant {
            reseller_id: self.reseller_id,
            tenant_id: self.tenant_id,
        }
    }

    pub fn home(&self) -> Home {
        Home::Tenant {
            reseller_id: self.reseller_id,
            tenant_id: self.tenant_id,
        }
    }
}

/// The platform's people and its price list.
pub async fn platform(log: &mut TestLog) {
    let (name, email) = (
        log.seal(ADMIN, "Ada Admin").await,
        log.seal(ADMIN, "admin@demo.test").await,
    );
    let registered = UserEvent::UserRegistered {
        name,
        email,
        role: Role::PlatformAdmin,
        home: Home::Platform,
    };
    log.one::<User>(ADMIN, registered, Owner::PLATFORM, noon()).await;
    for (code, credits, price) in [("starter", 900, 5_000), ("business", 3_600, 18_000)] {
        let published = PriceListEvent::PackPublished {
            code: code.to_owned(),
            name: code.to_owned(),
            credits: Credits(credits),
            price: Money {
                amount_minor: price,
                currency: "USD".to_owned(),
            },
            valid_from: None,
            valid_until: None,
            keeps_others: true,
        };
        log.one::<PriceList>(PRICE_LIST_ID, published, Owner::PLATFORM, noon())
            .await;
    }
    tiers(log).await;
    permission_templates(log).await;
}

/// The founding templates of permissions.
async fn permission_templates(log: &mut TestLog) {
    for (code, name, permissions) in domain::permission_templates::founding::templates() {
        let published = PermissionTemplatesEvent::PermissionTemplatePublished(Template {
            code: code.to_owned(),
            version: 1,
            name: name.to_owned(),
            permissions,
        });
        log.one::<PermissionTemplates>(TEMPLATES_ID, published, Owner::PLATFORM, noon())
            .await;
    }
}

/// The reseller gets the template `basic` and one exception from it.
pub async fn permit(log: &mut TestLog, story: &Story) {
    let (_, _, permissions) = domain::permission_templates::founding::templates()[0].clone();
    let assigned = ResellerPermissionsEvent::PermissionTemplateAssigned {
        code: "basic".to_owned(),
        version: 1,
        permissions,
        reason: "begins small".to_owned(),
    };
    let excepted = ResellerPermissionsEvent::PermissionOverridden {
        permission: Permission::ViewLogs,
        granted: true,
        reason: "has an auditor".to_owned(),
    };
    for event in [assigned, excepted] {
        log.one::<ResellerPermissions>(story.reseller_id, event, story.of_reseller(), noon())
            .await;
    }
}

/// The founding tiers.
pub async fn tiers(log: &mut TestLog) {
    for (tier, terms) in founding::tiers() {
        let published = TierListEvent::TierPublished(TierPolicy {
            tier,
            version: 1,
            name: terms.name,
            rank: terms.rank,
            credits_per_day: terms.credits_per_day,
            limits: terms.limits,
            effective_at: noon(),
        });
        log.one::<TierList>(TIER_LIST_ID, published, Owner::PLATFORM, noon())
            .await;
    }
}

/// A reseller that bought 900 credits and spent 30 on one customer with a recording.
pub async fn story(log: &mut TestLog, name: &str) -> Story {
    let story = Story {
        reseller_id: ResellerId(Uuid::now_v7()),
        reseller_user: UserId(Uuid::now_v7()),
        tenant_id: TenantId(Uuid::now_v7()),
        user_id: UserId(Uuid::now_v7()),
        recording_id: RecordingId(Uuid::now_v7()),
    };
    register_reseller(log, &story, name).await;
    create_customer(log, &story, name).await;
    let recording = RecordingEvent::RecordingStored(StoredRecording {
        reseller_id: story.reseller_id,
        tenant_id: story.tenant_id,
        uploaded_by: story.user_id,
        name: format!("{name}.wav"),
        object_key: format!("recordings/{}", story.recording_id),
        bytes: 32_044,
        sha256: "00".repeat(32),
        format: "wav".to_owned(),
        duration_ms: 1_000,
    });
    log.one::<Recording>(story.recording_id, recording, story.of_tenant(), noon())
        .await;
    story
}

async fn register_reseller(log: &mut TestLog, story: &Story, name: &str) {
    let (id, person) = (story.reseller_id.to_string(), story.reseller_user.0);
    let contact_email = log.seal(person, &format!("{name}@reseller.test")).await;
    let person_name = log.seal(person, &format!("Rita {name}")).await;
    let registered = ResellerEvent::ResellerRegistered {
        name: name.to_owned(),
        contact_email: contact_email.clone(),
        commission_rate: "0.20".parse().unwrap(),
        time_zone: "Europe/Berlin".to_owned(),
    };
    let user = UserEvent::UserRegistered {
        name: person_name,
        email: contact_email,
        role: Role::ResellerOwner,
        home: Home::Reseller(story.reseller_id),
    };
    let purchased = CreditAccountEvent::CreditsPurchased {
        pack_code: "starter".to_owned(),
        credits: Credits(900),
        price: Money {
            amount_minor: 5_000,
            currency: "USD".to_owned(),
        },
        note: Some("Invoice 1".to_owned()),
        balance_after: Credits(900),
        listed: None,
        lots: vec![],
    };
    let owner = story.of_reseller();
    let events = [
        log.event::<Reseller>(&id, &registered, owner, noon()),
        log.event::<CreditAccount>(&id, &CreditAccountEvent::CreditAccountOpened, owner, noon()),
        log.event::<User>(&person.to_string(), &user, owner, noon()),
        log.event::<CreditAccount>(&id, &purchased, owner, noon()),
    ];
    log.append(&events).await;
}

/// In the least helpful order: the tenant's own event comes last.
async fn create_customer(log: &mut TestLog, story: &Story, name: &str) {
    let tenant = story.tenant_id.to_string();
    let contact_email = log.seal(story.user_id.0, &format!("{name}@customer.test")).await;
    let person_name = log.seal(story.user_id.0, &format!("Carl {name}")).await;
    let user = UserEvent::UserRegistered {
        name: person_name,
        email: contact_email.clone(),
        role: Role::CustomerAdmin,
        home: story.home(),
    };
    let granted = SubscriptionEvent::AccessGranted {
        grant_id: GrantId(Uuid::now_v7()),
        tier: Tier::PREMIUM,
        source: GrantSource::Credits,
        days: 30,
        starts_at: noon(),
        ends_at: noon() + TimeDelta::days(30),
        credits_per_day: 1,
        reason: None,
        payment: None,
    };
    let debited = CreditAccountEvent::CreditsDebited {
        credits: Credits(30),
        tenant_id: story.tenant_id,
        purpose: DebitPurpose::NewCustomer,
        balance_after: Credits(870),
        lots: vec![],
    };
    let created = TenantEvent::TenantCreated {
        reseller_id: story.reseller_id,
        name: format!("{name} Ltd"),
        contact_email,
    };
    let events = [
        log.event::<CreditAccount>(
            &story.reseller_id.to_string(),
            &debited,
            story.of_reseller(),
            noon(),
        ),
        log.event::<User>(&story.user_id.to_string(), &user, story.of_tenant(), noon()),
        log.event::<Subscription>(&tenant, &granted, story.of_tenant(), noon()),
        log.event::<Tenant>(&tenant, &created, story.of_tenant(), noon()),
    ];
    log.append(&events).await;
}

/// A sale of the story's reseller and a refund of half of it, under a contract of its own; answers the sale.
pub async fn sell(log: &mut TestLog, story: &Story) -> SaleId {
    let (owner, id) = (story.of_reseller(), story.reseller_id.to_string());
    let agreed = ContractEvent::ContractAgreed(Version {
        version: 2,
        from: noon() - TimeDelta::days(1),
        to: None,
        terms: Terms::RevenueShare(RevenueShare {
            basis: Basis::NetOfTax,
            rate: Rate::try_from(rust_decimal::Decimal::new(125, 3)).unwrap(),
            steps: vec![],
            products: vec![],
            parent_share: Rate::ZERO,
            payout_minimum_minor: 0,
            currency: "EUR".to_owned(),
        }),
    });
    log.one::<Contracts>(&id, agreed, owner, noon()).await;
    let sale = Sale {
        sale_id: SaleId(Uuid::now_v7()),
        reseller_id: story.reseller_id,
        tenant_id: Some(story.tenant_id),
        product: "premium_monthly".to_owned(),
        kind: SaleKind::Sale,
        gross: Money {
            amount_minor: 999,
            currency: "EUR".to_owned(),
        },
        tax_minor: 83,
        store_cut_minor: 150,
        sold_at: noon(),
        reverses: None,
    };
    let agreement = Agreement {
        seller: Party {
            reseller_id: story.reseller_id,
            contract_version: 2,
            parent_share: Rate::ZERO,
        },
        basis: Basis::NetOfTax,
        rate: Rate::try_from(rust_decimal::Decimal::new(125, 3)).unwrap(),
        volume: None,
        parents: vec![],
    };
    let refund = Sale {
        sale_id: SaleId(Uuid::now_v7()),
        kind: SaleKind::Refund,
        gross: Money {
            amount_minor: 500,
            currency: "EUR".to_owned(),
        },
        sold_at: noon() + TimeDelta::hours(1),
        reverses: Some(sale.sale_id),
        ..sale.clone()
    };
    let mut state = RecordedSale::default();
    for command in [
        SaleCommand::Record {
            sale: sale.clone(),
            agreement: Some(agreement),
        },
        SaleCommand::Reverse { reversal: refund },
    ] {
        let sink = EventSink::default();
        state.handle(command, &(), &sink).await.unwrap();
        for event in sink.collect().await {
            log.one::<RecordedSale>(sale.sale_id, event, owner, noon()).await;
        }
    }
    sale.sale_id
}

/// What else an account can see: alerts, a credit line, and credits that are held. Leaves 860 available.
pub async fn hold_credits(log: &mut TestLog, story: &Story) -> Position {
    let reserved = CreditAccountEvent::CreditsReserved {
        reservation_id: ReservationId(Uuid::now_v7()),
        credits: Credits(10),
        tenant_id: Some(story.tenant_id),
        note: "renewal".to_owned(),
        expires_at: noon() + TimeDelta::days(3),
        balance_after: Credits(860),
        lots: vec![],
    };
    let events = [
        CreditAccountEvent::LowCreditAlertsSet {
            thresholds: vec![Credits(865)],
        },
        CreditAccountEvent::CreditLineSet {
            limit: Credits(50),
            reason: "trusted".to_owned(),
        },
        reserved,
        CreditAccountEvent::LowCreditReached {
            threshold: Credits(865),
            balance: Credits(860),
        },
    ];
    let mut last = Position::START;
    for event in events {
        last = log
            .one::<CreditAccount>(story.reseller_id, event, story.of_reseller(), noon())
            .await;
    }
    last
}

/// Closes a month of the books with what the log says.
pub async fn close_period(log: &mut TestLog, month: &str) -> Position {
    let period: Period = month.parse().unwrap();
    // Transactions of other tests on the same server hold every reader of the log.
    log.catch_up().await;
    let mut connection = log.owner.acquire().await.unwrap();
    let mut books = Books::default();
    let mut closing = Closing {
        opened: None,
        entries: 0,
        balance: TrialBalance::default(),
        violation: None,
    };
    // Once for the closes so far, once for what they leave to this one.
    for _ in 0..2 {
        let before = books.clone();
        let mut fold = ClosingFold::new(&before, period);
        for recorded in feed::read(&mut connection, Position::START, 10_000)
            .await
            .unwrap()
        {
            if let AnyEvent::CreditAccount(event) = &recorded.event {
                let fact = LedgerFact {
                    reseller_id: ResellerId(recorded.id().unwrap()),
                    sequence: recorded.sequence,
                    happened_at: recorded.happened_at(),
                    event,
                };
                fold.take(fact).unwrap();
            } else {
                let moved = domain::ledger::money(&recorded.event, recorded.id().map(ResellerId));
                fold.take_money(&moved, recorded.happened_at()).unwrap();
            }
            if let (AnyEvent::Books(event), []) = (&recorded.event, before.closes()) {
                books.apply(event.clone());
            }
        }
        closing = fold.finish();
    }
    let closed = BooksEvent::PeriodClosed {
        period,
        entries: closing.entries,
        accounts: closing.balance.accounts().try_into().unwrap(),
        totals: closing.balance.totals().unwrap(),
        digest: closing.balance.digest(period, closing.entries),
    };
    drop(connection);
    log.one::<Books>(BOOKS_ID, closed, Owner::PLATFORM, noon()).await
}

/// A job over the story's recording, waiting.
pub async fn queue_job(log: &mut TestLog, story: &Story) -> Uuid {
    let id = Uuid::now_v7();
    let queued = JobEvent::JobQueued(JobRequest {
        reseller_id: story.reseller_id,
        tenant_id: story.tenant_id,
        submitted_by: story.user_id,
        recording_id: story.recording_id,
        audio_key: format!("recordings/{}", story.recording_id),
        model: "small".to_owned(),
        language: None,
        task: SpeechTask::Transcribe,
        concurrent_jobs_max: 5,
        workflow: None,
    });
    log.one::<Job>(id, queued, story.of_tenant(), noon()).await;
    id
}

/// A workflow of the story's tenant in the given version.
pub async fn save_workflow(log: &mut TestLog, story: &Story, workflow_id: WorkflowId, version: u32) {
    let graph = json!({
        "nodes": [
            {"id": "in", "type": "recording", "data": {}},
            {"id": "hear", "type": "transcription", "data": {"model": "small", "task": "transcribe"}},
            {"id": "out", "type": "transcript", "data": {}},
        ],
        "edges": [
            {"id": "e1", "source": "in", "target": "hear"},
            {"id": "e2", "source": "hear", "target": "out"},
        ],
    });
    let graph: Graph = serde_json::from_value(graph).unwrap();
    let saved = WorkflowLibraryEvent::WorkflowSaved {
        workflow_id,
        version,
        name: "Interviews".to_owned(),
        plan: graph.compile().unwrap(),
        graph,
    };
    log.one::<WorkflowLibrary>(story.tenant_id, saved, story.of_tenant(), noon())
        .await;
}

pub fn started(attempt: u32, delivery: u32) -> JobEvent {
    JobEvent::JobStarted {
        attempt,
        delivery,
        worker: "w-1".to_owned(),
        device: "cpu".to_owned(),
    }
}

/// A result whose transcript lies under `transcripts/{job}` with the given digest.
pub fn succeeded(job_id: Uuid, sha256: &str) -> JobEvent {
    JobEvent::JobSucceeded {
        attempt: 1,
        result: JobResult {
            object_key: format!("transcripts/{job_id}"),
            sha256: sha256.to_owned(),
            language: "en".to_owned(),
            audio_ms: 1_000,
            segments: 1,
            model_sha256: "11".repeat(32),
            compute: "cpu f32".to_owned(),
        },
    }
}

/// What the write side does with a worker's report: its sequence, if it was taken.
pub async fn report(
    log: &TestLog,
    job_id: Uuid,
    number: (i32, i32, i32),
    percent: i32,
    segments: &str,
) -> Option<i64> {
    let (attempt, delivery, number) = number;
    sqlx::query_scalar("SELECT live.append_progress($1, $2, $3, $4, 'transcribe', $5, $6::text::jsonb, $7)")
        .bind(job_id)
        .bind(attempt)
        .bind(delivery)
        .bind(number)
        .bind(percent)
        .bind(segments)
        .bind(noon())
        .fetch_one(&log.commands)
        .await
        .unwrap()
}

/// Somebody is asked to join the story's tenant.
pub async fn invite(log: &mut TestLog, story: &Story) -> Uuid {
    let id = Uuid::now_v7();
    let invited = UserEvent::UserInvited {
        email: log.seal(id, "ida@customer.test").await,
        role: Role::CustomerUser,
        home: story.home(),
        expires_at: noon() + TimeDelta::days(7),
    };
    log.one::<User>(id, invited, story.of_tenant(), noon()).await;
    id
}

/// Somebody of the platform looks at what the story's user sees.
pub async fn act_as(log: &mut TestLog, story: &Story) -> Uuid {
    let id = Uuid::now_v7();
    let begun = UserEvent::ImpersonationBegun {
        impersonation_id: id,
        by: UserId(super::ADMIN),
        reason: "Ticket 7".to_owned(),
        write: false,
        ends_at: noon() + TimeDelta::minutes(15),
    };
    log.one::<User>(story.user_id, begun, story.of_tenant(), noon())
        .await;
    id
}

/// A key of the story's reseller.
pub async fn issue_key(log: &mut TestLog, story: &Story) -> Uuid {
    let id = Uuid::now_v7();
    let issued = ApiKeyEvent::ApiKeyIssued {
        name: "Billing export".to_owned(),
        prefix: "stk_3fk9".to_owned(),
        scopes: vec![KeyScope::Read],
        networks: Vec::new(),
        home: Home::Reseller(story.reseller_id),
        expires_at: None,
    };
    log.one::<ApiKey>(id, issued, story.of_reseller(), noon()).await;
    id
}

/// A bulk of the story's reseller, of two rows, of which one was refused. Its id is the reseller's own.
pub async fn run_bulk(log: &mut TestLog, story: &Story) {
    let id = story.reseller_id.0;
    let begun = BulkEvent::BulkBegun {
        reseller_id: story.reseller_id,
        kind: BulkKind::Suspend,
        mode: BulkMode::BestEffort,
        rows: 2,
        sha256: "9f86d081884c7d65".to_owned(),
    };
    log.one::<Bulk>(id, begun, story.of_reseller(), noon()).await;
    let ended = BulkEvent::BulkEnded {
        outcome: BulkOutcome::Completed,
        done: 1,
        failed: 1,
    };
    log.one::<Bulk>(id, ended, story.of_reseller(), noon()).await;
    sqlx::query(
        "INSERT INTO live.bulk_rows (bulk_id, row_number, reseller_id, state, code, customer_id)
         VALUES ($1, 1, $1, 'done', NULL, $2), ($1, 2, $1, 'failed', 'CUSTOMER_NOT_FOUND', NULL)",
    )
    .bind(id)
    .bind(story.tenant_id.0)
    .execute(&log.owner)
    .await
    .unwrap();
}
