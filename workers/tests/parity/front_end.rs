//! Log-mel spectrogram, encoder and the first logits.

use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};

use super::{assert_close, assert_near, first_window, golden, golden_array, ids, samples, whisper};

#[test]
fn the_log_mel_spectrogram_of_one_window_agrees() {
    let mel = LogMel::compute(&samples()[..WINDOW_SAMPLES], 0, 80).unwrap();
    assert_eq!((mel.mels, mel.frames), (80, WINDOW_FRAMES));
    assert_close(
        "log-mel",
        &mel.window(0, WINDOW_FRAMES),
        &golden_array("mel"),
        1e-4,
    );
}

#[test]
fn the_log_mel_spectrogram_of_the_whole_file_has_one_floor() {
    let mel = LogMel::compute(&samples(), WINDOW_SAMPLES, 80).unwrap();
    let golden = golden();
    let expected = &golden["mel_transcribe_style"];
    assert_eq!(mel.frames, 7100);
    let windows = [(0, 3000), (3000, 3000), (6000, 1100)];
    let values: Vec<f64> = windows
        .iter()
        .flat_map(|(start, length)| {
            let window = mel.window(*start, *length);
            let rows = window
                .chunks(WINDOW_FRAMES)
                .flat_map(|row| row[..*length].to_vec())
                .collect::<Vec<f32>>();
            rows.into_iter().map(f64::from)
        })
        .collect();
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    assert_near("sum", sum, expected["sum"].as_f64().unwrap(), 1.0);
    assert_near(
        "sum of squares",
        squares,
        expected["sumsq"].as_f64().unwrap(),
        1.0,
    );
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    assert_near("floor", smallest, expected["min"].as_f64().unwrap(), 1e-5);
}

#[test]
fn a_short_window_is_filled_up_with_zeros_not_silence() {
    let mel = LogMel::compute(&samples(), WINDOW_SAMPLES, 80).unwrap();
    let window = mel.window(3000, 1100);
    assert!(
        window
            .chunks(WINDOW_FRAMES)
            .all(|row| row[1100..].iter().all(|value| *value == 0.0))
    );
    assert!(window[..1100].iter().all(|value| *value != 0.0));
}

#[test]
fn the_encoder_agrees() {
    let whisper = whisper();
    let heard = first_window(&whisper).to_vec().unwrap();
    assert_close("encoder", &heard, &golden_array("encoder_out"), 2e-4);
}

#[test]
fn the_first_logits_agree() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let golden = golden();
    let prompt = ids(&golden["logits_step0"]["prompt"]);
    let mut state = whisper.model.start(&features, 10).unwrap();
    let logits = whisper.model.read(&mut state, &prompt, &[2]).unwrap();
    assert_close("logits", &logits[0], &golden_array("logits_step0_ts"), 1e-3);
    let mut order: Vec<usize> = (0..logits[0].len()).collect();
    order.sort_by(|a, b| logits[0][*b].total_cmp(&logits[0][*a]));
    let best: Vec<u32> = order[..10].iter().map(|id| u32::try_from(*id).unwrap()).collect();
    assert_eq!(best, ids(&golden["logits_step0"]["top10"]));
}

#[test]
fn reading_token_by_token_gives_the_same_logits_as_reading_at_once() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let tokens = [50_258, 50_259, 50_359, 50_397, 489, 489, 29_907];
    let mut at_once = whisper.model.start(&features, 10).unwrap();
    let expected = whisper.model.read(&mut at_once, &tokens, &[6]).unwrap();
    let mut stepwise = whisper.model.start(&features, 10).unwrap();
    let mut found = Vec::new();
    for token in tokens {
        found = whisper.model.read(&mut stepwise, &[token], &[0]).unwrap();
    }
    assert_close("logits", &found[0], &expected[0], 1e-4);
}

#[test]
fn the_language_is_detected_with_the_reference_probabilities() {
    let whisper = whisper();
    let (language, probabilities) = whisper.detect_language(&first_window(&whisper)).unwrap();
    let golden = golden();
    let expected = golden["language"]["probs"].as_object().unwrap();
    assert_eq!(language, "ln");
    assert_eq!(probabilities.len(), 99);
    for (code, probability) in &probabilities[..expected.len()] {
        assert_near(code, *probability, expected[code].as_f64().unwrap(), 1e-4);
    }
}
