//! The templates that an installation begins with. They are published once, as events; from then on the list counts.

use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use crate::permission::Permission;

/// Code, name and permissions of each.
pub fn templates() -> [(&'static str, &'static str, BTreeSet<Permission>); 3] {
    let basic = [
        Permission::CreateCustomers,
        Permission::EditCustomers,
        Permission::ExtendSubscriptions,
        Permission::ResetAccess,
        Permission::ViewCustomers,
        Permission::ViewStatistics,
        Permission::ViewConnections,
    ];
    let trial = [
        Permission::CreateCustomers,
        Permission::EditCustomers,
        Permission::ViewCustomers,
        Permission::ViewStatistics,
    ];
    [
        ("basic", "Basic", basic.into_iter().collect()),
        ("premium", "Premium", Permission::iter().collect()),
        ("trial-reseller", "Trial Reseller", trial.into_iter().collect()),
    ]
}
