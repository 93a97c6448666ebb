//! The rules of silero-vad's `get_speech_timestamps`, followed by hand. A frame is 512 samples; a millisecond 16.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use workers::vad::{Detector, FRAME_SAMPLES, Span, VadOptions, speech_spans};

const FRAME: usize = FRAME_SAMPLES;

/// Probabilities from runs: how many frames of which.
fn frames(runs: &[(usize, f64)]) -> Vec<f64> {
    let each = runs.iter();
    each.flat_map(|(count, probability)| vec![*probability; *count])
        .collect()
}

fn found(runs: &[(usize, f64)], options: &VadOptions) -> Vec<(usize, usize)> {
    let probabilities = frames(runs);
    let spans = speech_spans(&probabilities, probabilities.len() * FRAME, options);
    spans.iter().map(|span| (span.start, span.end)).collect()
}

fn without_padding() -> VadOptions {
    VadOptions {
        speech_pad_ms: 0,
        ..VadOptions::default()
    }
}

#[test]
fn speech_is_widened_by_400_ms() {
    let runs = [(20, 0.0), (10, 1.0), (70, 0.0)];
    assert_eq!(
        found(&runs, &VadOptions::default()),
        [(20 * FRAME - 6400, 30 * FRAME + 6400)]
    );
    // Not beyond the recording.
    let runs = [(5, 0.0), (10, 1.0), (5, 0.0)];
    assert_eq!(found(&runs, &VadOptions::default()), [(0, 20 * FRAME)]);
}

#[test]
fn speech_of_250_ms_or_less_is_dropped() {
    // 7 frames are 224 ms, 8 are 256 ms.
    let options = without_padding();
    assert_eq!(found(&[(9, 0.0), (7, 1.0), (70, 0.0)], &options), []);
    assert_eq!(
        found(&[(9, 0.0), (8, 1.0), (70, 0.0)], &options),
        [(9 * FRAME, 17 * FRAME)]
    );
    // Also at the end of the recording, where the pause is not waited for.
    assert_eq!(found(&[(9, 0.0), (7, 1.0)], &options), []);
    assert_eq!(found(&[(9, 0.0), (8, 1.0)], &options), [(9 * FRAME, 17 * FRAME)]);
}

#[test]
fn silence_shorter_than_2_s_does_not_end_speech() {
    // 2 s are 62.5 frames: the frame that begins 63 frames after the pause did is the 64th silent one.
    let options = without_padding();
    assert_eq!(
        found(&[(10, 1.0), (63, 0.0), (10, 1.0)], &options),
        [(0, 83 * FRAME)]
    );
    assert_eq!(
        found(&[(10, 1.0), (64, 0.0), (10, 1.0)], &options),
        [(0, 10 * FRAME), (74 * FRAME, 84 * FRAME)]
    );
    // A recording that ends before it has been silent for so long ends with speech.
    assert_eq!(found(&[(10, 1.0), (40, 0.0)], &options), [(0, 50 * FRAME)]);
}

#[test]
fn between_the_thresholds_a_frame_is_what_the_one_before_it_was() {
    let options = without_padding();
    assert_eq!(found(&[(50, 0.49)], &options), []);
    assert_eq!(
        found(&[(1, 0.5), (50, 0.36), (64, 0.34)], &options),
        [(0, 51 * FRAME)]
    );
    // The pause goes on through such frames.
    let runs = [(10, 1.0), (1, 0.0), (70, 0.4), (1, 0.0), (10, 1.0)];
    assert_eq!(
        found(&runs, &options),
        [(0, 10 * FRAME), (82 * FRAME, 92 * FRAME)]
    );
    let strict = VadOptions {
        neg_threshold: Some(0.5),
        ..without_padding()
    };
    assert_eq!(found(&[(10, 0.5), (64, 0.49)], &strict), [(0, 10 * FRAME)]);
    // A low threshold leaves 0.01 for silence.
    let low = VadOptions {
        threshold: 0.1,
        ..without_padding()
    };
    assert_eq!(
        found(&[(10, 0.1), (10, 0.01), (64, 0.009)], &low),
        [(0, 20 * FRAME)]
    );
}

#[test]
fn neighbours_halve_silence_that_is_too_short_for_their_padding() {
    // 100 ms are 3.1 frames: the fifth silent frame ends speech. 11 frames are less than 800 ms, 25 are just that.
    let options = VadOptions {
        min_silence_duration_ms: 100,
        ..VadOptions::default()
    };
    assert_eq!(
        found(&[(10, 1.0), (11, 0.0), (10, 1.0)], &options),
        [(0, 10 * FRAME + 2816), (10 * FRAME + 2816, 31 * FRAME)]
    );
    assert_eq!(
        found(&[(10, 1.0), (26, 0.0), (10, 1.0)], &options),
        [(0, 10 * FRAME + 6400), (36 * FRAME - 6400, 46 * FRAME)]
    );
}

/// 3 s less a frame and two pads: 34,688 samples, so speech is too long at its 69th frame.
fn three_seconds() -> VadOptions {
    VadOptions {
        max_speech_duration_s: Some(3.0),
        ..VadOptions::default()
    }
}

#[test]
fn speech_that_is_too_long_is_cut() {
    // The frame of the cut is silence; the next one begins anew. Neighbours share the frame.
    assert_eq!(
        found(&[(200, 1.0)], &three_seconds()),
        [
            (0, 68 * FRAME + 256),
            (68 * FRAME + 256, 137 * FRAME + 256),
            (137 * FRAME + 256, 200 * FRAME)
        ]
    );
}

#[test]
fn speech_that_is_too_long_is_split_at_its_last_pause_of_more_than_98_ms() {
    // Five silent frames: the last begins 2,048 samples after the pause, 98 ms are 1,568.
    let runs = [(30, 1.0), (5, 0.0), (65, 1.0)];
    let shared = 30 * FRAME + 1280;
    assert_eq!(
        found(&runs, &three_seconds()),
        [(0, shared), (shared, 100 * FRAME)]
    );
    // Four: the last begins 1,536 samples after it.
    let runs = [(30, 1.0), (4, 0.0), (66, 1.0)];
    let shared = 68 * FRAME + 256;
    assert_eq!(
        found(&runs, &three_seconds()),
        [(0, shared), (shared, 100 * FRAME)]
    );
    // The last of two pauses.
    let runs = [(20, 1.0), (5, 0.0), (20, 1.0), (5, 0.0), (50, 1.0)];
    let shared = 45 * FRAME + 1280;
    assert_eq!(
        found(&runs, &three_seconds()),
        [(0, shared), (shared, 100 * FRAME)]
    );
    // Speech that has not gone on since the pause ends with it.
    assert_eq!(
        found(&[(60, 1.0), (60, 0.0)], &three_seconds()),
        [(0, 60 * FRAME + 6400)]
    );
    // A pause after less than the shortest speech is no place to split.
    let runs = [(5, 1.0), (5, 0.0), (90, 1.0)];
    assert_eq!(
        found(&runs, &three_seconds()).first().unwrap(),
        &(0, 68 * FRAME + 256)
    );
}

#[test]
fn nothing_and_numbers_that_are_none_are_no_speech() {
    assert_eq!(found(&[], &VadOptions::default()), []);
    assert_eq!(found(&[(100, f64::NAN)], &VadOptions::default()), []);
}

#[test]
fn spans_are_in_order_apart_within_the_recording_and_of_allowed_length() {
    let mut random = StdRng::seed_from_u64(20);
    for case in 0..3000 {
        let mut runs = Vec::new();
        for _ in 0..random.random_range(0..25) {
            let level = [0.0, 0.2, 0.34, 0.4, 0.5, 0.9].get(random.random_range(0..6));
            runs.push((random.random_range(1..80), *level.unwrap()));
        }
        let probabilities = frames(&runs);
        let missing = random.random_range(0..FRAME);
        let samples = (probabilities.len() * FRAME).saturating_sub(missing);
        let (pad, shortest) = (random.random_range(0..600), random.random_range(0..600));
        let room = f64::from(pad * 2 + shortest + 64) / 1000.0;
        let options = VadOptions {
            threshold: random.random_range(0.1..0.9),
            min_speech_duration_ms: shortest,
            max_speech_duration_s: random
                .random_bool(0.7)
                .then(|| room + random.random_range(0.0..4.0)),
            min_silence_duration_ms: random.random_range(0..2500),
            speech_pad_ms: pad,
            ..VadOptions::default()
        };
        options.check().unwrap();
        let spans = speech_spans(&probabilities, samples, &options);
        let mut known = 0;
        for Span { start, end } in spans {
            assert!(known <= start && start < end && end <= samples, "{case}");
            let seconds = f64::from(u32::try_from(end - start).unwrap()) / 16_000.0;
            assert!(seconds > f64::from(shortest) / 1000.0, "{case}: {seconds}");
            assert!(
                seconds <= options.max_speech_duration_s.unwrap_or(f64::INFINITY) + 1e-4,
                "{case}: {seconds}"
            );
            known = end;
        }
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let default = VadOptions::default;
    let cases = [
        (
            VadOptions {
                threshold: 1.1,
                ..default()
            },
            "threshold",
        ),
        (
            VadOptions {
                threshold: f64::NAN,
                ..default()
            },
            "threshold",
        ),
        (
            VadOptions {
                neg_threshold: Some(0.6),
                ..default()
            },
            "neg_threshold",
        ),
        (
            VadOptions {
                neg_threshold: Some(-0.1),
                ..default()
            },
            "neg_threshold",
        ),
        (
            VadOptions {
                max_speech_duration_s: Some(1.113),
                ..default()
            },
            "max_speech_duration_s",
        ),
        (
            VadOptions {
                max_speech_duration_s: Some(f64::NAN),
                ..default()
            },
            "max_speech_duration_s",
        ),
    ];
    for (options, name) in cases {
        let error = options.check().unwrap_err();
        assert_eq!(error.code(), "OPTION_UNUSABLE");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let least = VadOptions {
        max_speech_duration_s: Some(1.114),
        ..default()
    };
    least.check().unwrap();
    assert!(matches!(least.detector, Detector::Energy));
}
