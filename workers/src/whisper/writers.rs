//! A transcription as a file, as the reference's `utils.py` writes it: every segment, blank ones too.

use std::borrow::Cow;
use std::fmt::Write;

use super::numbers::count;
use super::segments::{Segment, Word};
use super::transcribe::Transcription;

/// A file format; its text form is also its file extension.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::EnumIter, strum::VariantNames,
)]
#[strum(serialize_all = "snake_case", ascii_case_insensitive)]
pub enum OutputFormat {
    /// One segment per line, no times.
    Txt,
    /// `WebVTT` subtitles.
    Vtt,
    /// `SubRip` subtitles.
    Srt,
    /// Start and end in milliseconds, and the text.
    Tsv,
    /// All that is known, and what made it.
    Json,
}

/// How subtitles are broken into cues and lines. All need word timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubtitleOptions {
    /// Underlines each word while it is said.
    pub highlight_words: bool,
    /// Characters in a line.
    pub max_line_width: Option<usize>,
    /// Lines in a cue; together with `max_line_width`, cues may cross segments.
    pub max_line_count: Option<usize>,
    /// Words in a cue; no effect with `max_line_width`.
    pub max_words_per_line: Option<usize>,
}

/// What is shown at one time.
struct Cue {
    start: String,
    end: String,
    text: String,
}

/// How a format writes times.
#[derive(Clone, Copy)]
struct Clock {
    point: char,
    always_hours: bool,
}

const VTT: Clock = Clock {
    point: '.',
    always_hours: false,
};
const SRT: Clock = Clock {
    point: ',',
    always_hours: true,
};
/// More words or characters than any cue or line has.
const UNLIMITED: usize = 1000;
/// Where cues may cross segments, a pause longer than this ends one, in seconds.
const PAUSE_SECONDS: f64 = 3.0;

impl Transcription {
    /// The whole file.
    pub fn to_format(&self, format: OutputFormat, options: SubtitleOptions) -> String {
        match format {
            OutputFormat::Txt => said(&self.segments)
                .map(|(speaker, text)| named(speaker, text.trim()) + "\n")
                .collect(),
            OutputFormat::Vtt => {
                let cues = cues(&self.segments, options, VTT);
                let cues = cues.iter().map(|cue| cue.block(String::new()));
                "WEBVTT\n\n".to_owned() + &cues.collect::<String>()
            }
            OutputFormat::Srt => {
                let numbered = (1..).zip(cues(&self.segments, options, SRT));
                numbered
                    .map(|(number, cue)| cue.block(format!("{number}\n")))
                    .collect()
            }
            OutputFormat::Tsv => {
                let ms = |seconds: f64| count(seconds * 1000.0);
                "start\tend\ttext\n".to_owned()
                    + &lines(&self.segments, |segment| {
                        let text = segment.text.trim().replace('\t', " ");
                        format!("{}\t{}\t{text}", ms(segment.start), ms(segment.end))
                    })
            }
            OutputFormat::Json => {
                // Strings and finite numbers always have a JSON form.
                let mut file = serde_json::to_string_pretty(self).unwrap_or_default();
                file.push('\n');
                file
            }
        }
    }
}

/// What one speaker says in a segment: a segment whose words have several speakers is cut where they change.
fn said(segments: &[Segment]) -> impl Iterator<Item = (Option<&str>, Cow<'_, str>)> {
    segments.iter().flat_map(|segment| {
        let runs: Vec<&[Word]> = by_speaker(segment.words()).collect();
        if runs.len() < 2 {
            let speaker = runs
                .first()
                .map_or(segment.speaker.as_deref(), |run| speaker(run));
            return vec![(speaker, Cow::Borrowed(segment.text.as_str()))];
        }
        let cut = runs
            .into_iter()
            .map(|run| (speaker(run), Cow::Owned(joined(run))));
        cut.collect()
    })
}

/// Words that follow each other and have the same speaker.
fn by_speaker(words: &[Word]) -> impl Iterator<Item = &[Word]> {
    words.chunk_by(|left, right| left.speaker == right.speaker)
}

fn speaker(words: &[Word]) -> Option<&str> {
    words.first().and_then(|word| word.speaker.as_deref())
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.word.as_str()).collect()
}

/// With its speaker before it, as `WhisperX` writes it.
fn named(speaker: Option<&str>, text: &str) -> String {
    speaker.map_or_else(|| text.to_owned(), |speaker| format!("[{speaker}]: {text}"))
}

fn lines(segments: &[Segment], line: impl Fn(&Segment) -> String) -> String {
    segments.iter().map(|segment| line(segment) + "\n").collect()
}

impl Cue {
    fn block(&self, head: String) -> String {
        let Self { start, end, text } = self;
        let mut block = head;
        // Writing into a string cannot fail.
        let _ = write!(block, "{start} --> {end}\n{text}\n\n");
        block
    }
}

/// A time in seconds as `WebVTT` writes it: 01:02.345, with hours where there are any.
pub fn clock(seconds: f64) -> String {
    VTT.write(seconds)
}

impl Clock {
    fn write(self, seconds: f64) -> String {
        let ms = count(seconds * 1000.0);
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let hours = if self.always_hours || hours > 0 {
            format!("{hours:02}:")
        } else {
            String::new()
        };
        format!("{hours}{minutes:02}:{seconds:02}{}{:03}", self.point, ms % 1000)
    }
}

/// `SubtitlesWriter.iterate_result`: by words where there are any, else one cue per segment.
fn cues(segments: &[Segment], options: SubtitleOptions, clock: Clock) -> Vec<Cue> {
    if segments.first().is_some_and(|segment| segment.words.is_some()) {
        let cues = words_of_cues(segments, options);
        return cues
            .iter()
            .flat_map(|words| by_words(words, options, clock))
            .collect();
    }
    segments
        .iter()
        .map(|segment| Cue {
            start: clock.write(segment.start),
            end: clock.write(segment.end),
            text: named(
                segment.speaker.as_deref(),
                &segment.text.trim().replace("-->", "->"),
            ),
        })
        .collect()
}

/// The cues of one group of words: one, or one for each word and each gap where words are underlined.
fn by_words(words: &[Word], options: SubtitleOptions, clock: Clock) -> Vec<Cue> {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Vec::new();
    };
    let speaker = speaker(words);
    let text = named(speaker, &joined(words));
    let begin = clock.write(first.start);
    if !options.highlight_words {
        let end = clock.write(last.end);
        return vec![Cue {
            start: begin,
            end,
            text,
        }];
    }
    let mut cues = Vec::new();
    let mut shown_until = begin;
    for (place, word) in words.iter().enumerate() {
        let (start, end) = (clock.write(word.start), clock.write(word.end));
        if shown_until != start {
            cues.push(Cue {
                start: shown_until,
                end: start.clone(),
                text: text.clone(),
            });
        }
        let marked = words.iter().enumerate().map(|(at, word)| {
            if at == place {
                underlined(&word.word)
            } else {
                word.word.clone()
            }
        });
        cues.push(Cue {
            start,
            end: end.clone(),
            text: named(speaker, &marked.collect::<String>()),
        });
        shown_until = end;
    }
    cues
}

/// Space before the word stays outside.
fn underlined(word: &str) -> String {
    let bare = word.trim_start();
    let space = word.strip_suffix(bare).unwrap_or_default();
    format!("{space}<u>{bare}</u>")
}

/// The cue that is being filled.
#[derive(Default)]
struct Filling {
    done: Vec<Vec<Word>>,
    words: Vec<Word>,
    /// Characters in its last line.
    width: usize,
    lines: usize,
}

impl Filling {
    fn end_cue(&mut self) {
        self.done.push(std::mem::take(&mut self.words));
        self.lines = 1;
    }
}

/// The words of each cue; a word that begins a line begins with a line end.
fn words_of_cues(segments: &[Segment], options: SubtitleOptions) -> Vec<Vec<Word>> {
    let limit = |option: Option<usize>| option.filter(|most| *most > 0);
    let width_max = limit(options.max_line_width);
    let lines_max = limit(options.max_line_count);
    let keeps_segments = width_max.is_none() || lines_max.is_none();
    let width_max = width_max.unwrap_or(UNLIMITED);
    let words_max = limit(options.max_words_per_line).unwrap_or(UNLIMITED);

    let mut cue = Filling {
        lines: 1,
        ..Filling::default()
    };
    let mut last = first_start(segments);
    let runs = segments.iter().flat_map(|segment| by_speaker(segment.words()));
    for chunk in runs.flat_map(|run| run.chunks(words_max)) {
        let turn = cue
            .words
            .last()
            .is_some_and(|word| speaker(chunk) != word.speaker.as_deref());
        for (place, word) in chunk.iter().enumerate() {
            let mut word = word.clone();
            let length = word.word.chars().count();
            let pause = !keeps_segments && word.start - last > PAUSE_SECONDS;
            let breaks = place == 0 && !cue.words.is_empty() && (keeps_segments || turn);
            if cue.width > 0 && cue.width + length <= width_max && !pause && !breaks {
                cue.width += length;
            } else {
                let bare = word.word.trim().to_owned();
                let full = lines_max.is_some_and(|most| pause || cue.lines >= most);
                let width = bare.chars().count();
                word.word = bare;
                if !cue.words.is_empty() && full || breaks {
                    cue.end_cue();
                } else if cue.width > 0 {
                    cue.lines += 1;
                    word.word.insert(0, '\n');
                }
                cue.width = width;
            }
            last = word.start;
            cue.words.push(word);
        }
    }
    if !cue.words.is_empty() {
        cue.end_cue();
    }
    cue.done
}

/// Start of the first word, or of the first segment where there are no words, in seconds.
fn first_start(segments: &[Segment]) -> f64 {
    let words = segments.iter().flat_map(Segment::words);
    words
        .map(|word| word.start)
        .next()
        .or_else(|| segments.first().map(|segment| segment.start))
        .unwrap_or_default()
}
