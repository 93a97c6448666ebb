//! What each role may do: one table for the commands, by route, and one for the reads, by root field. Rows name the
//! permission too that a reseller needs for it: [`needs`] and [`needs_to_read`].
//!
//! A route that has no row of its own is under the row of the longest path above it; what is under none is closed.

use domain::api_key::KeyScope;
use domain::ids::ResellerId;
use domain::permission::Permission;
use domain::user::Role::{
    CustomerAdmin, CustomerUser, PlatformAdmin, PlatformFinance, PlatformSupport, ResellerOwner,
    ResellerStaff, Service,
};
use domain::user::{Home, Role};

use crate::{Access, Principal};

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

const EVERYBODY: &[Role] = &[
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    CustomerAdmin,
    CustomerUser,
];
const ADMINS: &[Role] = &[PlatformAdmin, ResellerOwner, CustomerAdmin];
const HELPERS: &[Role] = &[PlatformAdmin, PlatformSupport, ResellerOwner, CustomerAdmin];
/// Who may act as people below.
const ACTORS: &[Role] = &[PlatformAdmin, PlatformSupport, ResellerOwner];
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

use Impersonated::{Always, Never, ToWrite};

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

/// The reads: every root field. A program needs [`KeyScope::Read`] for all of them.
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

/// Why a route stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// These may.
    Role(&'static [Role]),
    /// The key lacks the scope.
    Scope(KeyScope),
    /// Programs have no business here.
    NoPrograms,
    /// It is for the person itself.
    OwnAccount,
    /// The impersonation may only look.
    ReadOnly,
}

/// The row that decides about a route, given by its pattern.
pub fn rule_of(pattern: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .filter(|rule| covers(rule.path, pattern))
        .max_by_key(|rule| rule.path.len())
}

fn covers(path: &str, pattern: &str) -> bool {
    let mut segments = pattern.split('/');
    path.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| segment == wanted || (wanted == "{}" && segment.starts_with('{')))
    })
}

/// Whether the principal may use a route. `safe`: it only looks.
///
/// # Errors
/// What stands in the way.
pub fn allow(principal: &Principal, pattern: &str, safe: bool) -> Result<(), Denied> {
    let Some(rule) = rule_of(pattern) else {
        return Err(Denied::Role(&[]));
    };
    match principal.access {
        Access::Key { scopes, .. } => {
            let needed = rule.key.ok_or(Denied::NoPrograms)?;
            return if scopes.contains(needed) {
                Ok(())
            } else {
                Err(Denied::Scope(needed))
            };
        }
        Access::Impersonated { write, .. } => match rule.impersonated {
            Never => return Err(Denied::OwnAccount),
            ToWrite if !safe && !write => return Err(Denied::ReadOnly),
            ToWrite | Always => {}
        },
        Access::Person { .. } => {}
    }
    if rule.roles.contains(&principal.role) {
        Ok(())
    } else {
        Err(Denied::Role(rule.roles))
    }
}

/// Whether the principal may ask for a root field, or for what hangs below one that it may ask for; what it is shown
/// there is another question.
pub fn may_read(principal: &Principal, field: &str) -> bool {
    if let Access::Key { scopes, .. } = principal.access
        && !scopes.contains(KeyScope::Read)
    {
        return false;
    }
    // Fields below a root field have no row.
    read_of(field).is_none_or(|read| read.roles.contains(&principal.role))
}

fn read_of(field: &str) -> Option<&'static Read> {
    READS.iter().find(|read| read.field == field)
}

/// Whether such a person acts as others at all; as whom, the line above and below decides.
pub fn acts_as_others(role: Role) -> bool {
    ACTORS.contains(&role)
}

/// Whether such a person helps others with their accounts.
pub fn looks_after_people(role: Role) -> bool {
    HELPERS.contains(&role)
}

/// What a reseller has to be permitted, so that one of its people or programs may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    pub reseller_id: ResellerId,
    pub permissions: Vec<Permission>,
}

/// What the principal's reseller needs for a route, given by its pattern. `None` where permissions decide nothing:
/// they are given to resellers, not to the platform and not to customers.
pub fn needs(principal: &Principal, pattern: &str) -> Option<Needs> {
    needed(principal, rule_of(pattern).and_then(|rule| rule.permission))
}

/// What the principal's reseller needs for a root field.
pub fn needs_to_read(principal: &Principal, field: &str) -> Option<Needs> {
    needed(principal, read_of(field).and_then(|read| read.permission))
}

fn needed(principal: &Principal, permission: Option<Permission>) -> Option<Needs> {
    let Home::Reseller(reseller_id) = principal.home else {
        return None;
    };
    let by_key = matches!(principal.access, Access::Key { .. }).then_some(Permission::ApiAccess);
    let permissions: Vec<_> = by_key.into_iter().chain(permission).collect();
    (!permissions.is_empty()).then_some(Needs {
        reseller_id,
        permissions,
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{ApiKeyId, UserId};
    use strum::IntoEnumIterator;
    use uuid::Uuid;

    use super::*;

    fn principal(role: Role, access: Access) -> Principal {
        Principal {
            user_id: UserId(Uuid::from_u128(1)),
            role,
            home: Home::Platform,
            access,
        }
    }

    fn impersonator(write: bool) -> Principal {
        let access = Access::Impersonated {
            by: UserId(Uuid::from_u128(2)),
            session_id: Uuid::from_u128(3),
            write,
        };
        principal(ResellerOwner, access)
    }

    #[test]
    fn the_longest_path_above_a_route_decides() {
        let of = |pattern| rule_of(pattern).map(|rule| rule.path);
        assert_eq!(of("/api/admin/tiers/{code}/retire"), Some("/api/admin"));
        assert_eq!(of("/api/admin/periods/{month}/close"), Some("/api/admin/periods"));
        assert_eq!(of("/api/users/{user}/role"), Some("/api/users/{}/role"));
        assert_eq!(of("/api/users/{user}/name"), Some("/api/users"));
        assert_eq!(
            of("/api/admin/resellers/{id}/contracts/end"),
            Some("/api/admin/resellers/{}/contracts")
        );
        assert_eq!(of("/api/administration"), None);
        assert_eq!(of("/elsewhere"), None);
    }

    #[test]
    fn what_no_row_covers_is_closed() {
        let admin = principal(PlatformAdmin, Access::PASSWORD);
        assert_eq!(allow(&admin, "/api/new", true), Err(Denied::Role(&[])));
        assert_eq!(allow(&admin, "/api/admin/new", false), Ok(()));
    }

    #[test]
    fn who_acts_as_another_looks_unless_writing_was_asked_for() {
        let customers = "/api/reseller/customers";
        assert_eq!(allow(&impersonator(false), customers, true), Ok(()));
        assert_eq!(
            allow(&impersonator(false), customers, false),
            Err(Denied::ReadOnly)
        );
        assert_eq!(allow(&impersonator(true), customers, false), Ok(()));
        for own in ["/api/user/password", "/api/users/{id}/name", "/api/api-keys"] {
            assert!(allow(&impersonator(true), own, false).is_err(), "{own}");
        }
    }

    #[test]
    fn a_program_does_what_its_scopes_say() {
        let access = Access::Key {
            key_id: ApiKeyId(Uuid::from_u128(4)),
            scopes: [KeyScope::Customers].into_iter().collect(),
        };
        let program = principal(Service, access);
        assert_eq!(allow(&program, "/api/reseller/customers", false), Ok(()));
        assert_eq!(
            allow(&program, "/api/jobs", false),
            Err(Denied::Scope(KeyScope::Transcription))
        );
        assert_eq!(
            allow(&program, "/api/user/password", false),
            Err(Denied::NoPrograms)
        );
        assert!(!may_read(&program, "viewer"));
    }

    fn of_reseller(access: Access) -> Principal {
        let home = Home::Reseller(ResellerId(Uuid::from_u128(5)));
        Principal {
            home,
            ..principal(ResellerOwner, access)
        }
    }

    #[test]
    fn permissions_bind_resellers_and_their_programs() {
        let close = "/api/reseller/customers/{id}/close";
        let needed =
            |principal: &Principal, pattern| needs(principal, pattern).map(|needs| needs.permissions);
        let person = of_reseller(Access::PASSWORD);
        assert_eq!(needed(&person, close), Some(vec![Permission::CloseCustomers]));
        assert_eq!(needed(&person, "/api/reseller/resellers"), None);
        let key_id = ApiKeyId(Uuid::from_u128(4));
        let scopes = [KeyScope::Customers].into_iter().collect();
        let program = of_reseller(Access::Key { key_id, scopes });
        assert_eq!(
            needed(&program, close),
            Some(vec![Permission::ApiAccess, Permission::CloseCustomers])
        );
        assert_eq!(needed(&principal(PlatformAdmin, Access::PASSWORD), close), None);
        let dashboard = needs_to_read(&person, "dashboard").map(|needs| needs.permissions);
        assert_eq!(dashboard, Some(vec![Permission::ViewStatistics]));
        assert_eq!(needs_to_read(&person, "viewer"), None);
    }

    #[test]
    fn every_permission_is_needed_somewhere() {
        for permission in Permission::iter() {
            let needed = RULES.iter().any(|rule| rule.permission == Some(permission))
                || READS.iter().any(|read| read.permission == Some(permission));
            assert!(needed, "{permission:?} opens nothing");
        }
    }
}
