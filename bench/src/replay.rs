//! Reading the whole log as typed events, over one connection.

use std::time::Instant;

use async_trait::async_trait;
use store::{Position, feed};

use crate::env::Env;
use crate::work::{Measured, Target, Work};

/// Batches between two looks at the memory.
const LOOK_EVERY: u64 = 10;

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Replay), Box::new(Memory)]
}

/// What a replay came to.
struct Replayed {
    events: u64,
    seconds: f64,
    /// The most that the process held meanwhile, in megabytes.
    memory_mb: f64,
}

async fn replay(env: &Env) -> anyhow::Result<Replayed> {
    let began = Instant::now();
    let mut stretch = feed::stretch(&env.owner, Position::START);
    let (mut events, mut batches, mut memory_mb) = (0, 0, resident_mb()?);
    while let Some(batch) = stretch.next().await? {
        events += u64::try_from(batch.len())?;
        batches += 1;
        if batches % LOOK_EVERY == 0 {
            memory_mb = resident_mb()?.max(memory_mb);
        }
        std::hint::black_box(batch);
    }
    Ok(Replayed {
        events,
        seconds: began.elapsed().as_secs_f64(),
        memory_mb,
    })
}

/// What the system holds in memory for this process, in megabytes.
fn resident_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .strip_suffix("kB")?
            .trim()
            .parse::<f64>()
            .ok()
    });
    Ok(kilobytes.unwrap_or_default() / 1_024.0)
}

struct Replay;

#[async_trait(?Send)]
impl Work for Replay {
    fn name(&self) -> &'static str {
        "typed replay, one connection"
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    fn target(&self) -> Target {
        Target::AtLeast(300_000.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let replayed = replay(env).await?;
        Ok(Measured::of(
            f64::from(u32::try_from(replayed.events)?) / replayed.seconds,
        ))
    }
}

struct Memory;

#[async_trait(?Send)]
impl Work for Memory {
    fn name(&self) -> &'static str {
        "memory of the process during a replay"
    }

    fn unit(&self) -> &'static str {
        "MB"
    }

    fn target(&self) -> Target {
        Target::AtMost(200.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        Ok(Measured::of(replay(env).await?.memory_mb))
    }
}
