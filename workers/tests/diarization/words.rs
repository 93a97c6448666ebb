//! Words and segments find their speakers, and files show them.

use std::ops::ControlFlow;
use std::path::Path;

use tch::Device;
use workers::diarization::{Turn, assign};
use workers::whisper::writers::{OutputFormat, SubtitleOptions};
use workers::whisper::{Segment, TranscribeOptions, Transcription, Whisper, Word};

fn turns(turns: &[(f64, f64, &str)]) -> Vec<Turn> {
    let turn = |(start, end, speaker): &(f64, f64, &str)| Turn {
        start: *start,
        end: *end,
        speaker: (*speaker).to_owned(),
    };
    turns.iter().map(turn).collect()
}

fn word(start: f64, end: f64) -> Word {
    Word {
        word: " word".to_owned(),
        start,
        end,
        probability: 1.0,
        speaker: None,
    }
}

fn segment(text: &str, start: f64, end: f64, words: Option<Vec<Word>>) -> Segment {
    Segment {
        id: 0,
        seek: 0,
        start,
        end,
        text: text.to_owned(),
        tokens: Vec::new(),
        temperature: 0.0,
        avg_logprob: 0.0,
        compression_ratio: 1.0,
        no_speech_prob: 0.0,
        speaker: None,
        words,
    }
}

#[test]
fn a_word_is_said_by_who_overlaps_it_most_or_is_nearest() {
    let turns = turns(&[(1.0, 2.0, "A"), (2.0, 2.5, "B"), (2.5, 4.0, "A"), (6.0, 7.0, "B")]);
    let cases = [
        ((1.2, 1.8), "A"),
        ((1.9, 2.3), "B"),
        // Both turns of A together are longer than that of B.
        ((1.7, 2.9), "A"),
        // Of equals it is the first one.
        ((1.75, 2.25), "A"),
        ((0.0, 0.5), "A"),
        ((4.5, 4.9), "A"),
        ((5.5, 5.9), "B"),
        ((8.0, 9.0), "B"),
        // A word without length.
        ((2.2, 2.2), "B"),
        ((4.1, 4.1), "A"),
    ];
    for ((start, end), expected) in cases {
        let mut segments = [segment(" word", start, end, Some(vec![word(start, end)]))];
        assign(&mut segments, &turns);
        let [segment] = segments;
        assert_eq!(segment.speaker.as_deref(), Some(expected), "{start} {end}");
        assert_eq!(
            segment.words()[0].speaker.as_deref(),
            Some(expected),
            "{start} {end}"
        );
    }
    let mut blank = [segment("", 1.0, 1.0, None)];
    assign(&mut blank, &turns);
    assert_eq!(blank[0].speaker, None);
    let mut unheard = [segment(" word", 1.0, 2.0, Some(vec![word(1.0, 2.0)]))];
    assign(&mut unheard, &[]);
    assert_eq!(
        (&unheard[0].speaker, &unheard[0].words()[0].speaker),
        (&None, &None)
    );
}

/// Four words in one segment.
fn heard(words: bool) -> Transcription {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small");
    let samples =
        audio::decode_mono_16k(small.join("recordings/speech-1.wav"), audio::Limits::default()).unwrap();
    let options = TranscribeOptions {
        language: Some("en".to_owned()),
        word_timestamps: words,
        ..TranscribeOptions::default()
    };
    let whisper = Whisper::load(small, Device::Cpu).unwrap();
    whisper
        .transcribe(&samples, &options, |_| ControlFlow::Continue(()))
        .unwrap()
}

fn text_of_cues(subtitles: &str) -> Vec<&str> {
    let lines = subtitles
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.contains("-->"));
    lines.filter(|line| line.parse::<u32>().is_err()).collect()
}

#[test]
fn files_show_the_speaker_of_a_segment() {
    let mut heard = heard(false);
    assign(&mut heard.segments, &turns(&[(0.0, 2.0, "SPEAKER_00")]));
    let plain = SubtitleOptions::default();
    let expected = "[SPEAKER_00]: eleven turn today play";
    assert_eq!(heard.to_format(OutputFormat::Txt, plain), format!("{expected}\n"));
    for format in [OutputFormat::Srt, OutputFormat::Vtt] {
        assert_eq!(text_of_cues(&heard.to_format(format, plain)), [expected]);
    }
    assert!(!heard.to_format(OutputFormat::Tsv, plain).contains("SPEAKER"));
    assert!(
        heard
            .to_format(OutputFormat::Json, plain)
            .contains("\"speaker\": \"SPEAKER_00\"")
    );
}

#[test]
fn a_segment_of_two_speakers_is_shown_in_two_parts() {
    let mut heard = heard(true);
    let change = heard.segments[0].words()[1].end;
    let end = heard.segments[0].end;
    assign(
        &mut heard.segments,
        &turns(&[(0.0, change, "SPEAKER_00"), (change, end, "SPEAKER_01")]),
    );
    let expected = ["[SPEAKER_00]: eleven turn", "[SPEAKER_01]: today play"];
    let plain = SubtitleOptions::default();
    assert_eq!(
        heard.to_format(OutputFormat::Txt, plain),
        expected.join("\n") + "\n"
    );
    let across = SubtitleOptions {
        max_line_width: Some(40),
        max_line_count: Some(2),
        ..plain
    };
    for options in [plain, across] {
        for format in [OutputFormat::Srt, OutputFormat::Vtt] {
            assert_eq!(text_of_cues(&heard.to_format(format, options)), expected);
        }
    }
    let highlighted = SubtitleOptions {
        highlight_words: true,
        ..plain
    };
    let cues = heard.to_format(OutputFormat::Srt, highlighted);
    assert!(cues.contains("\n[SPEAKER_00]: <u>eleven</u> turn\n"), "{cues}");
    assert!(cues.contains("\n[SPEAKER_01]: today <u>play</u>\n"), "{cues}");
}
