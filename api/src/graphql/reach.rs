//! Which resellers' rows a list shows: an argument that many lists have.

use async_graphql::{Enum, ID};
use projections::Whose;
use uuid::Uuid;

use super::scalars::parsed_id;

/// Whose rows a reseller is shown. The platform sees everybody's either way.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum Reach {
    /// The asker's own.
    Own,
    /// The asker's own and those of all resellers below it.
    Below,
}

/// One reseller's where one is named, else as far as the reach goes.
pub(super) fn whose(reach: Option<Reach>, reseller_id: Option<&ID>) -> Whose {
    match (reseller_id, reach) {
        // What is no id is nobody's.
        (Some(id), _) => Whose::One(parsed_id(id).unwrap_or(Uuid::nil())),
        (None, Some(Reach::Below)) => Whose::Below,
        (None, Some(Reach::Own) | None) => Whose::Own,
    }
}
