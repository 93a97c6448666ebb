//! Who is calling: passwords, sessions, sign-in, and the extractors that vouch for a principal.

pub mod caller;
pub mod denials;
pub mod links;
pub mod passwords;
pub mod rate_limit;
pub mod secrets;
pub mod sessions;
pub mod sign_in;
pub mod totp;
