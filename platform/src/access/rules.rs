//! The commands: who may use which route.

use domain::api_key::KeyScope;
use domain::permission::Permission;
use domain::user::Role;
use domain::user::Role::{
    CustomerAdmin, CustomerUser, PlatformAdmin, PlatformFinance, PlatformSupport, ResellerOwner,
    ResellerStaff,
};

use Impersonated::{Always, Never, ToWrite};

/// What somebody who acts as another person may do with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impersonated {
    /// It is the person's own, or would outlast the impersonation.
    Never,
    /// Where changing was asked for; looking is always allowed.
    ToWrite,
    Always,
}

/// Who may use the routes below a path.
#[derive(Debug)]
pub struct Rule {
    /// Segments; `{}` stands for a parameter.
    pub path: &'static str,
    pub roles: &'static [Role],
    /// The scope that a program needs; `None` where programs have no business.
    pub key: Option<KeyScope>,
    pub impersonated: Impersonated,
    /// What people and programs of a reseller need besides their role or scope.
    pub permission: Option<Permission>,
}

impl Rule {
    const fn needs(self, permission: Permission) -> Self {
        Self {
            permission: Some(permission),
            ..self
        }
    }
}

pub(super) const EVERYBODY: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    CustomerAdmin,
    CustomerUser,
];
pub(super) const ADMINS: &[Role] = &[PlatformAdmin, ResellerOwner, CustomerAdmin];
/// Who helps others with their accounts.
pub(super) const HELPERS: &[Role] = &[PlatformAdmin, PlatformSupport, ResellerOwner, CustomerAdmin];
/// Who may act as people below.
pub(super) const ACTORS: &[Role] = &[PlatformAdmin, PlatformSupport, ResellerOwner];
const FINANCE: &[Role] = &[PlatformAdmin, PlatformFinance];
const OWNERS: &[Role] = &[ResellerOwner];
const RESELLERS: &[Role] = &[ResellerOwner, ResellerStaff];
const CUSTOMERS: &[Role] = &[CustomerAdmin, CustomerUser];

const fn rule(
    path: &'static str,
    roles: &'static [Role],
    key: Option<KeyScope>,
    impersonated: Impersonated,
) -> Rule {
    Rule {
        path,
        roles,
        key,
        impersonated,
        permission: None,
    }
}

const fn of_customers(path: &'static str) -> Rule {
    rule(path, RESELLERS, Some(KeyScope::Customers), ToWrite)
}

/// The commands.
pub const RULES: &[Rule] = &[
    rule("/api/auth", EVERYBODY, None, Always),
    rule("/api/user", EVERYBODY, None, Never),
    rule("/api/user/impersonation", EVERYBODY, None, Always),
    rule("/api/users", HELPERS, None, Never),
    rule("/api/users/{}/impersonation", ACTORS, None, Never),
    rule("/api/users/invitations", ADMINS, None, Never),
    rule("/api/users/{}/invitation", ADMINS, None, Never),
    rule("/api/users/{}/role", ADMINS, None, Never),
    rule("/api/users/{}/disable", ADMINS, None, Never),
    rule("/api/users/{}/enable", ADMINS, None, Never),
    rule("/api/users/{}/sessions", HELPERS, None, Never).needs(Permission::ViewConnections),
    // Whoever has lost a device is helped by all who may.
    rule("/api/users/{}/sessions/end", HELPERS, None, Never),
    rule("/api/users/{}/password-reset", HELPERS, None, Never).needs(Permission::ResetAccess),
    rule("/api/users/{}/totp", HELPERS, None, Never).needs(Permission::ResetAccess),
    rule("/api/api-keys", ADMINS, None, Never).needs(Permission::ApiAccess),
    // A key that has leaked is taken away whatever else is permitted.
    rule("/api/api-keys/{}/revoke", ADMINS, None, Never),
    rule("/api/admin", &[PlatformAdmin], None, Never),
    rule(
        "/api/admin/resellers",
        &[PlatformAdmin],
        Some(KeyScope::Resellers),
        Never,
    ),
    rule("/api/admin/resellers/{}/contracts", &[PlatformAdmin], None, Never),
    rule(
        "/api/admin/resellers/{}/permissions",
        &[PlatformAdmin],
        None,
        Never,
    ),
    rule(
        "/api/admin/resellers/{}/fees",
        FINANCE,
        Some(KeyScope::Finance),
        Never,
    ),
    rule("/api/admin/resellers/{}/packs", &[PlatformAdmin], None, Never),
    rule(
        "/api/admin/resellers/{}/invoices",
        FINANCE,
        Some(KeyScope::Finance),
        Never,
    ),
    rule("/api/admin/payouts", FINANCE, None, Never),
    rule(
        "/api/admin/customers",
        &[PlatformAdmin],
        Some(KeyScope::Resellers),
        Never,
    ),
    rule(
        "/api/admin/bulk",
        &[PlatformAdmin],
        Some(KeyScope::Resellers),
        Never,
    ),
    rule("/api/admin/periods", FINANCE, Some(KeyScope::Finance), Never),
    rule("/api/admin/sales", FINANCE, Some(KeyScope::Finance), Never),
    rule("/api/reseller", RESELLERS, Some(KeyScope::Customers), ToWrite),
    rule("/api/reseller/credits/alerts", OWNERS, None, ToWrite),
    rule("/api/reseller/profile", OWNERS, None, ToWrite).needs(Permission::CustomizeBranding),
    of_customers("/api/reseller/customers").needs(Permission::CreateCustomers),
    of_customers("/api/reseller/customers/{}").needs(Permission::EditCustomers),
    of_customers("/api/reseller/customers/{}/close").needs(Permission::CloseCustomers),
    of_customers("/api/reseller/customers/{}/reopen").needs(Permission::CloseCustomers),
    of_customers("/api/reseller/customers/{}/extensions").needs(Permission::ExtendSubscriptions),
    of_customers("/api/reseller/customers/{}/plan-changes").needs(Permission::ExtendSubscriptions),
    of_customers("/api/reseller/customers/{}/subscription").needs(Permission::ExtendSubscriptions),
    of_customers("/api/reseller/bulk").needs(Permission::BulkOperations),
    rule("/api/reseller/resellers", OWNERS, None, ToWrite),
    rule("/api/tenant", CUSTOMERS, Some(KeyScope::Transcription), ToWrite),
    rule("/api/tenant/users", &[CustomerAdmin], None, Never),
    rule("/api/jobs", CUSTOMERS, Some(KeyScope::Transcription), ToWrite),
    rule(
        "/api/workflows",
        CUSTOMERS,
        Some(KeyScope::Transcription),
        ToWrite,
    ),
];
