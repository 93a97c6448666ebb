//! How often somebody may try to sign in, or apply to become a reseller: per e-mail address and per client address.

use std::num::NonZeroU32;

use actix_web::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::{CommandError, Problem};

/// Keys remembered before those that are free again are forgotten.
const KEYS_MAX: usize = 100_000;

pub struct SignInLimits {
    limiter: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    /// What is counted, for people.
    what: &'static str,
}

impl SignInLimits {
    pub fn new(per_minute: u32) -> Self {
        Self::with(Quota::per_minute(at_least_one(per_minute)), "sign-ins")
    }

    pub fn of_applications(per_hour: u32) -> Self {
        Self::with(Quota::per_hour(at_least_one(per_hour)), "applications")
    }

    pub fn of_bulks(per_hour: u32) -> Self {
        Self::with(Quota::per_hour(at_least_one(per_hour)), "bulks")
    }

    fn with(quota: Quota, what: &'static str) -> Self {
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            what,
        }
    }

    /// Counts one try of each key.
    ///
    /// # Errors
    /// One of them has tried too often; the answer says when to come back.
    pub fn check<const N: usize>(&self, keys: [String; N]) -> Result<(), CommandError> {
        if self.limiter.len() > KEYS_MAX {
            self.limiter.retain_recent();
        }
        for key in keys {
            if let Err(denied) = self.limiter.check_key(&key) {
                let wait = denied.wait_time_from(self.clock.now()).as_secs() + 1;
                let detail = format!("too many {}: try again in {wait} s", self.what);
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail);
                return Err(Problem {
                    retry_after_seconds: Some(wait),
                    ..problem
                }
                .into());
            }
        }
        Ok(())
    }
}

fn at_least_one(times: u32) -> NonZeroU32 {
    NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)
}
