//! Talks whose turns are known. `cargo nextest run --workspace --success-output final -E 'test(talks::the_)'` prints
//! the table; with `--run-ignored all` also that of the talks in the folder `generated`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use workers::diarization::{DiarizationOptions, Turn, rttm};

use super::error_rate::{self, Errors, errors, read_rttm};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/diarization")
        .join(name)
}

pub fn samples(talk: &Path) -> Vec<f32> {
    audio::decode_mono_16k(talk, audio::Limits::default()).unwrap()
}

pub fn talk(name: &str) -> PathBuf {
    folder("talks").join(name)
}

fn named(turns: &[Turn]) -> Vec<error_rate::Turn> {
    turns
        .iter()
        .map(|turn| (turn.speaker.clone(), turn.start, turn.end))
        .collect()
}

fn speakers(turns: &[error_rate::Turn]) -> usize {
    turns.iter().map(|turn| &turn.0).collect::<BTreeSet<_>>().len()
}

/// Errors by the number of voices, and by whether that number was known; and each talk's, to be printed.
fn table(folder: &Path) -> (BTreeMap<(usize, bool), Errors>, String) {
    let mut sums: BTreeMap<(usize, bool), Errors> = BTreeMap::new();
    let mut table = String::new();
    let entries = std::fs::read_dir(folder).unwrap();
    let mut talks: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    talks.retain(|path| path.extension().is_some_and(|extension| extension == "opus"));
    talks.sort();
    for talk in talks {
        let (samples, reference) = (samples(&talk), talk.with_extension("rttm"));
        let reference = read_rttm(&std::fs::read_to_string(reference).unwrap());
        let voices = speakers(&reference);
        for known in [true, false] {
            let options = DiarizationOptions {
                num_speakers: known.then_some(voices),
                ..DiarizationOptions::default()
            };
            let found = named(&options.diarize(&samples).unwrap());
            let scored = errors(&reference, &found);
            let (name, word) = (
                talk.file_stem().unwrap().display(),
                if known { "known" } else { "unknown" },
            );
            writeln!(
                table,
                "{name}: {voices} {word}, {} found: {scored}",
                speakers(&found)
            )
            .unwrap();
            sums.entry((voices, known)).or_default().add(scored);
        }
    }
    for ((voices, known), sum) in &sums {
        let word = if *known { "known" } else { "unknown" };
        writeln!(table, "{voices} voices, number {word}: {sum}").unwrap();
    }
    (sums, table)
}

#[test]
fn the_talks_are_told_apart_within_bounds() {
    let (sums, table) = table(&folder("talks"));
    print!("{table}");
    let rate = |voices, known| sums.get(&(voices, known)).unwrap().rate();
    assert_eq!(sums.len(), 6);
    assert!(rate(1, true) <= 0.05 && rate(1, false) <= 0.05);
    assert!(rate(2, true) <= 0.08 && rate(2, false) <= 0.15);
    assert!(rate(3, true) <= 0.12 && rate(3, false) <= 0.20);
}

#[test]
#[ignore = "needs talks: generate.py writes them into workers/tests/diarization/generated"]
fn the_table_of_generated_talks() {
    let (sums, table) = table(&folder("generated"));
    print!("{table}");
    assert!(!sums.is_empty());
}

#[test]
fn the_same_talk_has_the_same_turns() {
    let samples = samples(&talk("voices-2025-2-0.opus"));
    let options = DiarizationOptions::default();
    let found = options.diarize(&samples).unwrap();
    assert_eq!(options.diarize(&samples).unwrap(), found);
    // The labels are in the order of first speech, and turns are in order and apart.
    assert_eq!(found.first().unwrap().speaker, "SPEAKER_00");
    assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
    assert!(found.iter().all(|turn| turn.start < turn.end));
}

#[test]
fn the_number_of_speakers_is_kept() {
    let samples = samples(&talk("voices-2025-3-0.opus"));
    let count = |num_speakers, min_speakers, max_speakers| {
        let options = DiarizationOptions {
            num_speakers,
            min_speakers,
            max_speakers,
            ..DiarizationOptions::default()
        };
        speakers(&named(&options.diarize(&samples).unwrap()))
    };
    for exactly in [1, 2, 3, 4, 5] {
        assert_eq!(count(Some(exactly), None, None), exactly);
    }
    assert_eq!(count(None, None, Some(2)), 2);
    assert_eq!(count(None, Some(5), None), 5);
    assert_eq!(count(None, None, Some(1)), 1);
}

#[test]
fn rttm_has_a_line_for_each_turn() {
    let turns = [(0.5, 1.25, "SPEAKER_00"), (2.0, 12.34, "SPEAKER_01")].map(|(start, end, speaker)| Turn {
        start,
        end,
        speaker: speaker.to_owned(),
    });
    assert_eq!(
        rttm("a talk", &turns),
        "SPEAKER a_talk 1 0.500 0.750 <NA> <NA> SPEAKER_00 <NA> <NA>\n\
         SPEAKER a_talk 1 2.000 10.340 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    );
    let read = read_rttm(&rttm("a talk", &turns));
    assert_eq!(errors(&named(&turns), &read).rate().to_bits(), 0);
}

#[test]
fn the_error_rate_counts_what_is_missed_made_up_and_confused() {
    let turn = |name: &str, start, end| (name.to_owned(), start, end);
    let reference = [turn("a", 0.0, 10.0), turn("b", 10.0, 20.0)];
    // Scored are 0.25 s to 9.75 s and 10.25 s to 19.75 s: 19 s.
    let scored = |found: &[error_rate::Turn]| {
        let Errors {
            speech,
            missed,
            false_alarm,
            confused,
        } = errors(&reference, found);
        assert_eq!(speech, 1900);
        (missed, false_alarm, confused)
    };
    assert_eq!(scored(&[turn("x", 0.0, 10.2), turn("y", 10.2, 20.0)]), (0, 0, 0));
    assert_eq!(scored(&[turn("x", 0.0, 20.0)]), (0, 0, 950));
    assert_eq!(scored(&[]), (1900, 0, 0));
    assert_eq!(
        scored(&[turn("y", 0.0, 12.25), turn("x", 12.25, 22.25)]),
        (0, 200, 200)
    );
    assert_eq!(
        scored(&[turn("y", 0.0, 5.0), turn("z", 5.0, 10.0), turn("x", 10.0, 15.0)]),
        (475, 0, 475)
    );
}
