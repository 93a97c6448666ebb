//! What each role may do: one table for the commands, by route, and one for the reads, by root field.
//!
//! A route that has no row of its own is under the row of the longest path above it; what is under none is closed.

use domain::api_key::KeyScope;
use domain::user::Role;
use domain::user::Role::{
    CustomerAdmin, CustomerUser, PlatformAdmin, PlatformFinance, PlatformSupport, ResellerOwner,
    ResellerStaff, Service,
};

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
    }
}

use Impersonated::{Always, Never, ToWrite};

/// The commands.
pub const RULES: &[Rule] = &[
    rule("/api/auth", EVERYBODY, None, Always),
    rule("/api/user", EVERYBODY, None, Never),
    rule("/api/users", HELPERS, None, Never),
    rule("/api/users/invitations", ADMINS, None, Never),
    rule("/api/users/{}/invitation", ADMINS, None, Never),
    rule("/api/users/{}/role", ADMINS, None, Never),
    rule("/api/users/{}/disable", ADMINS, None, Never),
    rule("/api/users/{}/enable", ADMINS, None, Never),
    rule("/api/api-keys", ADMINS, None, Never),
    rule("/api/admin", &[PlatformAdmin], None, Never),
    rule(
        "/api/admin/resellers",
        &[PlatformAdmin],
        Some(KeyScope::Resellers),
        Never,
    ),
    rule("/api/admin/resellers/{}/contracts", &[PlatformAdmin], None, Never),
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
    rule("/api/admin/periods", FINANCE, Some(KeyScope::Finance), Never),
    rule("/api/admin/sales", FINANCE, Some(KeyScope::Finance), Never),
    rule("/api/reseller", RESELLERS, Some(KeyScope::Customers), ToWrite),
    rule("/api/reseller/credits/alerts", OWNERS, None, ToWrite),
    rule("/api/reseller/profile", OWNERS, None, ToWrite),
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

/// The reads: every root field. A program needs [`KeyScope::Read`] for all of them.
pub const READS: &[(&str, &[Role])] = &[
    ("viewer", ANYBODY),
    ("entitlement", ANYBODY),
    ("subscription", ANYBODY),
    ("tiers", ANYBODY),
    ("packs", ANYBODY),
    ("reseller", ANYBODY),
    ("customer", ANYBODY),
    ("customers", ANYBODY),
    ("recordings", ANYBODY),
    ("jobs", ANYBODY),
    ("job", ANYBODY),
    ("jobUpdates", ANYBODY),
    ("workflows", ANYBODY),
    ("storeProducts", ANYBODY),
    ("resellers", NO_CUSTOMERS),
    ("creditTransactions", NO_CUSTOMERS),
    ("creditTransaction", NO_CUSTOMERS),
    ("creditAccount", NO_CUSTOMERS),
    ("creditForecast", NO_CUSTOMERS),
    ("storeEvents", NO_CUSTOMERS),
    ("storeTransactions", NO_CUSTOMERS),
    ("storeDrifts", NO_CUSTOMERS),
    ("dashboard", &[ResellerOwner, ResellerStaff, Service]),
    ("contracts", BOOKKEEPERS),
    ("commissionLines", BOOKKEEPERS),
    ("commissionLine", BOOKKEEPERS),
    ("commissionSummary", BOOKKEEPERS),
    ("statements", BOOKKEEPERS),
    ("invoices", BOOKKEEPERS),
    ("trialBalance", BOOKKEEPERS),
    ("creditBalance", BOOKKEEPERS),
    ("postings", BOOKKEEPERS),
    ("payoutRuns", PLATFORM_BOOKS),
    ("periods", PLATFORM_BOOKS),
    ("ledgerViolations", PLATFORM_BOOKS),
    ("auditStatus", PLATFORM_BOOKS),
    ("apiKeys", ADMINS),
    (
        "invitations",
        &[
            PlatformAdmin,
            PlatformSupport,
            ResellerOwner,
            ResellerStaff,
            CustomerAdmin,
        ],
    ),
    (
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
    READS
        .iter()
        .find(|(name, _)| *name == field)
        // Fields below a root field have no row.
        .is_none_or(|(_, roles)| roles.contains(&principal.role))
}

#[cfg(test)]
mod tests {
    use domain::ids::{ApiKeyId, UserId};
    use domain::user::Home;
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
}
