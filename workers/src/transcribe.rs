//! `stentor-worker transcribe`: one file in, one transcript out.

mod arguments;
mod diarization;
mod terminal;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;
use audio::Limits;
use strum::IntoEnumIterator;
use workers::diarization::rttm;
use workers::whisper::writers::OutputFormat;
use workers::whisper::{Transcription, Whisper, best_device};

pub use arguments::Arguments;
use arguments::Format;
use terminal::Terminal;

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.diarizes() || !matches!(arguments.format, Format::Rttm),
        "--format rttm writes who speaks when, and nobody tells speakers apart: add --diarize"
    );
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(threads);
    }
    let whisper = Whisper::load_as(&arguments.model, best_device(), arguments.compute_type)?;
    let options = arguments.options(&whisper.tokenizer)?;
    let file = arguments.file.display();
    let samples =
        audio::decode_mono_16k(&arguments.file, Limits::default()).with_context(|| file.to_string())?;
    let terminal = Terminal::new();
    let transcription = whisper.transcribe(&samples, &options, |progress| {
        terminal.tell(progress);
        ControlFlow::Continue(())
    })?;
    terminal.done();
    write(arguments, &transcription)
}

fn write(arguments: &Arguments, transcription: &Transcription) -> anyhow::Result<()> {
    let formats: Vec<OutputFormat> = match arguments.format {
        Format::All => OutputFormat::iter().collect(),
        Format::One(format) => vec![format],
        Format::Rttm => Vec::new(),
    };
    for format in formats {
        let text = transcription.to_format(format, arguments.subtitles());
        write_as(arguments, &format.to_string(), &text)?;
    }
    if let (Format::Rttm | Format::All, Some(turns)) = (arguments.format, &transcription.turns) {
        let name = arguments.file.file_stem().unwrap_or_default();
        write_as(arguments, "rttm", &rttm(&name.to_string_lossy(), turns))?;
    }
    Ok(())
}

/// Into the file or the folder that was asked for, or else onto standard output.
fn write_as(arguments: &Arguments, extension: &str, text: &str) -> anyhow::Result<()> {
    match (&arguments.output, &arguments.output_dir) {
        (Some(path), _) => save(path, text),
        (None, Some(folder)) => {
            let name = arguments.file.file_stem().unwrap_or_default();
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            let mut name = name.to_owned();
            name.push(format!(".{extension}"));
            save(&folder.join(name), text)
        }
        (None, None) => Ok(std::io::stdout().write_all(text.as_bytes())?),
    }
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
