//! Serves jobs from the broker: one at a time per consumer, until the process is asked to end.
//!
//! A job's message is acknowledged only after its outcome has been confirmed by the broker. When the worker dies
//! before, the message comes again, here or elsewhere.

mod job;
mod links;
mod models;
mod reporter;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use platform::broker::{self, Broker, Incoming, JOBS_QUEUE, Publisher};
use platform::messages::WorkMessage;
use tokio_util::sync::CancellationToken;

use links::Links;
use models::Models;

use crate::whisper::ComputeType;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// The broker, amqp://user:password@host:port/vhost.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: String,
    /// What this installation's queue names begin with, if several share the broker.
    #[arg(long, default_value = "", env = "STENTOR_QUEUE_PREFIX")]
    pub queue_prefix: String,
    /// Folder of model folders; a job names one of them.
    #[arg(long, default_value = "models", env = "STENTOR_MODELS_DIR")]
    pub models_dir: PathBuf,
    /// Jobs at the same time; each needs the memory of its model.
    #[arg(long, default_value = "1")]
    pub concurrency: NonZeroUsize,
    /// Arithmetic: float32, float16 (GPUs), bfloat16, int8 (processors), or auto for what is faster here.
    #[arg(long, default_value_t = ComputeType::Float32, env = "STENTOR_COMPUTE_TYPE")]
    pub compute_type: ComputeType,
    /// Largest recording that is fetched, in bytes.
    #[arg(long, default_value_t = 4 << 30)]
    pub audio_bytes_max: u64,
}

/// What a consumer needs to do jobs.
struct Worker {
    /// Host name and process id.
    name: String,
    publisher: Publisher,
    links: Links,
    /// Held by the one job of this consumer.
    models: Arc<Mutex<Models>>,
    stop: CancellationToken,
}

/// Runs until `stop`; a job under way is then given back to the broker.
pub async fn run(settings: &Settings, stop: CancellationToken) -> anyhow::Result<()> {
    anyhow::ensure!(
        settings.models_dir.is_dir(),
        "there is no folder {}: name the folder of the models with --models-dir",
        settings.models_dir.display()
    );
    share_threads(settings.concurrency);
    let broker = Broker::new(&settings.amqp_url, &settings.queue_prefix);
    let publisher = Publisher::new(broker.clone());
    // On one task: the work itself is done by other threads.
    let mut consumers = Vec::new();
    for _ in 0..settings.concurrency.get() {
        let models = Models::new(settings.models_dir.clone(), settings.compute_type);
        let worker = Worker {
            name: name(),
            publisher: publisher.clone(),
            links: Links::new(settings.audio_bytes_max).context("the HTTP client cannot start")?,
            models: Arc::new(Mutex::new(models)),
            stop: stop.clone(),
        };
        consumers.push(consume(broker.clone(), worker));
    }
    futures::future::join_all(consumers).await;
    tracing::info!("stopped");
    Ok(())
}

async fn consume(broker: Broker, worker: Worker) {
    let ready = || tracing::info!(worker = worker.name, "ready: waiting for jobs");
    let handler = async |incoming: Incoming<WorkMessage>| {
        let WorkMessage::TranscriptionRequestedV1(request) = incoming.message;
        job::handle(&worker, request, incoming.delivery).await
    };
    broker::consume(&broker, JOBS_QUEUE, &worker.stop, ready, handler).await;
}

/// Each job gets its part of the processor's cores.
fn share_threads(concurrency: NonZeroUsize) {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = i32::try_from(cores / concurrency.get()).unwrap_or(1).max(1);
    tch::set_num_threads(threads);
}

fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "worker"
    } else {
        host.trim()
    };
    format!("{host}:{}", std::process::id())
}
