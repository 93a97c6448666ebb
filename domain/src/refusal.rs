//! What every refusal tells its reader: a code for programs, what is needed, what there is.

use crate::permission::Permission;

/// How a refusal is to be understood; the REST API turns it into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The input breaks a rule whatever the state.
    Invalid,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The present state does not allow it.
    Conflict,
    /// The caller's rights or plan do not allow it.
    Forbidden,
}

/// Figures that go with a refusal, for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub needed: Option<i64>,
    pub available: Option<i64>,
    /// The values that would be accepted.
    pub allowed: Vec<String>,
    /// What the caller's reseller would have to be permitted.
    pub permission: Option<Permission>,
}

/// An aggregate's error. Its text says what was wrong, what was expected and what to do.
pub trait Refusal: std::error::Error {
    /// SCREAMING_SNAKE code.
    fn code(&self) -> &'static str;
    fn kind(&self) -> RefusalKind;
    fn facts(&self) -> Facts {
        Facts::default()
    }
}
