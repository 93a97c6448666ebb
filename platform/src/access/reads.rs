//! The reads: who may ask for which root field.

use domain::permission::Permission;
use domain::user::Role;
use domain::user::Role::{
    CustomerAdmin, CustomerUser, PlatformAdmin, PlatformFinance, PlatformSupport, ResellerOwner,
    ResellerStaff, Service,
};

use super::rules::{ADMINS, EVERYBODY};

const ANYBODY: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    CustomerAdmin,
    CustomerUser,
    Service,
];
const NO_CUSTOMERS: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    Service,
];
/// Whom the books of credits and commissions concern.
const BOOKKEEPERS: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    ResellerOwner,
    ResellerStaff,
    Service,
];
const PLATFORM_BOOKS: &[Role] = &[PlatformAdmin, PlatformFinance, Service];

/// Who may see who did what.
const OVERSEERS: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    CustomerAdmin,
    Service,
];

/// Who may ask for a root field.
#[derive(Debug)]
pub struct Read {
    pub field: &'static str,
    pub roles: &'static [Role],
    /// What people and programs of a reseller need besides their role.
    pub permission: Option<Permission>,
}

impl Read {
    const fn needs(self, permission: Permission) -> Self {
        Self {
            permission: Some(permission),
            ..self
        }
    }
}

const fn read(field: &'static str, roles: &'static [Role]) -> Read {
    Read {
        field,
        roles,
        permission: None,
    }
}

/// The reads: every root field. A program needs [`domain::api_key::KeyScope::Read`] for all of them.
pub const READS: &[Read] = &[
    read("viewer", ANYBODY),
    read("entitlement", ANYBODY).needs(Permission::ViewCustomers),
    read("entitlements", ANYBODY).needs(Permission::ViewCustomers),
    read("usage", ANYBODY).needs(Permission::ViewStatistics),
    read("subscription", ANYBODY).needs(Permission::ViewCustomers),
    read("tiers", ANYBODY),
    read("impersonations", EVERYBODY),
    read("packs", ANYBODY),
    read("reseller", ANYBODY),
    read("customer", ANYBODY).needs(Permission::ViewCustomers),
    read("customers", ANYBODY).needs(Permission::ViewCustomers),
    read("recordings", ANYBODY).needs(Permission::ViewCustomers),
    read("jobs", ANYBODY).needs(Permission::ViewCustomers),
    read("job", ANYBODY).needs(Permission::ViewCustomers),
    read("jobUpdates", ANYBODY).needs(Permission::ViewCustomers),
    read("workflows", ANYBODY).needs(Permission::ViewCustomers),
    read("storeProducts", ANYBODY),
    read("resellers", NO_CUSTOMERS),
    read("permissionTemplates", NO_CUSTOMERS),
    read("auditLog", OVERSEERS).needs(Permission::ViewLogs),
    read("bulks", NO_CUSTOMERS),
    read("bulk", NO_CUSTOMERS),
    read("bulkResults", NO_CUSTOMERS),
    read("creditTransactions", NO_CUSTOMERS),
    read("creditTransaction", NO_CUSTOMERS),
    read("creditAccount", NO_CUSTOMERS),
    read("creditForecast", NO_CUSTOMERS).needs(Permission::ViewStatistics),
    read("storeEvents", NO_CUSTOMERS),
    read("storeTransactions", NO_CUSTOMERS),
    read("storeDrifts", NO_CUSTOMERS),
    read("dashboard", &[ResellerOwner, ResellerStaff, Service]).needs(Permission::ViewStatistics),
    read("contracts", BOOKKEEPERS),
    read("commissionLines", BOOKKEEPERS),
    read("commissionLine", BOOKKEEPERS),
    read("reportValues", BOOKKEEPERS).needs(Permission::ViewStatistics),
    read("reportLines", BOOKKEEPERS).needs(Permission::ViewStatistics),
    read("commissionSummary", BOOKKEEPERS).needs(Permission::ViewStatistics),
    read("statements", BOOKKEEPERS),
    read("invoices", BOOKKEEPERS),
    read("trialBalance", BOOKKEEPERS),
    read("creditBalance", BOOKKEEPERS),
    read("postings", BOOKKEEPERS),
    read("payoutRuns", PLATFORM_BOOKS),
    read("periods", PLATFORM_BOOKS),
    read("ledgerViolations", PLATFORM_BOOKS),
    read("auditStatus", PLATFORM_BOOKS),
    read("apiKeys", ADMINS).needs(Permission::ApiAccess),
    read(
        "invitations",
        &[
            PlatformAdmin,
            PlatformSupport,
            ResellerOwner,
            ResellerStaff,
            CustomerAdmin,
        ],
    ),
    read(
        "users",
        &[
            PlatformAdmin,
            PlatformFinance,
            PlatformSupport,
            ResellerOwner,
            ResellerStaff,
            CustomerAdmin,
            Service,
        ],
    ),
];
