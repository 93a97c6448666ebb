//! The options of `transcribe`: the reference's, under its names with hyphens.

use std::path::PathBuf;
use std::str::FromStr;

use workers::vad::{Detector, VadOptions};
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::fallback::Thresholds;
use workers::whisper::languages::language_code;
use workers::whisper::suppress::SuppressTokens;
use workers::whisper::tokenizer::{Task, WhisperTokenizer};
use workers::whisper::transcribe::{APPEND_PUNCTUATIONS, PREPEND_PUNCTUATIONS};
use workers::whisper::writers::{OutputFormat, SubtitleOptions};
use workers::whisper::{ComputeType, TranscribeOptions, WhisperError};

use super::diarization::Diarization;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recording: WAV, MP3, FLAC, OGG (Opus or Vorbis) or M4A.
    pub file: PathBuf,
    /// Folder of the model in Hugging Face's layout, for example models/small.
    #[arg(long)]
    pub model: PathBuf,
    /// What to write: txt, vtt, srt, tsv, json, rttm (the speakers' turns), or all of them.
    #[arg(long, default_value = "txt", requires_if("all", "output_dir"))]
    pub format: Format,
    /// File to write; standard output if neither this nor --output-dir is given.
    #[arg(long, conflicts_with = "output_dir")]
    pub output: Option<PathBuf>,
    /// Folder to write into: the recording's name with the format's extension.
    #[arg(long)]
    pub output_dir: Option<PathBuf>,
    /// Threads of the processor; all cores if it is not given.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    pub threads: Option<i32>,
    /// Arithmetic: float32, float16 (GPUs), bfloat16, int8 (processors), or auto for what is faster here.
    #[arg(long, default_value_t = ComputeType::Float32)]
    pub compute_type: ComputeType,
    /// Language spoken, as Whisper's code (en, de, …) or English name (german); detected if it is not given.
    #[arg(long)]
    language: Option<String>,
    /// transcribe writes what is said, translate writes it in English.
    #[arg(long, default_value_t = Task::Transcribe)]
    task: Task,
    /// Start and end of the parts to hear, in seconds: start,end,start,end,…; the last end may be missing.
    #[arg(long, value_delimiter = ',')]
    clip_timestamps: Vec<f64>,
    #[command(flatten)]
    prompting: Prompting,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    search: Search,
    #[command(flatten)]
    retries: Retries,
    #[command(flatten)]
    voice: VoiceActivity,
    #[command(flatten)]
    speakers: Diarization,
    #[command(flatten)]
    words: WordOptions,
}

/// What a window is shown before it is heard.
#[derive(Debug, clap::Args)]
struct Prompting {
    /// Text shown to the first window as if it had been said before: names, words of a trade.
    #[arg(long)]
    initial_prompt: Option<String>,
    /// Show the initial prompt to every window.
    #[arg(long, requires = "initial_prompt")]
    carry_initial_prompt: bool,
    /// Text that every window begins with.
    #[arg(long)]
    prefix: Option<String>,
    /// Do not show a window the text before it: less coherent, but an error is not carried on.
    #[arg(long)]
    no_condition_on_previous_text: bool,
}

/// Which tokens may be written.
#[derive(Debug, clap::Args)]
struct Sampling {
    /// Write no timestamps: each window is one segment.
    #[arg(long)]
    without_timestamps: bool,
    /// Latest first timestamp of a window in seconds; 0 for no limit.
    #[arg(long, default_value_t = 1.0)]
    max_initial_timestamp: f64,
    /// Tokens never written, ids with commas between them; -1 stands for all that is no speech, "" for none.
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    suppress_tokens: SuppressTokens,
    /// Let a window's text begin with a space or end at once.
    #[arg(long)]
    no_suppress_blank: bool,
}

/// How tokens are chosen.
#[derive(Debug, clap::Args)]
struct Search {
    /// Temperature of the first try: 0 takes the likeliest text, more draws by chance.
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Texts drawn at a temperature above 0, of which the best is kept.
    #[arg(long, default_value_t = 5)]
    best_of: usize,
    /// Beams at temperature 0; greedy if it is not given (the reference's command line takes 5).
    #[arg(long)]
    beam_size: Option<usize>,
    /// Finished texts that a beam search waits for, in multiples of the beams.
    #[arg(long, requires = "beam_size", default_value_t = 1.0)]
    patience: f64,
    /// Exponent of the length penalty from 0 to 1; if it is not given, the mean log-probability ranks.
    #[arg(long)]
    length_penalty: Option<f64>,
    /// Tokens in a window at most; half of the model's text context if it is not given.
    #[arg(long)]
    sample_len: Option<usize>,
    /// Another one draws other texts at temperatures above 0.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// When a text is tried again. A threshold may be `none`.
#[derive(Debug, clap::Args)]
struct Retries {
    /// How much the temperature rises with each try, up to 1; none for one try.
    #[arg(long, default_value = "0.2")]
    temperature_increment_on_fallback: Optional,
    /// A text that compresses better than this repeats itself and is tried again.
    #[arg(long, default_value = "2.4")]
    compression_ratio_threshold: Optional,
    /// A text less probable than this on average is tried again.
    #[arg(long, default_value = "-1.0", allow_hyphen_values = true)]
    logprob_threshold: Optional,
    /// A window that is silent with more than this probability, and whose text is improbable, is skipped.
    #[arg(long, default_value = "0.6")]
    no_speech_threshold: Optional,
}

/// Which parts are heard: those in which somebody speaks.
#[derive(Debug, clap::Args)]
struct VoiceActivity {
    /// Hear only the parts in which somebody speaks: no text is made up in silence.
    #[arg(long)]
    vad_filter: bool,
    /// File of silero-vad's scripted network for libtorch; if it is not given, speech is found by its energy.
    #[arg(long, requires = "vad_filter")]
    vad_model: Option<PathBuf>,
    /// A frame of 32 ms is speech if it is at least this probable.
    #[arg(long, requires = "vad_filter", default_value_t = 0.5)]
    threshold: f64,
    /// A frame less probable than this is silence; 0.15 below the threshold if it is not given.
    #[arg(long, requires = "vad_filter")]
    neg_threshold: Option<f64>,
    /// Shorter speech is dropped, in milliseconds.
    #[arg(long, requires = "vad_filter", default_value_t = 250)]
    min_speech_duration_ms: u32,
    /// Longer speech is split, at a pause if there is one, in seconds; no limit if it is not given.
    #[arg(long, requires = "vad_filter")]
    max_speech_duration_s: Option<f64>,
    /// Shorter silence is heard, too, in milliseconds.
    #[arg(long, requires = "vad_filter", default_value_t = 2000)]
    min_silence_duration_ms: u32,
    /// Silence left on both sides of speech, in milliseconds.
    #[arg(long, requires = "vad_filter", default_value_t = 400)]
    speech_pad_ms: u32,
    /// Windows decoded at once, cut at silence: faster, but no window is shown the text before it.
    #[arg(long, requires = "vad_filter")]
    batch_size: Option<usize>,
}

/// Times of words, and what they are used for.
#[derive(Debug, clap::Args)]
struct WordOptions {
    /// Find the time of every word.
    #[arg(long)]
    word_timestamps: bool,
    /// Punctuation that belongs to the word after it.
    #[arg(long, default_value = PREPEND_PUNCTUATIONS)]
    prepend_punctuations: String,
    /// Punctuation that belongs to the word before it.
    #[arg(long, default_value = APPEND_PUNCTUATIONS)]
    append_punctuations: String,
    /// Skip silence longer than this, in seconds, where text looks made up.
    #[arg(long, requires = "word_timestamps")]
    hallucination_silence_threshold: Option<f64>,
    /// Underline each word of subtitles while it is said.
    #[arg(long, requires = "word_timestamps")]
    highlight_words: bool,
    /// Characters in a line of subtitles.
    #[arg(long, requires = "word_timestamps")]
    max_line_width: Option<usize>,
    /// Lines in a subtitle; needs --max-line-width.
    #[arg(long, requires_all = ["word_timestamps", "max_line_width"])]
    max_line_count: Option<usize>,
    /// Words in a subtitle.
    #[arg(long, requires = "word_timestamps", conflicts_with = "max_line_width")]
    max_words_per_line: Option<usize>,
}

/// What to write.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    One(OutputFormat),
    /// The speakers' turns.
    Rttm,
    /// All of them; `Rttm` only where speakers were told apart.
    All,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        if word.eq_ignore_ascii_case("rttm") {
            return Ok(Self::Rttm);
        }
        let format = word.parse().map(Self::One);
        format.map_err(|_| format!("{word:?} is no format: use one of txt, vtt, srt, tsv, json, rttm, all"))
    }
}

/// A number, or `none`.
#[derive(Clone, Copy, Debug)]
struct Optional(Option<f64>);

impl FromStr for Optional {
    type Err = std::num::ParseFloatError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word.eq_ignore_ascii_case("none") {
            return Ok(Self(None));
        }
        word.parse().map(|number| Self(Some(number)))
    }
}

impl Arguments {
    /// Whether speakers are told apart.
    pub fn diarizes(&self) -> bool {
        self.speakers.diarize
    }

    pub fn options(&self, tokenizer: &WhisperTokenizer) -> Result<TranscribeOptions, WhisperError> {
        let Self {
            prompting,
            sampling,
            search,
            retries,
            voice,
            speakers,
            words,
            ..
        } = self;
        let vad_filter = voice.options()?;
        let detector = vad_filter
            .as_ref()
            .map_or(Detector::Energy, |vad| vad.detector.clone());
        let prefix = match &prompting.prefix {
            Some(prefix) => tokenizer.encode_prompt(prefix)?,
            None => Vec::new(),
        };
        Ok(TranscribeOptions {
            language: self.language.as_deref().map(language_code),
            task: self.task,
            temperatures: retries.temperatures(search.temperature),
            thresholds: Thresholds {
                compression_ratio: retries.compression_ratio_threshold.0,
                avg_logprob: retries.logprob_threshold.0,
                no_speech_prob: retries.no_speech_threshold.0,
            },
            condition_on_previous_text: !prompting.no_condition_on_previous_text,
            initial_prompt: prompting.initial_prompt.clone(),
            carry_initial_prompt: prompting.carry_initial_prompt,
            clip_timestamps: self.clip_timestamps.clone(),
            vad_filter,
            batch_size: voice.batch_size,
            word_timestamps: words.word_timestamps,
            prepend_punctuations: words.prepend_punctuations.clone(),
            append_punctuations: words.append_punctuations.clone(),
            hallucination_silence_threshold: words.hallucination_silence_threshold,
            diarization: speakers.options(detector)?,
            decode: DecodeOptions {
                best_of: search.best_of,
                beam_size: search.beam_size,
                patience: search.patience,
                length_penalty: search.length_penalty,
                prefix,
                without_timestamps: sampling.without_timestamps,
                suppress_blank: !sampling.no_suppress_blank,
                suppress_tokens: sampling.suppress_tokens.clone(),
                max_initial_timestamp: Some(sampling.max_initial_timestamp),
                sample_len: search.sample_len,
                seed: search.seed,
                ..DecodeOptions::new("en")
            },
        })
    }

    pub fn subtitles(&self) -> SubtitleOptions {
        SubtitleOptions {
            highlight_words: self.words.highlight_words,
            max_line_width: self.words.max_line_width,
            max_line_count: self.words.max_line_count,
            max_words_per_line: self.words.max_words_per_line,
        }
    }
}

impl VoiceActivity {
    /// Loads the detector; `None` where everything is heard.
    fn options(&self) -> Result<Option<VadOptions>, WhisperError> {
        if !self.vad_filter {
            return Ok(None);
        }
        let detector = match &self.vad_model {
            Some(file) => Detector::silero(file)?,
            None => Detector::Energy,
        };
        Ok(Some(VadOptions {
            detector,
            threshold: self.threshold,
            neg_threshold: self.neg_threshold,
            min_speech_duration_ms: self.min_speech_duration_ms,
            max_speech_duration_s: self.max_speech_duration_s,
            min_silence_duration_ms: self.min_silence_duration_ms,
            speech_pad_ms: self.speech_pad_ms,
        }))
    }
}

impl Retries {
    /// From the first temperature to 1.
    fn temperatures(&self, first: f64) -> Vec<f64> {
        let Some(increment) = self
            .temperature_increment_on_fallback
            .0
            .filter(|step| *step > 0.0)
        else {
            return vec![first];
        };
        let tries = (0..=u32::from(u16::MAX)).map(|step| first + f64::from(step) * increment);
        tries
            .take_while(|temperature| *temperature < 1.0 + 1e-6)
            .collect()
    }
}
