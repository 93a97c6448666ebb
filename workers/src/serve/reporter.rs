//! Numbers a delivery's reports and publishes them.

use std::time::Duration;

use platform::broker::{BrokerError, Publisher, Route};
use platform::messages::{JobProgressedV1, Report, ReportMessage, Stage, TranscriptionRequestedV1};
use platform::shutdown::pause;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Waits before an outcome is published again; a broker's restart takes less.
const WAITS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

pub struct Reporter {
    publisher: Publisher,
    job_id: Uuid,
    attempt: u32,
    delivery: u32,
    number: u32,
}

impl Reporter {
    pub fn new(publisher: Publisher, request: &TranscriptionRequestedV1, delivery: u32) -> Self {
        Self {
            publisher,
            job_id: request.job_id,
            attempt: request.attempt,
            delivery,
            number: 0,
        }
    }

    /// Progress is worth one try: the result holds all of it.
    pub async fn progress(&mut self, progress: JobProgressedV1) {
        let message = self.next(Report::JobProgressedV1(progress));
        if let Err(error) = self.publish(&message).await {
            tracing::warn!(job_id = %self.job_id, %error, "progress was not reported");
        }
    }

    /// A stage without a measure of its own.
    pub async fn stage(&mut self, stage: Stage, percent: u8, audio_done_ms: u64, audio_total_ms: u64) {
        let segments = Vec::new();
        self.progress(JobProgressedV1 {
            stage,
            percent,
            audio_done_ms,
            audio_total_ms,
            segments,
        })
        .await;
    }

    /// A fact: published until the broker confirms it. The repetition carries the same number and id.
    pub async fn fact(&mut self, report: Report, stop: &CancellationToken) -> Result<(), BrokerError> {
        let message = self.next(report);
        for wait in WAITS {
            match self.publish(&message).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(job_id = %self.job_id, %error, "a report was not confirmed; publishing it again");
                    if !pause(wait, stop).await {
                        return Err(error);
                    }
                }
            }
        }
        self.publish(&message).await
    }

    fn next(&mut self, report: Report) -> ReportMessage {
        self.number += 1;
        let Self {
            job_id,
            attempt,
            delivery,
            number,
            ..
        } = *self;
        ReportMessage {
            job_id,
            attempt,
            delivery,
            number,
            report,
        }
    }

    async fn publish(&self, message: &ReportMessage) -> Result<(), BrokerError> {
        let ReportMessage {
            job_id,
            attempt,
            delivery,
            number,
            ..
        } = message;
        let id = format!("{job_id}-{attempt}-{delivery}-{number}");
        self.publisher.publish(Route::Reports, &id, message).await
    }
}
