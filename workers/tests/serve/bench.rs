//! A worker with queues of its own, the jobs given to it and the reports it gives.

use chrono::DateTime;
use platform::broker::{self, Broker, Incoming, Outcome, Publisher, REPORTS_QUEUE, Route};
use platform::messages::{Report, ReportMessage, TranscriptionRequestedV1, WorkMessage};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workers::serve::{self, Settings};

use crate::server::Server;
use crate::small;

pub struct Bench {
    pub server: Server,
    url: String,
    prefix: String,
}

impl Bench {
    pub async fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
        let url =
            std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned());
        Self {
            server: Server::start().await,
            url,
            prefix: format!("worker-test-{}.", Uuid::new_v4()),
        }
    }

    fn broker(&self) -> Broker {
        Broker::new(&self.url, &self.prefix)
    }

    /// Queues a job in English on a path of the server; answers its id.
    pub async fn submit(&self, model: &str, audio: &str) -> Uuid {
        let job_id = Uuid::new_v4();
        let message = WorkMessage::TranscriptionRequestedV1(TranscriptionRequestedV1 {
            job_id,
            attempt: 1,
            model: model.to_owned(),
            language: Some("en".to_owned()),
            task: domain::job::SpeechTask::Transcribe,
            audio_url: self.server.url(audio),
            result_url: self.server.url("/result"),
            links_expire_at: DateTime::from_timestamp(4_000_000_000, 0).unwrap(),
        });
        Publisher::new(self.broker())
            .publish(Route::Jobs, &job_id.to_string(), &message)
            .await
            .unwrap();
        job_id
    }

    /// Runs a worker until it has told this job's outcome; answers all reports.
    pub async fn work_until_settled(&self, job: Uuid) -> Vec<ReportMessage> {
        let settled = |message: &ReportMessage| {
            matches!(message.report, Report::JobSucceededV1(_) | Report::JobFailedV1(_))
        };
        self.work_until(job, settled).await
    }

    /// Runs a worker until a report about this job is `enough`, and ends it in order.
    pub async fn work_until(&self, job: Uuid, enough: impl Fn(&ReportMessage) -> bool) -> Vec<ReportMessage> {
        let settings = Settings {
            amqp_url: self.url.clone(),
            queue_prefix: self.prefix.clone(),
            models_dir: small().parent().unwrap().to_owned(),
            concurrency: std::num::NonZeroUsize::MIN,
            compute_type: workers::whisper::ComputeType::default(),
            audio_bytes_max: 1 << 20,
        };
        let (stop_worker, stop_reports) = (CancellationToken::new(), CancellationToken::new());
        let mut reports = Vec::new();
        let broker = self.broker();
        let collect = async |incoming: Incoming<ReportMessage>| {
            if incoming.message.job_id == job && enough(&incoming.message) {
                stop_worker.cancel();
            }
            reports.push(incoming.message);
            Outcome::Done
        };
        let work = async {
            serve::run(&settings, stop_worker.clone()).await.unwrap();
            stop_reports.cancel();
        };
        tokio::join!(
            work,
            broker::consume(&broker, REPORTS_QUEUE, &stop_reports, || (), collect)
        );
        reports
    }

    /// Leaves nothing behind on the broker.
    pub async fn tidy(&self) {
        self.broker().remove().await.unwrap();
    }
}
