//! Jobs on the write side: submitting, dispatching to the broker, and what workers report back.

pub mod dispatcher;
pub mod links;
mod metering;
pub mod reports;
pub mod submit;

use domain::ids::{JobId, PLATFORM};
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;

/// A command that the system gives by itself. Its id follows from the job and the step, so that a step that is
/// repeated after a crash is carried out once.
fn system_cause(write: &WriteSide, job_id: JobId, step: &str) -> Cause {
    let name = format!("job {job_id} {step}");
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
