//! The files that a transcript can be taken home as: TXT, SRT, `WebVTT` and JSON.

use std::fmt::Write;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::{Segment, Transcript};

/// A file format; its text form (`txt`, `srt`, …) is also its file extension.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::EnumIter, strum::AsRefStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TranscriptFormat {
    /// One segment per line, no times.
    Txt,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    Vtt,
    /// The transcript as it is stored.
    Json,
}

/// A word that names no [`TranscriptFormat`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no transcript format: use one of txt, srt, vtt, json")]
pub struct UnknownTranscriptFormat(pub String);

impl TranscriptFormat {
    /// File extension without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Json => "json",
        }
    }

    /// Media type for HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Txt => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

impl FromStr for TranscriptFormat {
    type Err = UnknownTranscriptFormat;

    /// Takes any case.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let wanted = word.to_ascii_lowercase();
        Self::iter()
            .find(|format| format.extension() == wanted)
            .ok_or_else(|| UnknownTranscriptFormat(word.to_owned()))
    }
}

impl Transcript {
    /// The whole file in `format`.
    pub fn to_format(&self, format: TranscriptFormat) -> String {
        match format {
            TranscriptFormat::Txt => self.to_txt(),
            TranscriptFormat::Srt => self.to_srt(),
            TranscriptFormat::Vtt => self.to_vtt(),
            TranscriptFormat::Json => self.to_json(),
        }
    }

    /// One segment per line.
    pub fn to_txt(&self) -> String {
        self.segments.iter().fold(String::new(), |file, segment| {
            file + &one_line(&segment.text) + "\n"
        })
    }

    /// Numbered cues, `HH:MM:SS,mmm`, each followed by a blank line.
    pub fn to_srt(&self) -> String {
        let mut file = String::new();
        for (number, segment) in (1..).zip(&self.segments) {
            let Segment { start_ms, end_ms, .. } = *segment;
            // Writing into a string cannot fail.
            let _ = write!(
                file,
                "{number}\n{} --> {}\n{}\n\n",
                clock(start_ms, ','),
                clock(end_ms, ','),
                one_line(&segment.text).replace("-->", "->")
            );
        }
        file
    }

    /// `WebVTT`: header, then cues with `HH:MM:SS.mmm`; markup characters are escaped.
    pub fn to_vtt(&self) -> String {
        let mut file = "WEBVTT\n\n".to_owned();
        for segment in &self.segments {
            let text = one_line(&segment.text).replace("-->", "->");
            let text = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            let (start, end) = (clock(segment.start_ms, '.'), clock(segment.end_ms, '.'));
            let _ = write!(file, "{start} --> {end}\n{text}\n\n");
        }
        file
    }

    /// The transcript's own fields, indented.
    pub fn to_json(&self) -> String {
        // Strings and whole numbers always have a JSON form.
        let mut file = serde_json::to_string_pretty(self).unwrap_or_default();
        file.push('\n');
        file
    }
}

/// A cue ends at a blank line, so its text must not hold line ends.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clock(ms: u64, point: char) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> Transcript {
        let segment = |index, start_ms, end_ms, text: &str| Segment {
            index,
            start_ms,
            end_ms,
            text: text.to_owned(),
        };
        Transcript {
            language: "en".to_owned(),
            duration_ms: 3_726_000,
            text: "eleven turn today play tea & <milk> --> now late".to_owned(),
            segments: vec![
                segment(0, 0, 1_840, "eleven turn today play"),
                segment(1, 59_999, 60_000, "tea & <milk>\n\n--> now"),
                segment(2, 3_725_004, 3_726_000, "late"),
            ],
        }
    }

    #[test]
    fn txt_has_one_line_per_segment() {
        assert_eq!(
            transcript().to_txt(),
            "eleven turn today play\ntea & <milk> --> now\nlate\n"
        );
    }

    #[test]
    fn srt_counts_from_one_and_writes_commas() {
        let expected = "1\n00:00:00,000 --> 00:00:01,840\neleven turn today play\n\n\
             2\n00:00:59,999 --> 00:01:00,000\ntea & <milk> -> now\n\n\
             3\n01:02:05,004 --> 01:02:06,000\nlate\n\n";
        assert_eq!(transcript().to_srt(), expected);
    }

    #[test]
    fn vtt_has_its_header_and_escapes_markup() {
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.840\neleven turn today play\n\n\
             00:00:59.999 --> 00:01:00.000\ntea &amp; &lt;milk&gt; -&gt; now\n\n\
             01:02:05.004 --> 01:02:06.000\nlate\n\n";
        assert_eq!(transcript().to_vtt(), expected);
    }

    #[test]
    fn json_is_read_back_as_the_same_transcript() {
        let file = transcript().to_format(TranscriptFormat::Json);
        assert_eq!(serde_json::from_str::<Transcript>(&file).unwrap(), transcript());
    }

    #[test]
    fn an_empty_transcript_is_a_valid_file_in_every_format() {
        let empty = Transcript {
            language: "en".to_owned(),
            duration_ms: 0,
            text: String::new(),
            segments: vec![],
        };
        let files: Vec<String> = TranscriptFormat::iter()
            .map(|format| empty.to_format(format))
            .collect();
        assert_eq!(&files[..3], ["", "", "WEBVTT\n\n"]);
        assert!(files[3].starts_with('{'));
    }

    #[test]
    fn a_format_is_named_by_its_extension_in_any_case() {
        for format in TranscriptFormat::iter() {
            assert_eq!(format.extension().to_uppercase().parse(), Ok(format));
            assert_eq!(format.as_ref(), format.extension());
        }
        let error = "doc".parse::<TranscriptFormat>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"doc\" is no transcript format: use one of txt, srt, vtt, json"
        );
    }
}
