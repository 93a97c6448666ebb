//! How often somebody may try to sign in: per e-mail address and per client address.

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
}

impl SignInLimits {
    pub fn new(per_minute: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one try of each key.
    ///
    /// # Errors
    /// One of them has tried too often; the answer says when to come back.
    pub fn check(&self, keys: [String; 2]) -> Result<(), CommandError> {
        if self.limiter.len() > KEYS_MAX {
            self.limiter.retain_recent();
        }
        for key in keys {
            if let Err(denied) = self.limiter.check_key(&key) {
                let wait = denied.wait_time_from(self.clock.now()).as_secs() + 1;
                let detail = format!("too many sign-ins: try again in {wait} s");
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
