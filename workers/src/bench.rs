//! `stentor-worker bench`: how long a model takes for one window of 30 s, part by part.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use audio::Limits;
use serde::Serialize;
use tch::Device;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use workers::whisper::provenance::device_name;
use workers::whisper::suppress::SuppressTokens;
use workers::whisper::{ComputeType, Whisper, best_device};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recording whose first 30 s are heard; noise, the same each time, if it is not given.
    file: Option<PathBuf>,
    /// Folder of the model in Hugging Face's layout, for example models/small.
    #[arg(long)]
    model: PathBuf,
    /// Tokens that are decoded, no fewer and no more: the text is kept from ending.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    tokens: u16,
    /// Windows that are heard and decoded at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    windows: u16,
    /// Rounds, after one that is not counted. Medians are told.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rounds: u16,
    /// Threads of the processor; all cores if it is not given.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    threads: Option<i32>,
    /// Arithmetic: float32, float16 (GPUs), bfloat16, int8 (processors), or auto for what is faster here.
    #[arg(long, default_value_t = ComputeType::Float32)]
    compute_type: ComputeType,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    json: bool,
}

/// What ran, and the median of each part.
#[derive(Debug, Serialize)]
struct Measured<'a> {
    model: &'a Path,
    precision: String,
    device: String,
    threads: i32,
    windows: u16,
    tokens: u16,
    rounds: u16,
    log_mel_ms: f64,
    encoder_ms: f64,
    decode_ms: f64,
    total_ms: f64,
}

/// The times of one round.
struct Round {
    log_mel: Duration,
    encoder: Duration,
    decode: Duration,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(threads);
    }
    let whisper = Whisper::load_as(&arguments.model, best_device(), arguments.compute_type)?;
    let window = window(arguments.file.as_deref())?;
    let options = options(&whisper, arguments.tokens);
    // The first round also allocates, starts threads and picks kernels.
    round(&whisper, &window, arguments.windows, &options)?;
    let rounds: Vec<Round> = (0..arguments.rounds)
        .map(|_| round(&whisper, &window, arguments.windows, &options))
        .collect::<anyhow::Result<_>>()?;
    print(arguments, &Measured::new(arguments, &whisper, &rounds))
}

/// Exactly 30 s: the recording cut or filled up with silence, or noise.
fn window(file: Option<&Path>) -> anyhow::Result<Vec<f32>> {
    let Some(file) = file else {
        return Ok(noise());
    };
    let mut samples =
        audio::decode_mono_16k(file, Limits::default()).with_context(|| file.display().to_string())?;
    samples.resize(WINDOW_SAMPLES, 0.0);
    Ok(samples)
}

/// What a network computes takes as long whatever it hears.
fn noise() -> Vec<f32> {
    let mut state = 1_u16;
    let next = || {
        state ^= state << 7;
        state ^= state >> 9;
        state ^= state << 8;
        f32::from(state) / 65_536.0 - 0.5
    };
    std::iter::repeat_with(next).take(WINDOW_SAMPLES).collect()
}

/// Greedy, without timestamps, as every peer can be asked to decode.
fn options(whisper: &Whisper, tokens: u16) -> DecodeOptions {
    DecodeOptions {
        without_timestamps: true,
        suppress_tokens: SuppressTokens {
            ids: vec![whisper.tokenizer.special.eot],
            ..SuppressTokens::default()
        },
        sample_len: Some(tokens.into()),
        ..DecodeOptions::new("en")
    }
}

/// Hears the window as often as there are windows.
fn round(whisper: &Whisper, window: &[f32], windows: u16, options: &DecodeOptions) -> anyhow::Result<Round> {
    let started = Instant::now();
    let mels = (0..windows)
        .map(|_| Ok(LogMel::compute(window, 0, whisper.model.config.num_mel_bins)?.window(0, WINDOW_FRAMES)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let log_mel = started.elapsed();
    let features = whisper.model.encode_batch(&mels)?;
    // A GPU answers before it has worked.
    if let Device::Cuda(number) = whisper.model.device {
        tch::Cuda::synchronize(i64::try_from(number)?);
    }
    let heard = started.elapsed();
    let seeds = vec![options.seed; mels.len()];
    let decoded = whisper.decode_batch(&features, options, &seeds)?;
    let written = started.elapsed();
    let asked = options.sample_len.unwrap_or_default();
    for tokens in decoded.iter().map(|decoded| decoded.tokens.len()) {
        ensure!(
            tokens == asked,
            "{tokens} tokens were decoded in place of {asked}: the model has room for no more"
        );
    }
    Ok(Round {
        log_mel,
        encoder: heard.saturating_sub(log_mel),
        decode: written.saturating_sub(heard),
    })
}

impl<'a> Measured<'a> {
    fn new(arguments: &'a Arguments, whisper: &Whisper, rounds: &[Round]) -> Self {
        let of = |part: fn(&Round) -> Duration| median_ms(rounds.iter().map(part).collect());
        Self {
            model: &arguments.model,
            precision: whisper.model.precision.to_string(),
            device: device_name(whisper.model.device),
            threads: tch::get_num_threads(),
            windows: arguments.windows,
            tokens: arguments.tokens,
            rounds: arguments.rounds,
            log_mel_ms: of(|round| round.log_mel),
            encoder_ms: of(|round| round.encoder),
            decode_ms: of(|round| round.decode),
            total_ms: of(|round| round.log_mel + round.encoder + round.decode),
        }
    }
}

/// In milliseconds with three decimals.
fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let upper = times.get(times.len() / 2).copied().unwrap_or_default();
    let lower = times.get(times.len().saturating_sub(1) / 2).copied();
    let microseconds = (lower.unwrap_or_default() + upper).as_secs_f64() / 2.0 * 1e6;
    microseconds.round() / 1e3
}

fn print(arguments: &Arguments, measured: &Measured<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(measured)?)?;
        return Ok(());
    }
    let Measured {
        precision,
        device,
        threads,
        windows,
        tokens,
        rounds,
        ..
    } = measured;
    writeln!(
        out,
        "{}: windows of 30 s, {windows} at once, {tokens} tokens each",
        measured.model.display()
    )?;
    writeln!(out, "{precision} on {device}, {threads} threads, {rounds} rounds")?;
    writeln!(out)?;
    writeln!(out, "{:<8} {:>10}", "part", "median ms")?;
    for (part, ms) in [
        ("log-mel", measured.log_mel_ms),
        ("encoder", measured.encoder_ms),
        ("decode", measured.decode_ms),
        ("total", measured.total_ms),
    ] {
        writeln!(out, "{part:<8} {ms:>10.1}")?;
    }
    Ok(())
}
