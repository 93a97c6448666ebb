//! What an event says in the activity feed, in words for people.

use domain::AnyEvent;
use domain::books::BooksEvent;
use domain::contract::{ContractEvent, Version};
use domain::credit_account::{CreditAccountEvent, DebitPurpose};
use domain::hierarchy::HierarchyEvent;
use domain::invoice::InvoiceEvent;
use domain::job::JobEvent;
use domain::price_list::PriceListEvent;
use domain::recording::RecordingEvent;
use domain::reseller::ResellerEvent;
use domain::reseller_permissions::ResellerPermissionsEvent;
use domain::sale::SaleEvent;
use domain::subscription::SubscriptionEvent;
use domain::tenant::TenantEvent;
use domain::tier_list::TierListEvent;
use domain::user::{Home, UserEvent};
use domain::workflow::WorkflowLibraryEvent;

pub(super) struct Said {
    pub(super) text: String,
    /// The text goes on after the customer's name, and the customer may read it.
    pub(super) of_customer: bool,
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

pub(super) fn said(event: &AnyEvent) -> Option<Said> {
    match event {
        AnyEvent::Reseller(event) => reseller(event),
        AnyEvent::CreditAccount(event) => credits(event),
        AnyEvent::PriceList(PriceListEvent::PackPublished { .. } | PriceListEvent::PackRetired { .. }) => {
            None
        }
        AnyEvent::Tenant(event) => customer(event),
        AnyEvent::Hierarchy(event) => hierarchy(event),
        AnyEvent::User(event) => user(event),
        // What a store says is shown by what follows from it, and what a reseller is paid by its statement.
        AnyEvent::ApiKey(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::Books(BooksEvent::PeriodClosed { .. })
        | AnyEvent::TierList(TierListEvent::TierPublished(_) | TierListEvent::TierRetired { .. })
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Usage(_)
        | AnyEvent::Payouts(_) => None,
        AnyEvent::ResellerPermissions(event) => permissions(event),
        AnyEvent::Subscription(event) => subscription(event),
        AnyEvent::Recording(RecordingEvent::RecordingStored(recording)) => {
            of_customer(format!("uploaded {}", recording.name))
        }
        AnyEvent::Recording(RecordingEvent::RecordingRemoved) => of_customer("removed a recording"),
        AnyEvent::Job(event) => job(event),
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowSaved { name, version, .. }) => {
            of_customer(format!("saved version {version} of the workflow {name}"))
        }
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowRemoved { .. }) => {
            of_customer("removed a workflow")
        }
        AnyEvent::RecordedSale(event) => sale(event),
        AnyEvent::Contracts(event) => contract(event),
        AnyEvent::Invoices(event) => invoice(event),
    }
}

fn invoice(event: &InvoiceEvent) -> Option<Said> {
    match event {
        InvoiceEvent::InvoiceIssued { document, .. } => {
            of_reseller(format!("Invoice {} was issued", document.reference()))
        }
        InvoiceEvent::CreditNoteIssued { document } => {
            of_reseller(format!("Credit note {} was issued", document.reference()))
        }
        InvoiceEvent::InvoicePaid { number, .. } => of_reseller(format!("Invoice {number} was paid")),
    }
}

fn contract(event: &ContractEvent) -> Option<Said> {
    match event {
        ContractEvent::ContractAgreed(Version {
            version, from, terms, ..
        }) => {
            let (kind, from) = (terms.kind().as_ref().replace('_', " "), from.format("%Y-%m-%d"));
            of_reseller(format!(
                "Version {version} of the contract was agreed: {kind} from {from}"
            ))
        }
        ContractEvent::ContractEnded { version, to } => of_reseller(format!(
            "Version {version} of the contract ends on {}",
            to.format("%Y-%m-%d")
        )),
        ContractEvent::FeesCharged { month, total, .. } => of_reseller(format!(
            "Fees of {} minor units of {} were charged for {month}",
            total.amount_minor, total.currency
        )),
        ContractEvent::SalesCounted { .. } => None,
    }
}

/// The reseller's alone: what a customer's payment earned is not the customer's to read.
fn sale(event: &SaleEvent) -> Option<Said> {
    let sale = &event.accounted().sale;
    let what = match event {
        SaleEvent::SaleRecorded(_) => "sold for",
        SaleEvent::SaleRefunded(_) => "refunded with",
        SaleEvent::SaleChargedBack(_) => "charged back with",
        SaleEvent::RefundReversed(_) => "had a refund reversed of",
    };
    let (amount, currency) = (sale.gross.amount_minor, &sale.gross.currency);
    of_reseller(format!(
        "{} was {what} {amount} minor units of {currency}",
        sale.product
    ))
}

fn subscription(event: &SubscriptionEvent) -> Option<Said> {
    match event {
        SubscriptionEvent::AccessGranted {
            tier, days, ends_at, ..
        } => {
            let until = ends_at.format("%Y-%m-%d");
            of_customer(format!("got {days} days of {tier}, until {until}"))
        }
        SubscriptionEvent::PlanChanged { from, to, leaves, .. } => {
            let until = leaves.ends_at.format("%Y-%m-%d");
            of_customer(format!("changed from {from} to {to}, until {until}"))
        }
        SubscriptionEvent::AccessDated {
            tier,
            source,
            starts_at,
            ends_at,
            ..
        } => {
            let (tier, source) = (tier.as_ref(), source.as_ref());
            if starts_at == ends_at {
                of_customer(format!("lost {tier} by {source}"))
            } else {
                let until = ends_at.format("%Y-%m-%d");
                of_customer(format!("has {tier} by {source}, until {until}"))
            }
        }
        SubscriptionEvent::SubscriptionPaused { reason, .. } => {
            of_customer(format!("had its subscription paused: {reason}"))
        }
        SubscriptionEvent::SubscriptionResumed { leaves, .. } => {
            let until = leaves.ends_at.format("%Y-%m-%d");
            of_customer(format!("had its subscription resumed, until {until}"))
        }
        SubscriptionEvent::SubscriptionCancelled { reason, .. } => {
            of_customer(format!("had its subscription cancelled: {reason}"))
        }
        SubscriptionEvent::AutoRenewalSet { days: Some(days) } => {
            of_customer(format!("renews itself by {days} days"))
        }
        SubscriptionEvent::AutoRenewalSet { days: None } => of_customer("no longer renews itself"),
        // The message tells the reseller's balance.
        SubscriptionEvent::RenewalFailed { attempt, code, .. } => {
            of_customer(format!("could not be renewed ({code}, attempt {attempt})"))
        }
    }
}

fn customer(event: &TenantEvent) -> Option<Said> {
    match event {
        TenantEvent::TenantCreated { .. } => of_customer("became a customer"),
        TenantEvent::TenantSuspended { reason } => of_customer(format!("was suspended: {reason}")),
        TenantEvent::TenantResumed { reason } => of_customer(format!("was resumed: {reason}")),
        TenantEvent::TenantProfileChanged { .. } => of_customer("was edited"),
        TenantEvent::TenantClosed { reason, .. } => of_customer(format!("was closed: {reason}")),
        TenantEvent::TenantReopened { reason } => of_customer(format!("was reopened: {reason}")),
        TenantEvent::TenantMoved { reason, .. } => {
            of_customer(format!("was moved to another reseller: {reason}"))
        }
    }
}

fn hierarchy(event: &HierarchyEvent) -> Option<Said> {
    match event {
        // The reseller's own events say it.
        HierarchyEvent::ResellerPlaced { .. }
        | HierarchyEvent::ResellerRetired { .. }
        | HierarchyEvent::ResellerReinstated { .. } => None,
        HierarchyEvent::ResellerMoved { reason, .. } => {
            of_reseller(format!("The reseller was moved to another parent: {reason}"))
        }
        HierarchyEvent::ResellerLimitsSet { .. } => of_reseller("The reseller's limits were changed"),
    }
}

fn permissions(event: &ResellerPermissionsEvent) -> Option<Said> {
    match event {
        ResellerPermissionsEvent::PermissionTemplateAssigned {
            code,
            version,
            reason,
            ..
        } => of_reseller(format!(
            "The permission template {code}, version {version}, was assigned: {reason}"
        )),
        ResellerPermissionsEvent::PermissionOverridden {
            permission,
            granted,
            reason,
        } => {
            let what = if *granted { "granted" } else { "denied" };
            of_reseller(format!(
                "{} was {what} by an exception: {reason}",
                permission.as_ref()
            ))
        }
        ResellerPermissionsEvent::PermissionOverrideWithdrawn { permission, reason } => of_reseller(format!(
            "The exception for {} was taken back: {reason}",
            permission.as_ref()
        )),
    }
}

fn user(event: &UserEvent) -> Option<Said> {
    match event {
        UserEvent::UserRegistered { home, .. } => match home {
            Home::Platform => None,
            Home::Reseller(_) => of_reseller("A user was added"),
            Home::Tenant { .. } => of_customer("got a user"),
        },
        UserEvent::UserErased { home, .. } => match home {
            Home::Platform => None,
            Home::Reseller(_) => of_reseller("A user was erased"),
            Home::Tenant { .. } => of_customer("had a user erased"),
        },
        // What concerns one account stands in the lists of people, keys and impersonations.
        UserEvent::UserInvited { .. }
        | UserEvent::InvitationRenewed { .. }
        | UserEvent::InvitationRevoked
        | UserEvent::InvitationAccepted
        | UserEvent::UserRenamed { .. }
        | UserEvent::UserRoleChanged { .. }
        | UserEvent::UserDisabled { .. }
        | UserEvent::UserEnabled { .. }
        | UserEvent::PasswordChanged
        | UserEvent::PasswordResetIssued { .. }
        | UserEvent::PasswordReset
        | UserEvent::TotpEnabled
        | UserEvent::TotpDisabled
        | UserEvent::TotpReset { .. }
        | UserEvent::RecoveryCodesRenewed
        | UserEvent::RecoveryCodeUsed { .. }
        | UserEvent::SessionsEnded { .. }
        | UserEvent::ImpersonationBegun { .. }
        | UserEvent::ImpersonationEnded { .. } => None,
    }
}

fn reseller(event: &ResellerEvent) -> Option<Said> {
    match event {
        ResellerEvent::HouseFounded { name, .. } => of_reseller(format!("{name} was founded")),
        ResellerEvent::ResellerApplied(profile) => {
            of_reseller(format!("{} applied to become a reseller", profile.name))
        }
        ResellerEvent::ResellerApproved { reason, .. } => {
            of_reseller(format!("The application was approved: {reason}"))
        }
        ResellerEvent::ResellerDeclined { reason } => {
            of_reseller(format!("The application was declined: {reason}"))
        }
        ResellerEvent::ResellerProfileChanged(_) => of_reseller("The reseller's profile was edited"),
        ResellerEvent::ResellerClosed { reason } => of_reseller(format!("The reseller was closed: {reason}")),
        ResellerEvent::ResellerReopened { reason } => {
            of_reseller(format!("The reseller was reopened: {reason}"))
        }
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
        CreditAccountEvent::CreditsPurchased {
            pack_code, credits, ..
        } => of_reseller(format!("{credits} credits bought with the pack {pack_code}")),
        CreditAccountEvent::CreditsDebited { credits, purpose, .. } => {
            let purpose = match purpose {
                DebitPurpose::NewCustomer => "a new customer",
                DebitPurpose::Extension => "an extension",
                DebitPurpose::Renewal => "a renewal",
            };
            of_reseller(format!("{credits} credits spent on {purpose}"))
        }
        CreditAccountEvent::CreditsAdjusted {
            kind, credits, note, ..
        } => of_reseller(format!("{credits} credits booked as {}: {note}", kind.as_ref())),
        CreditAccountEvent::CreditsRefunded { credits, note, .. } => {
            of_reseller(format!("{credits} credits refunded: {note}"))
        }
        CreditAccountEvent::CreditsExpired { credits, .. } => {
            of_reseller(format!("{credits} credits expired"))
        }
        CreditAccountEvent::CreditsTransferredOut { credits, note, .. } => {
            of_reseller(format!("{credits} credits given away: {note}"))
        }
        CreditAccountEvent::CreditsTransferredIn { credits, note, .. } => {
            of_reseller(format!("{credits} credits received: {note}"))
        }
        CreditAccountEvent::CreditsCaptured { credits, note, .. } => {
            of_reseller(format!("{credits} reserved credits spent: {note}"))
        }
        CreditAccountEvent::CreditsReversed {
            reversed,
            movement,
            note,
            ..
        } => of_reseller(format!(
            "The {} {movement} was reversed: {note}",
            reversed.as_ref()
        )),
        CreditAccountEvent::CreditLineSet { limit, reason } => {
            of_reseller(format!("The credit line is {limit} credits: {reason}"))
        }
        CreditAccountEvent::LowCreditReached { balance, .. } => {
            of_reseller(format!("Credits are low: {balance} are left"))
        }
        CreditAccountEvent::CreditAccountOpened
        | CreditAccountEvent::CreditsReserved { .. }
        | CreditAccountEvent::CreditsReleased { .. }
        | CreditAccountEvent::LowCreditAlertsSet { .. } => None,
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
