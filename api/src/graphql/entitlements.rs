//! What customers may do, and the grant that decides.

use std::collections::{BTreeSet, HashSet};

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::entitlement::{Answer, Deciding, Question};
use uuid::Uuid;

use super::scalars::{Int64, id, int, int64, parsed_id};
use super::subscriptions::GrantSource;
use crate::entitlements::{Asked, Asking, Times, answers, askings};
use crate::error::{ApiError, ApiResult};
use crate::session::{Fresh, Session};

/// What a tier limits, with the unit of its amounts.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::entitlement::Feature")]
pub(super) enum Feature {
    /// Bytes of one upload.
    UploadBytes,
    /// Bytes of recordings that are kept.
    StorageBytes,
    /// Jobs that run at one time.
    ConcurrentJobs,
    /// Workflows that are kept.
    Workflows,
    /// Seconds of speech that are transcribed in a calendar month (UTC).
    AudioSeconds,
    /// Seconds of speech that are translated in a calendar month (UTC).
    TranslationSeconds,
    /// One model.
    Model,
    /// Telling speakers apart.
    Diarization,
    /// Taking music away before the speech is heard.
    Separation,
}

/// The grant that decided.
#[derive(SimpleObject)]
pub(super) struct DecidingGrant {
    id: ID,
    source: GrantSource,
    /// Code of the tier.
    tier: String,
    tier_version: i32,
    ends_at: DateTime<Utc>,
}

impl From<Deciding> for DecidingGrant {
    fn from(deciding: Deciding) -> Self {
        Self {
            id: id(deciding.grant_id.0),
            source: deciding.source.into(),
            tier: deciding.tier.to_string(),
            tier_version: int(deciding.tier_version),
            ends_at: deciding.ends_at,
        }
    }
}

/// Whether so much more of a feature may be used, and why.
#[derive(SimpleObject)]
pub(super) struct EntitlementAnswer {
    feature: Feature,
    amount: Int64,
    model: Option<String>,
    allowed: bool,
    /// `ALLOWED`, or why not.
    code: String,
    /// Null where any amount is allowed, and where the feature is not counted.
    limit: Option<Int64>,
    used: Option<Int64>,
    remaining: Option<Int64>,
    /// When what is used counts no longer.
    resets_at: Option<DateTime<Utc>>,
    grant: Option<DecidingGrant>,
    /// For people.
    explanation: String,
}

impl From<Answer> for EntitlementAnswer {
    fn from(answer: Answer) -> Self {
        Self {
            feature: answer.feature.into(),
            amount: int64(answer.amount),
            allowed: answer.is_allowed(),
            code: answer.code().to_owned(),
            limit: answer.limit.map(int64),
            used: answer.used.map(int64),
            remaining: answer.remaining().map(int64),
            resets_at: answer.resets_at,
            grant: answer.deciding.map(Into::into),
            explanation: answer.to_string(),
            model: answer.model,
        }
    }
}

#[derive(InputObject)]
pub(super) struct EntitlementQuestion {
    /// The asker itself where left out.
    customer_id: Option<ID>,
    feature: Feature,
    /// How much more, in the feature's unit; 0 to see how much there is.
    #[graphql(default_with = "Int64(1)")]
    amount: Int64,
    /// Which one, for the feature MODEL.
    model: Option<String>,
}

impl EntitlementQuestion {
    fn asked(self) -> ApiResult<Asked> {
        let customer_id = self.customer_id.map(|id| parsed_id(&id).unwrap_or(Uuid::nil()));
        Ok(Asked {
            customer_id,
            feature: self.feature.into(),
            amount: amount(self.amount)?,
            model: self.model,
        })
    }
}

fn amount(Int64(amount): Int64) -> ApiResult<u64> {
    u64::try_from(amount).map_err(|_| ApiError::BadUserInput("an amount is 0 or more".to_owned()))
}

/// What a customer may do.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Entitlement {
    /// Code of the tier.
    tier: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    upload_bytes_max: Int64,
    concurrent_jobs_max: i32,
    models: Vec<ModelChoice>,
    #[graphql(skip)]
    asking: Asking,
}

#[derive(SimpleObject)]
pub(super) struct ModelChoice {
    name: String,
    allowed: bool,
    installed: bool,
}

impl Entitlement {
    fn new(asking: Asking, installed: &BTreeSet<String>) -> Self {
        let policy = asking.policy();
        let of_tier = policy
            .as_deref()
            .and_then(|policy| policy.limits.models.as_deref());
        let names: BTreeSet<&str> = installed
            .iter()
            .map(String::as_str)
            .chain(of_tier.unwrap_or_default().iter().map(String::as_str))
            .collect();
        let limit = |feature| {
            let answer = asking.ask(&Question::of(feature, 0));
            answer.limit.unwrap_or_default()
        };
        let deciding = asking.ask(&Question::of(Feature::Workflows.into(), 0)).deciding;
        Self {
            tier: deciding.map(|deciding| deciding.tier.to_string()),
            expires_at: deciding.map(|deciding| deciding.ends_at),
            upload_bytes_max: int64(limit(Feature::UploadBytes.into())),
            concurrent_jobs_max: int(limit(Feature::ConcurrentJobs.into())),
            models: names
                .into_iter()
                .map(|name| ModelChoice {
                    name: name.to_owned(),
                    allowed: asking.ask(&Question::model(name)).is_allowed(),
                    installed: installed.contains(name),
                })
                .collect(),
            asking,
        }
    }

    /// Of a customer that the asker may ask about.
    pub(super) async fn find(
        session: &Session,
        tenant_id: Uuid,
        times: Times,
        fresh: Fresh<'_>,
    ) -> ApiResult<Option<Self>> {
        let mut askings = askings(session, &HashSet::from([tenant_id]), times, fresh).await?;
        let asking = askings.remove(&tenant_id);
        Ok(asking.map(|asking| Self::new(asking, &session.reader.installed_models)))
    }
}

#[ComplexObject]
impl Entitlement {
    /// Whether so much more of a feature may be used, and why.
    async fn answer(
        &self,
        feature: Feature,
        #[graphql(default_with = "Int64(1)")] amount: Int64,
        model: Option<String>,
    ) -> ApiResult<EntitlementAnswer> {
        let asked = EntitlementQuestion {
            customer_id: None,
            feature,
            amount,
            model,
        };
        let asked = asked.asked()?.checked()?;
        Ok(self.asking.ask(&asked.question()).into())
    }
}

#[derive(Default)]
pub(super) struct EntitlementsQuery;

#[Object]
impl EntitlementsQuery {
    /// What a customer may do: now, or at `asOf`, as far as it was recorded by `knownAt`. A customer asks for
    /// itself; null for a customer that is not the asker's.
    async fn entitlement(
        &self,
        ctx: &Context<'_>,
        customer_id: Option<ID>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Entitlement>> {
        let session = Session::of(ctx)?;
        let wanted = match customer_id {
            Some(customer_id) => parsed_id(&customer_id),
            None => session.principal.home.tenant_id().map(|tenant| tenant.0),
        };
        let Some(tenant_id) = wanted else {
            session.permit().await?;
            return Ok(None);
        };
        let times = Times { as_of, known_at };
        Entitlement::find(&session, tenant_id, times, (&min_position, &wait_for).into()).await
    }

    /// Answers to up to a thousand questions, in their order; null where the customer is not the asker's.
    #[graphql(complexity = "questions.len() + child_complexity")]
    async fn entitlements(
        &self,
        ctx: &Context<'_>,
        questions: Vec<EntitlementQuestion>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<Option<EntitlementAnswer>>> {
        let session = Session::of(ctx)?;
        let asked = questions.into_iter().map(EntitlementQuestion::asked);
        let asked = asked.collect::<ApiResult<Vec<_>>>()?;
        let times = Times { as_of, known_at };
        let answered = answers(&session, asked, times, (&min_position, &wait_for).into()).await?;
        Ok(answered
            .into_iter()
            .map(|(_, answer)| answer.map(Into::into))
            .collect())
    }
}
