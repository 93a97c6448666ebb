//! What a customer may do now, for uploads, jobs, workflows and the dispatcher: [`domain::entitlement`] decides, on
//! what the log says.

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::entitlement::{Answer, Denial, Feature, Question, Subject, entitlement};
use domain::ids::{ResellerId, TenantId};
use domain::refusal::Refusal;
use domain::subscription::Subscription;
use domain::tenant::{Tenant, TenantError};
use domain::tier_list::{TIER_LIST_ID, TierList};
use domain::usage::Usage;
use store::unit_of_work::UnitOfWork;

use crate::error::{CommandError, Problem};
use crate::standing;

/// What counts about a customer whom nothing bars.
pub struct Entitled {
    subscription: Subscription,
    tiers: TierList,
    usage: Usage,
    /// That there are; who asks about workflows says so.
    pub workflows: u64,
    /// As the dispatcher counts them.
    pub running_jobs: u64,
}

/// Loads what counts about a customer.
///
/// # Errors
/// The reseller or the customer is suspended or closed, or the customer has another reseller now.
pub async fn load(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
) -> Result<Entitled, CommandError> {
    standing::ensure_active(unit, reseller_id).await?;
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    tenant
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    if tenant.reseller_id() != Some(reseller_id) {
        return Err(CommandError::refused(&TenantError::CustomerMoved));
    }
    Ok(Entitled {
        subscription: unit.load::<Subscription>(&tenant_id.to_string()).await?,
        tiers: unit.load::<TierList>(TIER_LIST_ID).await?,
        usage: unit.load::<Usage>(&tenant_id.to_string()).await?,
        workflows: 0,
        running_jobs: 0,
    })
}

impl Entitled {
    /// The answer, where it is yes.
    ///
    /// # Errors
    /// It is no; the refusal says why.
    pub fn ask(&self, question: &Question<'_>, at: DateTime<Utc>) -> Result<Answer, CommandError> {
        let subject = Subject {
            bar: None,
            subscription: &self.subscription,
            tiers: &self.tiers,
            usage: &self.usage,
            workflows: self.workflows,
            running_jobs: self.running_jobs,
        };
        entitlement(&subject, question, at)
            .allowed()
            .map_err(|denial| refused(&denial))
    }
}

fn refused(denial: &Denial) -> CommandError {
    if denial.answer().feature != Feature::UploadBytes || denial.answer().limit.is_none() {
        return CommandError::refused(denial);
    }
    let facts = denial.facts();
    Problem {
        needed: facts.needed,
        available: facts.available,
        ..Problem::new(StatusCode::PAYLOAD_TOO_LARGE, denial.code(), denial.to_string())
    }
    .into()
}
