//! Recordings in which there is little to tell apart, and words between turns.

use workers::diarization::DiarizationOptions;

use super::talks::{samples, talk};

const SECOND: usize = 16_000;

fn exactly(num_speakers: usize) -> DiarizationOptions {
    DiarizationOptions {
        num_speakers: Some(num_speakers),
        ..DiarizationOptions::default()
    }
}

#[test]
fn nobody_speaks_in_silence() {
    for silence in [
        vec![],
        vec![0.0; 100],
        vec![0.0; 30 * SECOND],
        vec![f32::NAN; 30 * SECOND],
    ] {
        for options in [DiarizationOptions::default(), exactly(3)] {
            assert_eq!(options.diarize(&silence).unwrap(), []);
        }
    }
}

#[test]
fn little_speech_has_as_many_speakers_as_it_can() {
    let speech = samples(&talk("voices-2025-2-0.opus"));
    for length in [100, 1600, 8000, SECOND, 2 * SECOND, 4 * SECOND] {
        // Silence before it, so that there is a noise floor.
        let short = [vec![0.0; 2 * SECOND], speech[SECOND..SECOND + length].to_vec()].concat();
        for speakers in [1, 2, 50] {
            let turns = exactly(speakers).diarize(&short).unwrap();
            assert!(
                turns
                    .iter()
                    .all(|turn| turn.start >= 1.5 && turn.start < turn.end)
            );
        }
    }
    let turns = exactly(10_000).diarize(&speech).unwrap();
    assert!(turns.len() > 10);
}

#[test]
fn samples_that_are_no_numbers_are_silence() {
    let speech = samples(&talk("voices-2025-2-0.opus"));
    let with = |hole: f32| {
        let mut samples = speech.clone();
        samples[20 * SECOND..21 * SECOND].fill(hole);
        DiarizationOptions::default().diarize(&samples).unwrap()
    };
    let silent = with(0.0);
    assert!(!silent.is_empty());
    for hole in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(with(hole), silent);
    }
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let cases = [
        ((Some(0), None, None), "num_speakers cannot be used: it is 0"),
        ((None, Some(0), None), "min_speakers cannot be used: it is 0"),
        ((None, None, Some(0)), "max_speakers cannot be used: it is 0"),
        (
            (Some(2), Some(1), None),
            "leave out either it, or min_speakers and max_speakers",
        ),
        (
            (Some(2), None, Some(3)),
            "leave out either it, or min_speakers and max_speakers",
        ),
        (
            (None, Some(3), Some(2)),
            "it is 3, more than max_speakers, which is 2",
        ),
        (
            (None, Some(11), None),
            "it is 11, more than max_speakers, which is 10",
        ),
    ];
    for ((num_speakers, min_speakers, max_speakers), message) in cases {
        let options = DiarizationOptions {
            num_speakers,
            min_speakers,
            max_speakers,
            ..DiarizationOptions::default()
        };
        let error = options.diarize(&[]).unwrap_err();
        assert_eq!(error.code(), "OPTION_UNUSABLE");
        assert!(error.to_string().contains(message), "{error}");
    }
    for speaker_threshold in [-0.1, 2.1, f64::NAN] {
        let options = DiarizationOptions {
            speaker_threshold,
            ..DiarizationOptions::default()
        };
        assert!(
            options
                .check()
                .unwrap_err()
                .to_string()
                .starts_with("speaker_threshold")
        );
    }
}
