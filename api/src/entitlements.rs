//! Questions about what customers may do, for GraphQL and for `/api/entitlements/check`: from memory where they are
//! about now, else from what was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::entitlement::{Answer, Feature, MODEL_BYTES_MAX, Question};
use domain::tier::TierPolicy;
use projections::Projection;
use projections::entitlements::earlier::Earlier;
use projections::entitlements::{Customer, Entitlements, World};
use projections::grants::Grants;
use projections::jobs::Jobs;
use projections::tiers::Tiers;
use projections::usage::Metering;
use uuid::Uuid;

use crate::error::{ApiError, ApiResult};
use crate::session::{Fresh, Session};

/// Most questions of one request.
pub(crate) const QUESTIONS_MAX: usize = 1_000;
/// Most customers that one request asks about at another time than now.
pub(crate) const EARLIER_CUSTOMERS_MAX: usize = 100;
/// Read where a question is about another time than now.
const EARLIER_SOURCES: &[&str] = &[
    Entitlements::NAME,
    Grants::NAME,
    Tiers::NAME,
    Metering::NAME,
    Jobs::NAME,
];

/// A question as clients send it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The asker itself where left out.
    pub customer_id: Option<Uuid>,
    pub feature: Feature,
    pub amount: u64,
    pub model: Option<String>,
}

impl Asked {
    /// # Errors
    /// It names a model where none is asked about, or none where one is.
    pub(crate) fn checked(self) -> ApiResult<Self> {
        let fits = match &self.model {
            Some(model) => self.feature == Feature::Model && model.len() <= MODEL_BYTES_MAX,
            None => self.feature != Feature::Model,
        };
        if fits {
            return Ok(self);
        }
        let detail = format!(
            "a question about the feature model names one in `model`, with at most {MODEL_BYTES_MAX} bytes, and no \
             other question does"
        );
        Err(ApiError::BadUserInput(detail))
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            feature: self.feature,
            amount: self.amount,
            model: self.model.as_deref(),
        }
    }
}

/// Which time is asked about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub as_of: Option<DateTime<Utc>>,
    pub known_at: Option<DateTime<Utc>>,
}

/// A customer that the asker may ask about, at the time asked about.
#[derive(Clone)]
pub(crate) struct Asking {
    customer: Arc<Customer>,
    world: Arc<World>,
    earlier: Option<Arc<Earlier>>,
    at: DateTime<Utc>,
}

impl Asking {
    pub(crate) fn ask(&self, question: &Question<'_>) -> Answer {
        match &self.earlier {
            Some(earlier) => earlier.ask(&self.world, &self.customer, question),
            None => self.world.ask(&self.customer, question, self.at),
        }
    }

    /// The version of the tier that decides.
    pub(crate) fn policy(&self) -> Option<Arc<TierPolicy>> {
        let deciding = self.ask(&Question::of(Feature::UploadBytes, 0)).deciding?;
        let tiers = match &self.earlier {
            Some(earlier) => earlier.tiers(),
            None => self.world.tiers(),
        };
        tiers.in_force(deciding.tier, self.at).cloned()
    }
}

/// The customers of these ids that the asker may ask about. Others are left out, be they unknown or somebody else's.
///
/// # Errors
/// What was asked to be included is not there in time, or the database fails.
pub(crate) async fn askings(
    session: &Session,
    ids: &HashSet<Uuid>,
    times: Times,
    fresh: Fresh<'_>,
) -> ApiResult<HashMap<Uuid, Asking>> {
    let now = session.reader.now();
    let is_earlier = times.as_of.is_some() || times.known_at.is_some();
    if is_earlier && ids.len() > EARLIER_CUSTOMERS_MAX {
        let detail = format!(
            "a request about another time asks about at most {EARLIER_CUSTOMERS_MAX} customers: send several"
        );
        return Err(ApiError::BadUserInput(detail));
    }
    let sources: &[&str] = if is_earlier {
        EARLIER_SOURCES
    } else {
        &[Entitlements::NAME]
    };
    let wanted = session.reach(sources, fresh).await?;
    session.permit().await?;
    let memory = &session.reader.memory;
    memory.freshen(wanted).await?;
    let world = memory.world();
    let ids: Vec<_> = ids.iter().copied().collect();
    let scope = session.principal.scope();
    let mut shown = memory.customers(&ids).await?;
    shown.retain(|id, customer| world.shows(scope, *id, customer));
    let mut found = HashMap::with_capacity(shown.len());
    for (id, customer) in shown {
        let mut asking = Asking {
            customer,
            world: Arc::clone(&world),
            earlier: None,
            at: times.as_of.unwrap_or(now),
        };
        if is_earlier {
            let mut connection = session.begin().await?;
            let (read, scope) = connection.parts();
            let subject = (id, asking.customer.as_ref());
            let earlier = Earlier::load(read, scope, subject, asking.at, times.known_at).await?;
            asking.earlier = Some(Arc::new(earlier));
        }
        found.insert(id, asking);
    }
    Ok(found)
}

/// The answers in the order of the questions; none where the customer is unknown.
///
/// # Errors
/// There are too many questions, one does not fit its feature, or as [`askings`].
pub(crate) async fn answers(
    session: &Session,
    asked: Vec<Asked>,
    times: Times,
    fresh: Fresh<'_>,
) -> ApiResult<Vec<(Asked, Option<Answer>)>> {
    if asked.is_empty() || asked.len() > QUESTIONS_MAX {
        let detail = format!("a request has 1 to {QUESTIONS_MAX} questions: send several requests");
        return Err(ApiError::BadUserInput(detail));
    }
    let own = session.principal.home.tenant_id().map(|tenant| tenant.0);
    let asked = asked.into_iter().map(|asked| {
        let customer_id = asked.customer_id.or(own);
        Asked { customer_id, ..asked }.checked()
    });
    let asked = asked.collect::<ApiResult<Vec<_>>>()?;
    let ids = asked.iter().filter_map(|asked| asked.customer_id).collect();
    let askings = askings(session, &ids, times, fresh).await?;
    let answered = asked.into_iter().map(|asked| {
        let asking = asked.customer_id.and_then(|id| askings.get(&id));
        let answer = asking.map(|asking| asking.ask(&asked.question()));
        (asked, answer)
    });
    Ok(answered.collect())
}
