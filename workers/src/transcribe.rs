//! `stentor-worker transcribe`: one file in, one transcript out.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use audio::Limits;
use domain::transcript::TranscriptFormat;
use workers::whisper::tokenizer::Task;
use workers::whisper::{Progress, TranscribeOptions, Whisper, best_device};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recording: WAV, MP3, FLAC, OGG (Opus or Vorbis) or M4A.
    file: PathBuf,
    /// Folder of the model in Hugging Face's layout, for example models/small.
    #[arg(long)]
    model: PathBuf,
    /// What to write: txt, srt, vtt or json.
    #[arg(long, default_value = "txt")]
    format: TranscriptFormat,
    /// Language spoken, as Whisper's code (en, de, …); detected if it is not given.
    #[arg(long)]
    language: Option<String>,
    /// transcribe writes what is said, translate writes it in English.
    #[arg(long, default_value_t = Task::Transcribe)]
    task: Task,
    /// Where to write; standard output if it is not given.
    #[arg(long)]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let whisper = Whisper::load(&arguments.model, best_device())?;
    let file = arguments.file.display();
    let samples =
        audio::decode_mono_16k(&arguments.file, Limits::default()).with_context(|| file.to_string())?;
    let options = TranscribeOptions {
        language: arguments.language.clone(),
        task: arguments.task,
        ..TranscribeOptions::default()
    };
    let mut stderr = std::io::stderr();
    let transcription = whisper.transcribe(&samples, &options, |progress: &Progress<'_>| {
        // Progress is a courtesy: a closed terminal must not stop the work.
        let _ = writeln!(
            stderr,
            "{} s of {} s",
            progress.audio_done_ms / 1000,
            progress.audio_total_ms.div_ceil(1000)
        );
        ControlFlow::Continue(())
    })?;
    let text = transcription.to_domain().to_format(arguments.format);
    match &arguments.output {
        Some(path) => std::fs::write(path, text).with_context(|| path.display().to_string())?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}
