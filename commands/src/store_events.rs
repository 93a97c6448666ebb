//! What stores say of customers: taken in fast, worked on once, compared with what the store answers when asked.

pub mod accounts;
pub mod catalogue;
pub mod inbox;
pub mod intake;
pub mod lookup;
pub mod parse;
pub mod process;
pub mod reconcile;
pub mod settle;

use domain::ids::{PLATFORM, StoreUserId};
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, Owner};
use store::vault::Vault;
use uuid::Uuid;

use crate::WriteSide;

/// A store's name for a customer as the log knows it. Those of a test environment are others.
pub fn user_id(vault: &Vault, name: &str, sandbox: bool) -> StoreUserId {
    let kind = if sandbox {
        "store user of a sandbox"
    } else {
        "store user"
    };
    let digest = vault.digest(kind, name);
    let mut bytes = [0; 16];
    for (byte, part) in bytes.iter_mut().zip(digest) {
        *byte = part;
    }
    StoreUserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// A command that follows from what a store said. Its id follows from the name: given again, it is carried out
/// once.
fn cause(write: &WriteSide, name: &str) -> Cause {
    Cause {
        command_id: Uuid::new_v5(&PLATFORM, name.as_bytes()),
        fingerprint: Sha256::digest(name.as_bytes()).to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    }
}
